// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/script.h"

#include <gtest/gtest.h>

namespace socksify::testserver {
namespace {

TEST(ScriptTest, EmptyTextBendsNothing) {
  const auto script = ParseScript(" \n");
  ASSERT_TRUE(script.has_value());
  EXPECT_FALSE(script->reply.code || script->reply.version || script->reply.truncate || script->close_at);
  EXPECT_EQ(script->reply.gap_ms, 1U);
  EXPECT_EQ(script->close_with, CloseHow::kFin);
}

TEST(ScriptTest, ReadsEveryStep) {
  const auto script = ParseScript(
      "method.version=4 method.code=none auth.version=5 auth.code=0x17 reply.version=0 reply.code=5\n"
      "reply.delay=100 reply.split=1 reply.gap=7 reply.truncate=3 reply.silent=1 reply.trailing=a%20b%00 "
      "reply.junk=1000000 reply.bound=[2001:db8::1]:80\tclose.at=9 close.with=rst");
  ASSERT_TRUE(script.has_value()) << script.error();
  EXPECT_EQ(script->method.version, 4);
  EXPECT_EQ(script->method.code, 255);
  EXPECT_EQ(script->auth.version, 5);
  EXPECT_EQ(script->auth.code, 0x17);
  EXPECT_EQ(script->reply.version, 0);
  EXPECT_EQ(script->reply.code, 5);
  EXPECT_EQ(script->reply.delay_ms, 100U);
  EXPECT_EQ(script->reply.split, 1U);
  EXPECT_EQ(script->reply.gap_ms, 7U);
  EXPECT_EQ(script->reply.truncate, 3U);
  EXPECT_TRUE(script->reply.silent);
  EXPECT_EQ(script->reply.trailing, std::string("a b\0", 4));
  EXPECT_EQ(script->reply.junk, 1000000U);
  ASSERT_TRUE(script->bound.has_value());
  EXPECT_EQ(script->bound->host, "2001:db8::1");
  EXPECT_EQ(script->bound->port, 80);
  EXPECT_EQ(script->close_at, 9U);
  EXPECT_EQ(script->close_with, CloseHow::kRst);
}

TEST(ScriptTest, ReadsEveryStepOfUdp) {
  const auto script = ParseScript(
      "udp.frag=255 udp.atyp=0x7f udp.source=[2001:db8::1]:80 udp.junk=0 udp.truncate=65507 udp.foreign=1 "
      "udp.drop=2 udp.restart=3 udp.delay=100");
  ASSERT_TRUE(script.has_value()) << script.error();
  EXPECT_EQ(script->udp.fragment, 255);
  EXPECT_EQ(script->udp.address_type, 0x7f);
  ASSERT_TRUE(script->udp.source.has_value());
  EXPECT_EQ(script->udp.source->host, "2001:db8::1");
  EXPECT_EQ(script->udp.source->port, 80);
  EXPECT_FALSE(script->udp.source_is_name);
  EXPECT_EQ(script->udp.junk, 0U);
  EXPECT_EQ(script->udp.truncate, 65507U);
  EXPECT_TRUE(script->udp.foreign);
  EXPECT_EQ(script->udp.drop, 2U);
  EXPECT_EQ(script->udp.restart, 3U);
  EXPECT_EQ(script->udp.delay_ms, 100U);

  const auto named = ParseScript("udp.source=192.0.2.1:9 udp.source=name");
  ASSERT_TRUE(named.has_value()) << named.error();
  EXPECT_TRUE(named->udp.source_is_name);
  EXPECT_FALSE(named->udp.source.has_value());
}

TEST(ScriptTest, ReadsEveryStepOfBind) {
  const auto script = ParseScript(
      "second.code=6 second.trailing=x second.bound=192.0.2.1:80 bind.port=4000 bind.same-port=0 "
      "bind.refuse-after=2 bind.timeout=100 bind.check=1 bind.drop=1 bind.forward=wanted bind.query=0 "
      "bind.extension=0");
  ASSERT_TRUE(script.has_value()) << script.error();
  EXPECT_EQ(script->second.code, 6);
  EXPECT_EQ(script->second.trailing, "x");
  ASSERT_TRUE(script->second_bound.has_value());
  EXPECT_EQ(script->second_bound->host, "192.0.2.1");
  EXPECT_FALSE(script->bound.has_value());
  EXPECT_EQ(script->bind.port, 4000);
  EXPECT_FALSE(script->bind.wanted_port);
  EXPECT_EQ(script->bind.same_port, false);
  EXPECT_EQ(script->bind.refuse_after, 2U);
  EXPECT_EQ(script->bind.timeout_ms, 100U);
  EXPECT_TRUE(script->bind.check);
  EXPECT_TRUE(script->bind.drop);
  EXPECT_TRUE(script->bind.forward_to_wanted);
  EXPECT_FALSE(script->bind.query);
  EXPECT_FALSE(script->bind.extension);

  const auto wanted = ParseScript("bind.port=4000 bind.port=wanted bind.forward=wanted bind.forward=source");
  ASSERT_TRUE(wanted.has_value()) << wanted.error();
  EXPECT_TRUE(wanted->bind.wanted_port);
  EXPECT_FALSE(wanted->bind.port.has_value());
  EXPECT_FALSE(wanted->bind.forward_to_wanted);
}

TEST(ScriptTest, ReadsEveryStepOfHttp) {
  const auto usual = ParseScript("");
  ASSERT_TRUE(usual.has_value());
  EXPECT_TRUE(usual->http.basic && usual->http.digest && usual->http.length);
  EXPECT_EQ(usual->http.algorithms, std::vector<std::string>{"MD5"});
  EXPECT_EQ(usual->http.qop, "auth");
  EXPECT_FALSE(usual->http.keep.has_value());

  const auto script = ParseScript(
      "http.auth=digest http.algorithm=SHA-256,MD5-sess http.qop=auth-int,auth http.stale=3 http.joined=1 "
      "http.keep=0 http.chunked=1 http.length=0 http.body=9 http.version=1.0 http.status=302 "
      "http.headers=A:%20b http.continue=2 http.lf=1");
  ASSERT_TRUE(script.has_value()) << script.error();
  EXPECT_FALSE(script->http.basic);
  EXPECT_TRUE(script->http.digest);
  EXPECT_EQ(script->http.algorithms, (std::vector<std::string>{"SHA-256", "MD5-sess"}));
  EXPECT_EQ(script->http.qop, "auth-int,auth");
  EXPECT_EQ(script->http.stale, 3U);
  EXPECT_TRUE(script->http.joined);
  EXPECT_EQ(script->http.keep, false);
  EXPECT_TRUE(script->http.chunked);
  EXPECT_FALSE(script->http.length);
  EXPECT_EQ(script->http.body, 9U);
  EXPECT_EQ(script->http.version, "1.0");
  EXPECT_EQ(script->http.status, 302);
  EXPECT_EQ(script->http.headers, "A: b");
  EXPECT_EQ(script->http.interim, 2U);
  EXPECT_TRUE(script->http.bare_lf);

  const auto other = ParseScript("http.auth=basic http.qop=none http.auth=none http.keep=1");
  ASSERT_TRUE(other.has_value()) << other.error();
  EXPECT_FALSE(other->http.basic || other->http.digest);
  EXPECT_EQ(other->http.qop, "");
  EXPECT_EQ(other->http.keep, true);
}

struct BadScript {
  const char* text;
  const char* error;
};

TEST(ScriptTest, SaysWhatItCannotRead) {
  constexpr char kBad[] = ": the value cannot be read or is out of range";
  const BadScript table[] = {
      {"reply", "script: reply: expected STAGE.KEY=VALUE"},
      {"reply.colour=red", "script: reply.colour=red: unknown step"},
      {"replies.code=1", "script: replies.code=1: unknown step"},
      {"reply.code=256", kBad},
      {"reply.code=none", kBad},
      {"reply.code=", kBad},
      {"reply.delay=1s", kBad},
      {"reply.delay=-1", kBad},
      {"reply.trailing=%2", kBad},
      {"reply.trailing=%zz", kBad},
      {"reply.bound=relay.test", kBad},
      {"reply.bound=::1:80", kBad},
      {"close.with=bang", kBad},
      {"udp.colour=red", "script: udp.colour=red: unknown step"},
      {"udp.frag=256", kBad},
      {"udp.source=relay.test", kBad},
      {"udp.junk=65508", kBad},
      {"udp.foreign=2", kBad},
      {"bind.colour=red", "script: bind.colour=red: unknown step"},
      {"bind.port=0", kBad},
      {"bind.port=65536", kBad},
      {"bind.forward=there", kBad},
      {"bind.same-port=2", kBad},
      {"second.bound=relay.test", kBad},
      {"http.colour=red", "script: http.colour=red: unknown step"},
      {"http.code=1", "script: http.code=1: unknown step"},
      {"http.auth=ntlm", kBad},
      {"http.algorithm=", kBad},
      {"http.algorithm=MD5,", kBad},
      {"http.algorithm=MD5;SHA-256", kBad},
      {"http.qop=", kBad},
      {"http.qop=auth,none", kBad},
      {"http.keep=2", kBad},
      {"http.status=1000", kBad},
      {"http.headers=%0", kBad},
  };
  for (const BadScript& bad : table) {
    const auto script = ParseScript("reply.split=1 " + std::string(bad.text) + " reply.gap=1");
    ASSERT_FALSE(script.has_value()) << bad.text;
    const bool whole = std::string_view(bad.error).starts_with("script");
    EXPECT_EQ(script.error(), whole ? bad.error : "script: " + std::string(bad.text) + bad.error);
  }
}

}  // namespace
}  // namespace socksify::testserver

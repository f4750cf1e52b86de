// SPDX-License-Identifier: BSD-2-Clause
// Every step of a script, as a client sees it.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "tests/server/raw_client.h"
#include "tests/server/test_server.h"

namespace socksify::testserver {
namespace {

using namespace std::string_literals;

struct Case {
  const char* script;
  std::string sent;    // all at once
  std::string answer;  // everything up to the end of the stream, or its first bytes if it does not end
  enum class End { kFin, kReset, kOpen } end;
};

void Play(const Case& one, TestServer* server) {
  SCOPED_TRACE(one.script);
  RawClient client(server->endpoints().front());
  ASSERT_TRUE(client.Send(one.sent));
  if (one.end == Case::End::kOpen) {
    EXPECT_EQ(client.Read(one.answer.size()), one.answer);
    return;
  }
  EXPECT_EQ(client.ReadToEnd(), one.answer);
  EXPECT_EQ(client.error(), one.end == Case::End::kReset ? ECONNRESET : 0);
}

const std::string kGreeting(kGreetingNone);
const std::string kBothMethods = "\x05\x02\0\x02"s;
const std::string kRequest = Socks5Request("echo.test", 7);
// With reply.bound=192.0.2.1:80, so that it is the same on every port.
const std::string kSuccess = "\x05\0\0\x01\xc0\0\x02\x01\0\x50"s;
const std::string kRefused = "\x05\x01\0\x01\0\0\0\0\0\0"s;

TEST(MisbehaviourTest, OfTheMethodSelection) {
  const Case table[] = {
      {"method.version=4", kGreeting, "\x04\0"s, Case::End::kOpen},
      {"method.code=none", kGreeting, "\x05\xff", Case::End::kFin},
      {"method.code=2", kGreeting + Socks5Credentials("a", "b"), "\x05\x02\x01\0"s, Case::End::kOpen},
      {"method.code=1", kGreeting, "\x05\x01", Case::End::kOpen},
      {"method.truncate=1", kGreeting, "\x05", Case::End::kFin},
      {"method.truncate=0 close.with=rst", kGreeting, "", Case::End::kReset},
      {"method.delay=5 method.split=1", kGreeting, "\x05\0"s, Case::End::kOpen},
      {"method.trailing=x", kGreeting, "\x05\0x"s, Case::End::kOpen},
      {"method.junk=100000", kGreeting, std::string(100000, '\xa5'), Case::End::kOpen},
      {"close.at=1", kGreeting, "\x05", Case::End::kFin},
  };
  for (const Case& one : table) {
    TestServer server;
    server.SetScript(one.script);
    Play(one, &server);
  }
}

TEST(MisbehaviourTest, OfTheAnswerToCredentials) {
  const std::string sent = "\x05\x01\x02"s + Socks5Credentials("alice", "secret");
  const Case table[] = {
      {"auth.code=1", sent, "\x05\x02\x01\x01", Case::End::kFin},
      {"auth.code=0xff", sent, "\x05\x02\x01\xff", Case::End::kFin},
      {"auth.version=5", sent, "\x05\x02\x05\0"s, Case::End::kOpen},
      {"auth.truncate=1", sent, "\x05\x02\x01", Case::End::kFin},
      {"auth.truncate=0 close.with=rst", sent, "\x05\x02", Case::End::kReset},
      {"auth.split=1 auth.trailing=%00", sent, "\x05\x02\x01\0\0"s, Case::End::kOpen},
  };
  for (const Case& one : table) {
    TestServer server;
    server.SetScript(one.script);
    Play(one, &server);
  }
}

// The destination's own script; one server serves the whole table.
TEST(MisbehaviourTest, OfTheReply) {
  const std::string name_bound = "\x05\0\0\x03\x0arelay.test\0\x50"s;
  const std::string v6_bound = "\x05\0\0\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50"s;
  const Case table[] = {
      {"reply.bound=192.0.2.1:80", "hi", kSuccess + "hi", Case::End::kOpen},
      {"reply.bound=[2001:db8::1]:80", "hi", v6_bound + "hi", Case::End::kOpen},
      {"reply.bound=relay.test:80", "hi", name_bound + "hi", Case::End::kOpen},
      {"reply.bound=:80", "hi", "\x05\0\0\x03\0\0\x50hi"s, Case::End::kOpen},
      {"reply.version=4 reply.bound=192.0.2.1:80", "", "\x04" + kSuccess.substr(1), Case::End::kOpen},
      {"reply.code=1", "hi", kRefused, Case::End::kFin},
      {"reply.code=1 close.with=rst", "", kRefused, Case::End::kOpen},
      {"reply.code=200 reply.bound=192.0.2.1:80", "", "\x05\xc8" + kSuccess.substr(2), Case::End::kFin},
      {"reply.delay=5 reply.split=1 reply.bound=192.0.2.1:80", "hi", kSuccess + "hi", Case::End::kOpen},
      {"reply.split=4 reply.gap=2 reply.bound=192.0.2.1:80", "hi", kSuccess + "hi", Case::End::kOpen},
      {"reply.trailing=hello%0a reply.bound=192.0.2.1:80", "hi", kSuccess + "hello\nhi", Case::End::kOpen},
      {"reply.truncate=9 reply.bound=192.0.2.1:80", "hi", kSuccess.substr(0, 9), Case::End::kFin},
      {"reply.truncate=4 reply.bound=:80", "", "\x05\0\0\x03"s, Case::End::kFin},
      {"reply.junk=300000", "", std::string(300000, '\xa5'), Case::End::kOpen},
      {"close.at=6 reply.bound=192.0.2.1:80", "", kSuccess.substr(0, 4), Case::End::kFin},
      {"close.at=14 reply.bound=192.0.2.1:80", "hello", kSuccess + "he", Case::End::kFin},
  };
  TestServer server;
  server.AddEcho("*.test");
  int number = 0;
  for (Case one : table) {
    const std::string name = "case" + std::to_string(number++) + ".test";
    server.AddScript(name, one.script);
    one.sent = kGreeting + Socks5Request(name, 7) + one.sent;
    one.answer = std::string(kMethodNoneChosen) + one.answer;
    Play(one, &server);
  }
}

TEST(MisbehaviourTest, OfASocks4Reply) {
  const std::string request = Socks4Request("echo.test", 7);
  const Case table[] = {
      {"reply.version=4", request, "\x04\x5a", Case::End::kOpen},
      {"reply.code=93", request, "\0\x5d\0\0\0\0\0\0"s, Case::End::kFin},
      {"reply.code=0", request, "\0\0\0\0\0\0\0\0"s, Case::End::kFin},
      {"reply.bound=192.0.2.1:80 reply.trailing=x", request, "\0\x5a\0\x50\xc0\0\x02\x01x"s,
       Case::End::kOpen},
      {"reply.bound=relay.test:80", request, "\0\x5a\0\0\0\0\0\0"s, Case::End::kOpen},
      {"reply.truncate=7", request + "hi", "\0\x5b\0\0\0\0\0"s, Case::End::kFin},
  };
  for (const Case& one : table) {
    TestServer server;
    if (one.answer[1] == '\x5a') server.AddEcho("echo.test");
    server.SetScript(one.script);
    Play(one, &server);
  }
}

TEST(MisbehaviourTest, ARefusalCanBeAReset) {
  TestServer server;
  server.SetScript("close.with=rst reply.truncate=0");
  RawClient client(server.endpoints().front());
  ASSERT_TRUE(Greet(&client));
  ASSERT_TRUE(client.Send(kRequest));
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_EQ(client.error(), ECONNRESET);
}

// That nothing comes cannot be waited for; that the server heard the client and ended without a word can.
TEST(MisbehaviourTest, SilenceAtEveryStage) {
  struct Stage {
    const char* script;
    std::string sent;
    std::string answer;
  };
  const Stage table[] = {
      {"method.silent=1", kGreeting, ""},
      {"auth.silent=1", "\x05\x01\x02"s + Socks5Credentials("a", "b"), "\x05\x02"},
      {"reply.silent=1", kGreeting + kRequest, "\x05\0"s},
      {"reply.silent=1", Socks4Request("echo.test", 7), ""},
  };
  for (const Stage& stage : table) {
    TestServer server;
    server.AddEcho("echo.test");
    server.SetScript(stage.script);
    RawClient client(server.endpoints().front());
    ASSERT_TRUE(client.Send(stage.sent + "more"));
    client.ShutdownWrite();
    EXPECT_EQ(client.ReadToEnd(), stage.answer) << stage.script;
    ASSERT_TRUE(server.WaitForFinished(1));
    EXPECT_EQ(server.requests()[0].outcome, "silent") << stage.script;
  }
}

}  // namespace
}  // namespace socksify::testserver

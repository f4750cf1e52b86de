// SPDX-License-Identifier: BSD-2-Clause
// Queries of our own that reach a name server by UDP through the proxy: `resolveprotocol: udp`, and what a
// name server that takes no TCP is asked.

#include "tests/integration/preload_fixture.h"
#include "tests/resolver/dns_test_server.h"

namespace socksify {
namespace {

using testing::ElementsAre;
using testing::StartsWith;
using testserver::TestServer;

constexpr const char* kMx = "15";

// Knows one address, and its name, and the mail server of everybody. TCP is closed without an answer.
DnsTestServer::Reply AnswerByUdp(const ServedQuestion& question) {
  if (question.is_tcp) return {.messages = {}, .is_last = true};
  std::vector<ServedRecord> records;
  if (question.name == "web.test" && question.type == ns_t_a) {
    records.push_back(ARecord("web.test", "10.1.2.3"));
  } else if (question.name == "web.test" && question.type == ns_t_aaaa) {
    records.push_back(AaaaRecord("web.test", "2001:db8::3"));
  } else if (question.type == ns_t_ptr) {
    records.push_back(NameRecord(question.name, ns_t_ptr, "web.test"));
  } else if (question.type == ns_t_mx) {
    records.push_back({question.name, ns_t_mx, TwoBytes(10) + DnsName("mail.web.test")});
  }
  return {.messages = {AnswerTo(question, records, records.empty() ? 3 : 0)}};
}

class DnsByUdpTest : public PreloadTest {
 protected:
  DnsByUdpTest() {
    for (const char* address : {"192.0.2.53", "2001:db8::53"})
      server_.AddName(address, far_.endpoint().ToString());
    // Answers come from whom was asked.
    server_.AddScript("192.0.2.53", "udp.source=192.0.2.53:53");
    server_.AddScript("2001:db8::53", "udp.source=[2001:db8::53]:53");
    Use("192.0.2.53", ProxyInConfig());
  }

  void Use(const std::string& name_server, const std::string& via) {
    UseConfig("resolveprotocol: udp\nnameserver: " + name_server + "\nroute { from: 0/0 to: 0/0 via: " + via +
              " }\n");
  }

  std::string Look(const char* kind, const std::string& name) const {
    const ProgramOutcome outcome = Run("lookup", {kind, name});
    EXPECT_FALSE(outcome.timed_out);
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  }

  // What the proxy was asked for, in order.
  std::vector<std::string> Requests() const {
    std::vector<std::string> all;
    for (const testserver::RequestRecord& record : server_.requests())
      all.push_back(record.command == 3 ? "associate" : "connect");
    return all;
  }

  const DnsTestServer far_{AnswerByUdp};
};

TEST_F(DnsByUdpTest, NamesAreLookedUpThroughTheProxy) {
  EXPECT_THAT(Look("v4", "web.test"), StartsWith("10.1.2.3 80 family 4"));
  EXPECT_THAT(far_.questions(), ElementsAre("udp web.test 1"));
  EXPECT_THAT(Requests(), ElementsAre("associate"));
  EXPECT_THAT(Look("v6", "web.test"), StartsWith("2001:db8::3 80 family 6"));
  EXPECT_EQ(Look("byname", "web.test"), "web.test 10.1.2.3 aliases 0 more 0\n");
  EXPECT_EQ(Look("byaddr", "10.1.2.3"), "web.test 10.1.2.3 aliases 0 more 0\n");
}

TEST_F(DnsByUdpTest, ByAnIpv6NameServer) {
  Use("2001:db8::53", ProxyInConfig());
  EXPECT_THAT(Look("v4", "web.test"), StartsWith("10.1.2.3 80 family 4"));
}

TEST_F(DnsByUdpTest, WhatIsNoAnswerIsDropped) {
  for (const char* bent : {"udp.junk=5", "udp.foreign=1"}) {
    server_.AddScript("192.0.2.53", std::string("udp.source=192.0.2.53:53 ") + bent);
    EXPECT_THAT(Look("v4", "web.test"), StartsWith("10.1.2.3 80 family 4")) << bent;
  }
}

TEST_F(DnsByUdpTest, NamesThatAreNotThere) {
  EXPECT_EQ(Look("v4", "other.test"), "error -2\n") << "EAI_NONAME";
  EXPECT_THAT(far_.questions(), ElementsAre("udp other.test 1"));
}

TEST_F(DnsByUdpTest, TheNextProxyIsAskedWhereOneHasNoUdp) {
  TestServer streams_only;
  streams_only.SetUdp(false);
  Use("192.0.2.53", "127.0.0.1 port = " + std::to_string(streams_only.port()) + ", " + ProxyInConfig());
  EXPECT_THAT(Look("v4", "web.test"), StartsWith("10.1.2.3 80 family 4"));
  EXPECT_EQ(streams_only.requests().size(), 1U);
}

TEST_F(DnsByUdpTest, ProxiesWithoutUdpAreAFailure) {
  server_.SetUdp(false);
  EXPECT_EQ(Look("v4", "web.test"), "error -3\n") << "EAI_AGAIN";
  EXPECT_EQ(Look("byname", "web.test"), "h_errno 2\n") << "TRY_AGAIN";
  EXPECT_TRUE(far_.questions().empty());
  EXPECT_THAT(Requests(), ElementsAre("associate", "associate"));
}

TEST_F(DnsByUdpTest, PathsWithoutUdpAreAFailure) {
  Use("192.0.2.53", ProxyInConfig() + " then " + ProxyInConfig());
  EXPECT_EQ(Look("v4", "web.test"), "error -3\n") << "EAI_AGAIN";
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(DnsByUdpTest, OtherTypesAreAskedByUdpWhereTcpFails) {
  UseProxies({ProxyUrl(server_)});
  EXPECT_EQ(Run("query", {"192.0.2.53", "sendto", "web.test", kMx}).out,
            "rcode 0\nweb.test type 15 mail.web.test\nfrom 192.0.2.53 port 53\n");
  EXPECT_THAT(far_.questions(), ElementsAre("tcp web.test 15", "udp web.test 15"));
  EXPECT_THAT(Requests(), ElementsAre("connect", "associate"));
}

TEST_F(DnsByUdpTest, OtherTypesThatNobodyCarriesAreNoEmptyAnswer) {
  UseProxies({ProxyUrl(server_)});
  server_.SetUdp(false);
  EXPECT_EQ(Run("query", {"192.0.2.53", "sendto", "web.test", kMx}).out,
            "rcode 2\nfrom 192.0.2.53 port 53\n");
  EXPECT_THAT(Requests(), ElementsAre("connect", "associate"));
}

}  // namespace
}  // namespace socksify

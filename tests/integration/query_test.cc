// SPDX-License-Identifier: BSD-2-Clause
// DNS by hand: programs that write queries themselves, or have libc's resolver(3) write them.

#include "tests/integration/dns_origin.h"
#include "tests/integration/preload_fixture.h"

namespace socksify {
namespace {

constexpr const char* kA = "1";
constexpr const char* kPtr = "12";
constexpr const char* kMx = "15";
constexpr const char* kAaaa = "28";
constexpr const char* kAny = "255";

class QueryTest : public PreloadTest {
 protected:
  // What a program is told that asks 192.0.2.53, behind the proxy.
  std::string Ask(const std::string& way, const std::string& name, const std::string& type,
                  const std::string& edns_size = "") const {
    std::vector<std::string> arguments = {"192.0.2.53", way, name, type};
    if (!edns_size.empty()) arguments.push_back(edns_size);
    return Run("query", arguments).out;
  }
};

TEST_F(QueryTest, AreAnsweredFromTheFakeTable) {
  EXPECT_EQ(Ask("sendto", "web.test", kA), "rcode 0\nweb.test type 1 198.18.0.0\nfrom 192.0.2.53 port 53\n");
  EXPECT_EQ(Ask("sendto", "web.test", kAaaa),
            "rcode 0\nweb.test type 28 2001:2::\nfrom 192.0.2.53 port 53\n");
  EXPECT_EQ(Ask("sendto", "web.test", kAny),
            "rcode 0\nweb.test type 1 198.18.0.0\nfrom 192.0.2.53 port 53\n");
  EXPECT_EQ(Ask("sendto", "0.0.18.198.in-addr.arpa", kPtr),
            "rcode 0\n0.0.18.198.in-addr.arpa type 12 web.test\nfrom 192.0.2.53 port 53\n");
  EXPECT_EQ(Ask("sendto", "9.9.18.198.in-addr.arpa", kPtr), "rcode 3\nfrom 192.0.2.53 port 53\n");
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(QueryTest, ByEveryCall) {
  const std::string answer = "rcode 0\nweb.test type 1 198.18.0.0\n";
  const std::string from = "from 192.0.2.53 port 53\n";
  const std::string peer = "peer 192.0.2.53 port 53\n";
  EXPECT_EQ(Ask("sendto", "web.test", kA), answer + from);
  EXPECT_EQ(Ask("sendmsg", "web.test", kA), answer + from);
  EXPECT_EQ(Ask("sendmmsg", "web.test", kA), answer + from);
  EXPECT_EQ(Ask("send", "web.test", kA), peer + answer + from);
  EXPECT_EQ(Ask("write", "web.test", kA), peer + answer);
  EXPECT_EQ(Ask("writev", "web.test", kA), peer + answer);
  EXPECT_EQ(Ask("epoll", "web.test", kA), peer + "epoll_wait 1\n" + answer + from);
  EXPECT_EQ(Ask("twice", "web.test", kA), peer + answer + from + answer + from + "send: EDESTADDRREQ\n");
  EXPECT_EQ(Ask("both", "web.test", kA), answer + from + answer + "from 192.0.2.54 port 53\n");
  EXPECT_EQ(Ask("unspec", "web.test", kA), answer + from);
}

TEST_F(QueryTest, ByIpv6) {
  EXPECT_EQ(Run("query", {"2001:db8::53", "send", "web.test", kA}).out,
            "peer 2001:db8::53 port 53\nrcode 0\nweb.test type 1 198.18.0.0\nfrom 2001:db8::53 port 53\n");
  EXPECT_EQ(Run("query", {"2001:db8::53", "sendmsg", "web.test", kAaaa}).out,
            "rcode 0\nweb.test type 28 2001:2::\nfrom 2001:db8::53 port 53\n");
  EXPECT_EQ(Run("query", {"::ffff:192.0.2.53", "sendto", "web.test", kA}).out,
            "rcode 0\nweb.test type 1 198.18.0.0\nfrom ::ffff:192.0.2.53 port 53\n");
}

TEST_F(QueryTest, EdnsIsEchoed) {
  EXPECT_EQ(Ask("sendto", "web.test", kA, "4096"),
            "rcode 0\nweb.test type 1 198.18.0.0\nedns\nfrom 192.0.2.53 port 53\n");
}

TEST_F(QueryTest, MalformedOnesGetFormerr) {
  EXPECT_EQ(Ask("malformed", "web.test", kA), "rcode 1\nfrom 192.0.2.53 port 53\n");
}

TEST_F(QueryTest, OtherTypesGoThroughTheProxyByTcp) {
  const DnsOrigin far;
  server_.AddName("192.0.2.53", "127.0.0.1:" + far.port());
  EXPECT_EQ(Ask("sendto", "web.test", kMx),
            "rcode 0\nweb.test type 15 mail.web.test\nfrom 192.0.2.53 port 53\n");
  EXPECT_EQ(Ask("send", "web.test", kMx),
            "peer 192.0.2.53 port 53\nrcode 0\nweb.test type 15 mail.web.test\nfrom 192.0.2.53 port 53\n");
  ASSERT_EQ(server_.requests().size(), 2U);
  EXPECT_EQ(server_.requests()[0].port, 53);
}

TEST_F(QueryTest, OtherTypesThatCannotBeCarriedAreNoEmptyAnswer) {
  server_.AddRefused("192.0.2.53");
  EXPECT_EQ(Ask("sendto", "web.test", kMx), "rcode 2\nfrom 192.0.2.53 port 53\n");
}

TEST_F(QueryTest, NamesOfThisMachineStayHere) {
  EXPECT_EQ(Ask("sendto", "localhost", kA), "rcode 0\nlocalhost type 1 127.0.0.1\nfrom 192.0.2.53 port 53\n");
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(QueryTest, AStubOfTheLocalResolverIsNotAsked) {
  EXPECT_EQ(Run("query", {"127.0.0.53", "sendto", "web.test", kA}).out,
            "rcode 0\nweb.test type 1 198.18.0.0\nfrom 127.0.0.53 port 53\n");
  EXPECT_EQ(Run("query", {"127.0.0.53", "sendto", "web.test", kMx}).out,
            "rcode 0\nfrom 127.0.0.53 port 53\n");
}

TEST_F(QueryTest, NoServerThatNobodyRoutedIsAsked) {
  EXPECT_EQ(Run("query", {"0.0.0.0", "sendto", "web.test", kA}).out,
            "rcode 0\nweb.test type 1 198.18.0.0\nfrom 0.0.0.0 port 53\n");
  UseConfig("resolveprotocol: local\nroute { from: 0/0 to: .test via: " + ProxyInConfig() +
            " resolve: fake }\nroute { from: 0/0 to: 0/0 via: direct }\n");
  EXPECT_EQ(Run("query", {"127.0.0.53", "sendto", "web.test", kA}).out,
            "rcode 0\nweb.test type 1 198.18.0.0\nfrom 127.0.0.53 port 53\n");
}

TEST_F(QueryTest, AreRefusedWhileTheConfigurationIsInError) {
  UseConfig("nonsense\n");
  EXPECT_EQ(Run("query", {"127.0.0.53", "sendto", "web.test", kA}).out, "rcode 5\nfrom 127.0.0.53 port 53\n");
}

TEST_F(QueryTest, EscapesDoNotGoPastTheRules) {
  UseConfig("route { from: 0/0 to: .test via: " + ProxyInConfig() +
            " }\nroute { from: 0/0 to: 0/0 via: direct }\n");
  EXPECT_THAT(Run("resolver", {"web.tes\\116", kA}).out, testing::StartsWith("res_query: h_errno 1\n"));
  EXPECT_EQ(Run("lookup", {"v4", "web.tes\\116"}).out, "error -2\n");
  EXPECT_EQ(Run("lookup", {"byname", "web.tes\\116"}).out, "h_errno 1\n");
}

TEST_F(QueryTest, OfTheResolver) {
  const std::vector<std::string> functions = {"res_query",  "res_search",  "res_querydomain",  "res_send",
                                              "res_nquery", "res_nsearch", "res_nquerydomain", "res_nsend"};
  const auto each = [&](const std::string& answer) {
    std::string all;
    for (const std::string& function : functions) all += function + ": " + answer + "\n";
    return all;
  };
  EXPECT_EQ(Run("resolver", {"web.test", kA}).out, each("web.test type 1 198.18.0.0"));
  EXPECT_EQ(Run("resolver", {"web.test", kAaaa}).out, each("web.test type 28 2001:2::"));
  EXPECT_EQ(Run("resolver", {"0.0.18.198.in-addr.arpa", kPtr}).out,
            each("0.0.18.198.in-addr.arpa type 12 web.test"));
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// Look-ups: fake addresses in every form that libc has for them.

#include "tests/integration/preload_fixture.h"

namespace socksify {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class LookupTest : public PreloadTest {
 protected:
  std::string Look(const char* kind, const std::string& name) const {
    return Run("lookup", {kind, name}).out;
  }
};

TEST_F(LookupTest, GetaddrinfoReturnsTheFamilyAskedFor) {
  const char kV4[] =
      "198.18.0.0 80 family 4 type 1 protocol 6 canonical -\n"
      "198.18.0.0 80 family 4 type 2 protocol 17 canonical -\n"
      "198.18.0.0 80 family 4 type 3 protocol 0 canonical -\n";
  EXPECT_EQ(Look("v4", "web.test"), kV4);
  EXPECT_EQ(Look("any", "web.test"), kV4) << "AF_UNSPEC gives IPv4 only";
  EXPECT_THAT(Look("v6", "web.test"), StartsWith("2001:2::"));
  EXPECT_THAT(Look("v6", "web.test"), HasSubstr(" 80 family 6 type 1 protocol 6 canonical -\n"));
  EXPECT_THAT(Look("canonical", "web.test"), HasSubstr("protocol 6 canonical web.test\n"));
}

TEST_F(LookupTest, TheConfigurationSaysWhichFamilyAnOpenLookupGets) {
  const std::string route = "route { from: 0/0 to: 0/0 via: " + ProxyInConfig() + " }\n";
  UseConfig("fakefamily: both\n" + route);
  const std::string both = Look("any", "web.test");
  EXPECT_EQ(both, Look("v4", "web.test") + Look("v6", "web.test"));
  UseConfig("fakefamily: ipv6\n" + route);
  EXPECT_EQ(Look("any", "web.test"), Look("v6", "web.test"));
  EXPECT_THAT(Look("v4", "web.test"), StartsWith("198.18.0.0 80 family 4"));
}

TEST_F(LookupTest, ErrorsAreLibcs) {
  EXPECT_EQ(Look("numeric", "web.test"), "error -2\n") << "EAI_NONAME";
  EXPECT_EQ(Look("badservice", "web.test"), "error -8\n") << "EAI_SERVICE";
}

TEST_F(LookupTest, TheHostentFamilyAgrees) {
  const std::string v6 = Run("lookup", {"byname2", "web.test"}).out;
  EXPECT_EQ(Look("byname", "web.test"), "web.test 198.18.0.0 aliases 0 more 0\n");
  EXPECT_THAT(v6, StartsWith("web.test 2001:2::"));
  EXPECT_EQ(Look("byname_r", "web.test"), "value 0\nweb.test 198.18.0.0 aliases 0 more 0\n");
  EXPECT_EQ(Look("byname2_r", "web.test"), "value 0\n" + v6);
  EXPECT_EQ(Look("small_r", "web.test"), "value ERANGE result 0\n");
}

TEST_F(LookupTest, ReverseLookupsOfFakeAddressesGiveTheName) {
  Look("v4", "web.test");
  EXPECT_EQ(Look("byaddr", "198.18.0.0"), "web.test 198.18.0.0 aliases 0 more 0\n");
  EXPECT_EQ(Look("byaddr_r", "198.18.0.0"), "value 0\nweb.test 198.18.0.0 aliases 0 more 0\n");
  EXPECT_EQ(Look("nameinfo", "198.18.0.0"), "0 web.test 80\nrequired 0\nsmall -12\n");
  EXPECT_EQ(Look("byaddr", "198.18.0.1"), "h_errno 1\n");
}

TEST_F(LookupTest, ReverseLookupsBehindTheProxyStayNumeric) {
  EXPECT_EQ(Look("nameinfo", "10.99.99.99"), "0 10.99.99.99 80\nrequired -2\nsmall -12\n");
  EXPECT_EQ(Look("byaddr", "10.99.99.99"), "h_errno 1\n");
}

TEST_F(LookupTest, LocalNamesAndLiteralsAreLibcs) {
  for (const char* name : {"localhost", "127.0.0.1", "127.1"}) {
    EXPECT_THAT(Look("v4", name), StartsWith("127.0.0.1 80")) << name;
  }
  EXPECT_THAT(Look("v6", "::1"), StartsWith("::1 80"));
  EXPECT_THAT(Look("byname", "localhost"), HasSubstr(" 127.0.0.1 "));
}

// The file as it is at each look-up decides, and results show the hints' own flags.
TEST_F(LookupTest, HostsFileMayChangeWhileTheProgramRuns) {
  WriteFile("hosts", "10.9.8.7 Web.test other.test\n");
  const std::string out = Run("hosts", {"web.test", directory_ + "/hosts"}).out;
  if (out == "no right to mount\n") GTEST_SKIP() << out;
  EXPECT_EQ(out,
            "198.18.0.0 flags 2 canonical web.test more 0\n"
            "10.9.8.7 flags 2 canonical Web.test more 0\n"
            "198.18.0.0 flags 2 canonical web.test more 0\n");
}

TEST_F(LookupTest, AsynchronousLookups) {
  for (const char* way : {"async", "async-nowait"}) {
    EXPECT_EQ(Look(way, "web.test"),
              "answer 0\n198.18.0.0 80 family 4 type 1 protocol 6 canonical -\n"
              "198.18.0.0 80 family 4 type 2 protocol 17 canonical -\n"
              "198.18.0.0 80 family 4 type 3 protocol 0 canonical -\n")
        << way;
  }
  EXPECT_THAT(Look("async", "localhost"), StartsWith("answer 0\n127.0.0.1 80 "));
  EXPECT_THAT(Look("async-nowait", "127.0.0.1"), StartsWith("answer 0\n127.0.0.1 80 "));
}

TEST_F(LookupTest, AChildsLookupServesItsParent) {
  EXPECT_EQ(Run("shared_names", {"echo.test", "7"}).out, "echo hello\n");
  EXPECT_EQ(server_.requests().back().host, "echo.test");
}

TEST_F(LookupTest, AChildForkedWhileAnotherThreadSetsUpSetsUpItself) {
  const char kAnswers[] = "child 127.0.0.1\nchild ended with 0\nthread 127.0.0.1\n";
  EXPECT_EQ(RunDirect("fork_in_set_up", {}).out, kAnswers);
  EXPECT_EQ(Run("fork_in_set_up", {}).out, kAnswers);
}

TEST_F(LookupTest, OneProgramsLookupServesTheNext) {
  Look("v6", "other.test");
  ASSERT_THAT(Look("v4", "echo.test"), StartsWith("198.18.0.1 "));
  EXPECT_EQ(Run("connect", {"198.18.0.1", "7"}).exit_code, 0);
  EXPECT_EQ(server_.requests().back().host, "echo.test");
}

TEST_F(LookupTest, WithoutAStateDirectoryAForkedFamilyAgrees) {
  options_.environment["SOCKSIFY_STATE_DIR"] = "/proc/nowhere";
  EXPECT_EQ(Run("connect", {"echo.test", "7"}).exit_code, 0);
}

TEST_F(LookupTest, AFakeAddressWithoutANameIsNeverSent) {
  EXPECT_EQ(Run("connect", {"198.18.77.77", "7"}).out, "connect: EHOSTUNREACH\n");
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(LookupTest, ANameWhoseRouteIsDirectIsTheSystems) {
  UseConfig("route { from: 0/0 to: .invalid via: direct }\nroute { from: 0/0 to: 0/0 via: " +
            ProxyInConfig() + " }\n");
  EXPECT_THAT(Look("v4", "host.invalid"), StartsWith("error -"));
  EXPECT_THAT(Look("v4", "host.test"), StartsWith("198.18.0.0"));
}

TEST_F(LookupTest, ResolveprotocolDecides) {
  UseConfig("resolveprotocol: local\nroute { from: 0/0 to: 0/0 via: " + ProxyInConfig() + " }\n");
  EXPECT_THAT(Look("v4", "host.invalid"), StartsWith("error -"));
  UseConfig("resolveprotocol: local-then-fake\nroute { from: 0/0 to: 0/0 via: " + ProxyInConfig() + " }\n");
  EXPECT_THAT(Look("v4", "host.invalid"), StartsWith("198.18.0.0"));
  EXPECT_EQ(Look("byname", "host.invalid"), "host.invalid 198.18.0.0 aliases 0 more 0\n");
}

TEST_F(LookupTest, AddressesOfLiveConnectionsAreNotRecycled) {
  UseConfig("fakerange: 198.18.0.0/24\nroute { from: 0/0 to: 0/0 via: " + ProxyInConfig() + " }\n");
  EXPECT_EQ(Run("held", {"echo.test", "7", "600"}).out,
            "connected: same\ncopied: same\ninherited: same\ngone: another\n");
}

}  // namespace
}  // namespace socksify

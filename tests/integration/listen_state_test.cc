// SPDX-License-Identifier: BSD-2-Clause
// Listening at a proxy: what the socket tells of itself, and what fails.

#include "tests/integration/listen_fixture.h"
#include "tests/server/free_port.h"

namespace socksify {
namespace {

class ListenStateTest : public ListenTest {
 protected:
  std::string Try(const std::string& script, int tries, const std::string& port = "0") {
    server_.SetScript(script);
    return Run("listen_state", {"fail", std::to_string(tries), port}).out;
  }
};

TEST_F(ListenStateTest, LooksLikeAnyListener) {
  ExpectLikeDirect("listen_state", {"options", "calls", "unbound"});
}

TEST_F(ListenStateTest, RefusedByTheProxy) {
  const struct {
    int code;
    const char* error;
  } kCases[] = {{1, "ECONNREFUSED"}, {2, "EACCES"},     {3, "ENETUNREACH"}, {4, "EHOSTUNREACH"},
                {6, "ETIMEDOUT"},    {7, "EOPNOTSUPP"}, {8, "EAFNOSUPPORT"}};
  for (const auto& [code, error] : kCases) {
    EXPECT_EQ(Try("reply.code=" + std::to_string(code), 1),
              std::string("listen ") + error + "\ndescriptors left: 0\n");
  }
}

TEST_F(ListenStateTest, JunkInsteadOfAReply) {
  EXPECT_EQ(Try("reply.junk=20", 1), "listen ECONNABORTED\ndescriptors left: 0\n");
  EXPECT_EQ(Try("reply.truncate=3", 1), "listen ECONNABORTED\ndescriptors left: 0\n");
}

// accept(2) says so once for each; the listener stays one.
TEST_F(ListenStateTest, TheSecondReplyFails) {
  for (const char* const script : {"second.code=1", "second.truncate=4", "second.junk=20", "bind.drop=1"}) {
    EXPECT_EQ(Try(std::string(script) + " bind.same-port=1", 2),
              "accept ECONNABORTED\naccept ECONNABORTED\ndescriptors left: 0\n")
        << script;
    EXPECT_GE(Binds(server_).size(), 2U) << script;
  }
}

TEST_F(ListenStateTest, DataRightBehindTheSecondReply) {
  EXPECT_EQ(Try("second.trailing=early bind.same-port=1", 1), "accepted early\ndescriptors left: 0\n");
}

TEST_F(ListenStateTest, FixedPorts) {
  const std::string port = std::to_string(testserver::FreePort());
  EXPECT_EQ(Try("", 1, port), "listen EADDRINUSE\ndescriptors left: 0\n");
  EXPECT_EQ(Try("bind.port=wanted", 2, port), "accepted peer\naccepted peer\ndescriptors left: 0\n");
}

TEST_F(ListenStateTest, Socks4) {
  for (const char* const scheme : {"socks4", "socks4a"}) {
    ListenBy(ProxyUrl(server_, scheme));
    EXPECT_EQ(Try("bind.same-port=1", 3),
              "accepted peer\naccepted peer\naccepted peer\ndescriptors left: 0\n")
        << scheme;
    EXPECT_EQ(Try("second.code=91", 1), "accept ECONNABORTED\ndescriptors left: 0\n") << scheme;
  }
}

TEST_F(ListenStateTest, Blocked) {
  UseConfig("route { from: 0/0 to: 0/0 via: block command: bind }\n");
  EXPECT_EQ(Run("listen_state", {"fail", "1", "0"}).out, "listen EACCES\ndescriptors left: 0\n");
}

// Dante's extension: peers come to the program's own socket, one connection to the proxy is for all of them.
TEST_F(ListenStateTest, DantesExtension) {
  ListenBy(ProxyInConfig(), "extension: bind");
  EXPECT_EQ(Try("", 3), "accepted peer\naccepted peer\naccepted peer\ndescriptors left: 0\n");
  EXPECT_EQ(Binds(server_).size(), 1U);
}

TEST_F(ListenStateTest, StaysHere) {
  options_.environment["SOCKS_BINDLOCALONLY"] = "yes";
  EXPECT_EQ(Try("", 2), "accepted peer\naccepted peer\ndescriptors left: 0\n");
  options_.environment["SOCKS_BINDLOCALONLY"] = std::nullopt;
  UseConfig("route { from: 0/0 to: 0/0 via: direct command: bind }\n");
  EXPECT_EQ(Try("", 2), "accepted peer\naccepted peer\ndescriptors left: 0\n");
  // A proxy for everything is not meant for the servers that somebody starts.
  UseProxies({ProxyUrl(server_)});
  EXPECT_EQ(Try("", 2), "accepted peer\naccepted peer\ndescriptors left: 0\n");
  EXPECT_EQ(Binds(server_).size(), 0U);
}

TEST_F(ListenStateTest, AsTheRouteSaysForTheProgram) {
  ListenBy(ProxyInConfig(), "process: victim-other");
  EXPECT_EQ(Try("", 1), "accepted peer\ndescriptors left: 0\n");
  EXPECT_EQ(Binds(server_).size(), 0U);
  ListenBy(ProxyInConfig(), "process: victim-listen_state");
  EXPECT_EQ(Try("", 1), "accepted peer\ndescriptors left: 0\n");
  EXPECT_EQ(Binds(server_).size(), 1U);
}

// Nothing says that the program is an FTP client but its connection, and the port of the kernel's choice.
TEST_F(ListenStateTest, BesideAProxiedConnection) {
  UseProxies({ProxyUrl(server_)});
  const std::string port = std::to_string(testserver::FreePort());
  EXPECT_EQ(Run("listen_guess", {"10.99.99.99", "7", "0"}).out, "there\n");
  EXPECT_EQ(Run("listen_guess", {"10.99.99.99", "7", port}).out, "here\n");
  server_.SetBind(false);
  EXPECT_EQ(Run("listen_guess", {"10.99.99.99", "7", "0"}).out, "here\n");
  ListenBy(ProxyUrl(server_));
  EXPECT_EQ(Run("listen_guess", {"10.99.99.99", "7", "0"}).out, "listen: EOPNOTSUPP\n");
}

}  // namespace
}  // namespace socksify

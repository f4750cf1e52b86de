// SPDX-License-Identifier: BSD-2-Clause
// Connections that are there before the proxy has replied (`early-data: yes`).

#include <chrono>
#include <thread>
#include <utility>

#include "tests/integration/pending_fixture.h"
#include "tests/server/closed_port.h"

namespace socksify {
namespace {

using testserver::TestServer;

// Nobody lives to see that reply.
constexpr const char* kNoReplyYet = "reply.delay=60000";

class EarlyTest : public PendingTest {
 protected:
  EarlyTest() { UseEarly(server_); }

  static std::string ServerText(const std::string& name, const TestServer& server, const std::string& more) {
    return "server " + name + " { address: 127.0.0.1 port = " + std::to_string(server.port()) + " " + more +
           " }\n";
  }
  void UseEarly(const TestServer& server, const std::string& protocol = "socks_v5 handshake: pipelined") {
    UseConfig("timeout.negotiate: 5\n" +
              ServerText("proxy", server, "proxyprotocol: " + protocol + " early-data: yes") +
              "route { from: 0/0 to: 0/0 via: proxy }\n");
  }

  void Expect(const std::string& mode, const std::string& out, const std::string& host = "slow.test") const {
    const ProgramOutcome outcome = Run("early", {mode, host, "7", "echo.test", "7"});
    EXPECT_EQ(outcome.out, out) << mode;
    EXPECT_EQ(outcome.err, "") << mode;
    EXPECT_EQ(outcome.exit_code, 0) << mode;
  }
  // Modes and what they print, all at the same time.
  void ExpectAll(const std::vector<std::pair<std::string, std::string>>& modes,
                 const std::string& host = "slow.test") const {
    std::vector<std::future<void>> runs;
    runs.reserve(modes.size());
    for (const auto& mode : modes)
      runs.push_back(std::async(std::launch::async, [&] { Expect(mode.first, mode.second, host); }));
    for (std::future<void>& run : runs) run.get();
  }
};

TEST_F(EarlyTest, BlockingConnectDoesNotWaitForTheReply) {
  const std::string out =
      "connect: 0\nconnect again: EISCONN\npeer: target\nerror: none\nwrite: 5\nunsent: 0\n"
      "recv: EAGAIN\npeek: EAGAIN\nrecvmsg: EAGAIN\nwaiting: 0\n"
      "poll: OUT\nselect: 1\nreadable 0 writable 1\nread: hello\necho again\n";
  Expect("plain", out);
  UseEarly(server_, "socks_v4");
  Expect("plain", out);
}

TEST_F(EarlyTest, NonblockingConnect) {
  Expect("nonblocking",
         "poll: OUT\nerror: none\nconnect: 0\nconnect again: EISCONN\npeer: target\nwrite: 5\nunsent: 0\n"
         "recv: EAGAIN\npeek: EAGAIN\nrecvmsg: EAGAIN\nwaiting: 0\nreadv: EAGAIN\nsplice: EAGAIN\n"
         "poll: OUT\nselect: 1\nreadable 0 writable 1\npoll: IN\nread: hello\n"
         "error: none\npeer: target\necho hello\n");
  Expect("select", "select: 1\nwrite: 5\nunsent: 0\nselect: 1\nread: hello\n");
}

TEST_F(EarlyTest, Epoll) {
  const std::string begin = "connect: EINPROGRESS\nkept connected: OUT\nwrite: 5\nunsent: 0\n";
  const std::string end = "nothing: 0\nkept answer: IN\nread: hello\nno more: 0\n";
  ExpectAll({{"level", begin + "kept no more: OUT\n" + end}, {"oneshot", begin + "no more: 0\n" + end}});
  // A part of the reply is an edge of the socket, which is still writable. This protocol's reply has one
  // part.
  UseEarly(server_, "socks_v4");
  Expect("edge", begin + "no more: 0\n" + end);
}

TEST_F(EarlyTest, FirstBytesReachTheDestinationBeforeTheReply) {
  server_.AddEcho("never.test");
  server_.AddScript("never.test", kNoReplyYet);
  Expect("closed-nonblocking", "poll: OUT\nwrite: 5\nclose: 0\n", "never.test");
  const auto arrived = [&] {
    const auto requests = server_.requests();
    return requests.empty() ? 0 : requests[0].bytes_from_client;
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (arrived() == 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  ASSERT_EQ(arrived(), 5U);
  EXPECT_EQ(server_.requests()[0].bytes_to_client, 0U);
}

TEST_F(EarlyTest, CloseBeforeTheReplyLosesNothing) {
  Expect("closed", "connect: 0\nwrite: 5\nclose: 0\n");
  ASSERT_TRUE(server_.WaitForFinished(1));
  EXPECT_EQ(server_.requests()[0].bytes_from_client, 5U);
}

// The reply has been heard when the program is gone, however many descriptors the socket had.
TEST_F(EarlyTest, CopiesThatAreClosedTogetherLoseNothing) {
  const std::string trace = directory_ + "/trace";
  options_.environment["SOCKSIFY_TRACE"] = trace;
  ExpectAll({{"closed-together", "connect: 0\nwrite: 5\nclose: 0\n"}, {"ended", "connect: 0\nwrite: 5\n"}});
  EXPECT_EQ(
      RunProgram({"sh", "-c", "grep '\"event\":\"connect\"' '" + trace + "' | grep -c '\"outcome\":\"ok\"'"})
          .out,
      "2\n");
}

TEST_F(EarlyTest, EitherSideMayEnd) {
  Expect("half-close", "connect: 0\nwrite: 5\nshutdown: 0\nsend: EPIPE\nread: hello\nread: 0\n");
  Expect("shutdown", "connect: 0\nwrite: 5\nshutdown: 0\nsend: EPIPE\n");
  ASSERT_TRUE(server_.WaitForFinished(2));
  EXPECT_EQ(server_.requests()[1].bytes_from_client, 5U);
}

TEST_F(EarlyTest, AServerThatSpeaksFirst) {
  server_.AddScript("slow.test", "reply.delay=100 reply.trailing=HELLO");
  Expect("server-first", "connect: 0\nread: HELLO\necho hello\n");
}

TEST_F(EarlyTest, OptionsOfTheSocket) {
  ExpectAll({{"limited", "connect: 0\nread: EAGAIN\nwrite: 5\npoll: IN\nread: hello\n"},
             {"delays",
              "connect: 0\nno delay: 0\necho hello\nno delay: 0\n"
              "connect: 0\nno delay: 1\necho hello\nno delay: 1\n"}});
}

TEST_F(EarlyTest, CopiedAndDissolved) {
  ExpectAll(
      {{"copied", "connect: 0\nwrite: 5\npeer: target\nclose: 0\nread: hello\n"},
       {"dissolved",
        "connect: 0\ndissolve: 0\npeer: ENOTCONN\nconnect: 0\nerror: none\npeer: target\necho hello\n"}});
}

// Neither libc's streams nor another program know of the reply.
TEST_F(EarlyTest, WhoeverReadsPastTheHooks) {
  ExpectAll({{"standard", "connect: 0\nwrite: 6\ngot hello\n"},
             {"standard-input", "connect: 0\nwrite: 6\ngot hello\n"},
             {"stream-first", "connect: 0\nwrite: 6\ngot hello\n"},
             {"standard-input-first", "connect: 0\nwrite: 6\ngot hello\n"},
             {"standard-input-at-once", "connect: 0\nwrite: 6\ngot hello\n"},
             {"forked", "connect: 0\nwrite: 5\nread: hello\nchild: 0\necho again\n"},
             {"passed", "connect: 0\nwrite: 5\nread: hello\nchild: 0\nsendmsg: 1\n"},
             {"passed-without-end", "connect: 0\nsendmsg: ENOBUFS\n"},
             {"executed", "connect: 0\nwrite: 6\ngot hello\n"},
             {"executed-by-number", "connect: 0\nwrite: 6\ngot hello\n"},
             {"executed-with-environment", "connect: 0\nwrite: 6\ngot hello word\n"},
             {"spawned", "connect: 0\nwrite: 6\ngot hello\nsystem: 0\n"},
             {"spawned-by-vfork", "connect: 0\nwrite: 6\ngot hello\nchild: 0\n"},
             {"replaced-during-vfork", "connect: 0\nconnect: 0\nwrite: 5\nread: hello\nchild: 0\n"},
             {"watched-during-vfork", "connect: 0\nwrite: 5\nchild: 0\nkept answer: IN\nread: hello\n"},
             {"kept-during-vfork", "connect: 0\nwrite: 5\nchild: 0\nkept answer: IN\nread: hello\n"},
             {"piped", "connect: 0\nwrite: 6\ngot hello\npclose: 0\n"}});
}

TEST_F(EarlyTest, RefusedAfterSuccess) {
  ExpectAll(
      {{"refused-read",
        "connect: 0\nwrite: 5\nread: ECONNREFUSED\nread: 0\nerror: none\npeer: ENOTCONN\n"
        "write: EPIPE\nsignals: 1\n"},
       {"refused-poll", "poll: OUT\nwrite: 5\npoll: IN ERR HUP\nerror: ECONNREFUSED\nerror: none\nread: 0\n"},
       {"refused-select", "poll: OUT\nselect: 1\nread: ECONNREFUSED\nread: 0\n"},
       {"refused-epoll",
        "kept connected: OUT\nwrite: 5\nkept refused: IN ERR HUP\nsend: ECONNREFUSED\nsend: EPIPE\n"}},
      "slowrefused.test");
}

// It has no way back: the second server is not tried, though the first one is at fault.
TEST_F(EarlyTest, TheProxyDies) {
  TestServer second;
  second.AddEcho("*");
  for (const char* script :
       {"reply.delay=100 reply.truncate=4", "reply.delay=100 close.at=4 close.with=rst"}) {
    server_.AddScript("slow.test", script);
    UseConfig("route.maxfail: 0\n" +
              ServerText("first", server_, "proxyprotocol: socks_v5 handshake: pipelined early-data: yes") +
              ServerText("second", second, "") + "route { from: 0/0 to: 0/0 via: first, second }\n");
    Expect("limited", "connect: 0\nread: EAGAIN\nwrite: 5\npoll: IN ERR HUP\nread: ECONNABORTED\n");
  }
  EXPECT_TRUE(second.requests().empty());
}

TEST_F(EarlyTest, ADeadProxyIsPassedOver) {
  const testserver::ClosedPort gone;
  const uint16_t port = gone.port();
  UseConfig("server dead { address: 127.0.0.1 port = " + std::to_string(port) +
            " proxyprotocol: socks_v5 handshake: pipelined early-data: yes }\n" +
            ServerText("proxy", server_, "proxyprotocol: socks_v5 handshake: pipelined early-data: yes") +
            "route { from: 0/0 to: 0/0 via: dead, proxy }\n");
  Expect("limited", "connect: 0\nread: EAGAIN\nwrite: 5\npoll: IN\nread: hello\n");
}

TEST_F(EarlyTest, TheLogTellsWhatBecameOfIt) {
  server_.AddScript("slow.test", "reply.delay=1");
  const std::string trace = directory_ + "/trace";
  options_.environment["SOCKSIFY_TRACE"] = trace;
  const auto outcomes = [&] {
    const std::string text = RunProgram({"sh", "-c",
                                         "grep -o '\"event\":\"connect\".*\"outcome\":\"[^\"]*\"' '" + trace +
                                             "' | sed 's/.*outcome//'; rm '" + trace + "'"})
                                 .out;
    return text;
  };
  Run("early", {"copied", "slow.test", "7"});
  EXPECT_EQ(outcomes(), "\":\"ok\"\n");
  Run("early", {"refused-read", "slowrefused.test", "7"});
  EXPECT_EQ(outcomes(), "\":\"ECONNREFUSED\"\n");
  server_.AddEcho("never.test");
  server_.AddScript("never.test", kNoReplyYet);
  Run("early", {"closed-nonblocking", "never.test", "7"});
  EXPECT_EQ(outcomes(), "\":\"in progress\"\n");
}

// Programs that wait, as the tests of pending connections have them: all that is different is when they wait.
TEST_F(EarlyTest, LikeADirectConnection) {
  UseEarly(server_, "socks_v4");
  ExpectAllLikeDirect("pending_epoll", {"two-sets", "errors", "blocked-add", "blocked-connect"});
  ExpectAllLikeDirect("pending_threads", {"many-blocking", "many-polling", "many-epolling", "together",
                                          "together-in-sets", "forked"});
  ExpectAllLikeDirect("pending_process", {"fork-daemon", "fork-ends", "fork-other", "exec-closes"});
  ExpectAllLikeDirect("pending_modes",
                      {"blocking-write", "blocking-read", "blocking-connect", "dup-both", "dup-together"});
}

TEST_F(EarlyTest, ManyAtATime) {
  std::vector<std::future<void>> runs;
  for (const char* way : {"select", "poll", "epoll", "epollet", "epolloneshot", "epollbefore"}) {
    runs.push_back(std::async(std::launch::async, [this, way] {
      EXPECT_EQ(Run("many", {way, "20", "slow.test", "7"}).out,
                "connected 20\nrefused 0\nfailed 0\nhanging 0\nearly 0\nspurious 0\nwrong 0\nstrangers 0\n")
          << way;
    }));
  }
}

// What is closed in a child of vfork(2) its parent keeps, and with it the reply that is still to come.
TEST_F(EarlyTest, AChildOfVforkClosesItsCopy) {
  const ProgramOutcome outcome = Run("pending_process", {"vfork-closes", "slow.test", "7"});
  EXPECT_EQ(outcome.out, "child: 0\npeer: target\npoll: OUT\nerror: none\npeer: target\necho hello\n");
}

}  // namespace
}  // namespace socksify

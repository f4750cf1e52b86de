// SPDX-License-Identifier: BSD-2-Clause
// What a proxied connection costs its program: system calls and memory. Both are counted, so that one more is
// noticed; what each is for stands in docs/architecture.md.

#include "tests/integration/echo_origin.h"
#include "tests/integration/preload_fixture.h"

namespace socksify {
namespace {

class ConnectCostTest : public PreloadTest {
 protected:
  EchoOrigin origin_;
};

TEST_F(ConnectCostTest, NothingIsAllocatedOnceAConnectionHasBeenMade) {
  const std::string transfer = " write 0 poll 0 read 0 send 0 select 0 recv 0 sendmsg 0 recvmsg 0";
  const std::string end = " getpeername 0 close 0\n";
  const std::string expected = "blocking: socket 0 connect 0" + transfer + end +
                               "polled: socket 0 connect 0 poll 0" + transfer + end +
                               "selected: socket 0 connect 0 select 0" + end +
                               "watched: socket 0 epoll_ctl 0 epoll_wait 0 connect 0 epoll_wait 0" + end;
  ASSERT_EQ(RunDirect("allocations", {"127.0.0.1", origin_.port()}).out, expected);
  for (const char* scheme : {"socks5", "socks4a", "http"}) {
    UseProxies({ProxyUrl(server_, scheme)});
    EXPECT_EQ(Run("allocations", {"echo.test", "7"}).out, expected) << scheme;
    EXPECT_EQ(Run("allocations", {"10.99.99.99", "7"}).out, expected) << scheme;
  }
}

// Of a SOCKS5 connection connect(2) itself, two messages out and two in are the least that there is. Behind
// them stand here two waits; of one that was made non-blocking its mode and the socket's identity as well.
TEST_F(ConnectCostTest, AConnectionTakesFewSystemCalls) {
  const struct {
    const char* mode;
    const char* scheme;
    const char* calls;
  } kCases[] = {
      {"blocking", "socks5", "11: socket 1 sendto 3 recvfrom 2 ppoll 2 write 1 read 1 close 1\n"},
      {"blocking", "socks4a", "8: socket 1 sendto 2 recvfrom 1 ppoll 1 write 1 read 1 close 1\n"},
      {"blocking", "http", "9: socket 1 sendto 2 recvfrom 2 ppoll 1 write 1 read 1 close 1\n"},
      {"poll", "socks5",
       "16: socket 1 fcntl 1 getsockopt 2 sendto 3 recvfrom 2 ppoll 4 write 1 read 1 close 1\n"},
  };
  for (const auto& test : kCases) {
    UseProxies({ProxyUrl(server_, test.scheme)});
    for (const char* host : {"echo.test", "10.99.99.99"}) {
      const ProgramOutcome outcome = Run("calls", {test.mode, host, "7"});
      if (outcome.exit_code == 77) GTEST_SKIP() << "ptrace(2) is not allowed";
      EXPECT_EQ(outcome.out, test.calls) << test.mode << " " << test.scheme << " " << host;
    }
  }
}

// In one flight there is one wait and one answer, where the server is quick enough to give it in one piece.
TEST_F(ConnectCostTest, OneFlightTakesFewerStill) {
  UseConfig("server proxy { address: " + ProxyInConfig() +
            " proxyprotocol: socks_v5 handshake: pipelined }\n"
            "route { from: 0/0 to: 0/0 via: proxy }\n");
  const ProgramOutcome outcome = Run("calls", {"blocking", "echo.test", "7"});
  if (outcome.exit_code == 77) GTEST_SKIP() << "ptrace(2) is not allowed";
  EXPECT_THAT(outcome.out,
              testing::AnyOf("8: socket 1 sendto 2 recvfrom 1 ppoll 1 write 1 read 1 close 1\n",
                             "10: socket 1 sendto 2 recvfrom 2 ppoll 2 write 1 read 1 close 1\n"));
}

// Signals are kept out of what a handler could meet, and close(2) asks whether it is called by a child of
// vfork(2), where there may be such a thing. Either way the socket's identity is asked for.
TEST_F(ConnectCostTest, WhatAProcessHasDoneCountsForGood) {
  const std::string rest = " sendto 3 recvfrom 2 ppoll 2 write 1 read 1";
  const std::string bare = "11: socket 1" + rest + " close 1\n";
  const std::string blocking = "14: socket 1 rt_sigprocmask 2 getsockopt 1" + rest + " close 1\n";
  const std::string asking = "13: socket 1 getsockopt 1" + rest + " getpid 1 close 1\n";
  const struct {
    std::vector<const char*> before;
    std::string calls;
  } kCases[] = {
      {{"sigaction", "signal", "ssignal", "bsd_signal", "sysv_signal", "sigset", "syscall"}, blocking},
      {{"ignore", "default", "ask", "ask by number", "fault", "fork", "clone without memory"}, bare},
      {{"vfork", "clone"}, asking},
  };
  for (const auto& test : kCases) {
    for (const char* before : test.before) {
      const ProgramOutcome outcome = Run("calls", {"blocking", "echo.test", "7", before});
      if (outcome.exit_code == 77) GTEST_SKIP() << "ptrace(2) is not allowed";
      EXPECT_EQ(outcome.out, test.calls) << before;
    }
  }
  EXPECT_THAT(Run("calls", {"blocking", "echo.test", "7", "thread"}).out,
              testing::HasSubstr(" rt_sigprocmask 2 "));
}

TEST_F(ConnectCostTest, AModeThatIsKnownIsTheRightOne) {
  const ProgramOutcome direct = RunDirect("nonblocking", {"127.0.0.1", origin_.port()});
  EXPECT_THAT(direct.out,
              testing::StartsWith("nothing: waits\nSOCK_NONBLOCK: EINPROGRESS\nfcntl: EINPROGRESS\n"));
  EXPECT_EQ(Run("nonblocking", {"echo.test", "7"}).out, direct.out);
}

// Those that are none of ours cost what they cost without a preload.
TEST_F(ConnectCostTest, ADirectConnectionTakesNoSystemCallMore) {
  for (const char* mode : {"blocking", "poll", "epoll"}) {
    const ProgramOutcome direct = RunDirect("calls", {mode, "127.0.0.1", origin_.port()});
    if (direct.exit_code == 77) GTEST_SKIP() << "ptrace(2) is not allowed";
    EXPECT_EQ(Run("calls", {mode, "127.0.0.1", origin_.port()}).out, direct.out) << mode;
  }
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// Pending connections without a preload: what the hooks delegate to, called by many threads at once. Under
// ThreadSanitizer and AddressSanitizer this is the only way to watch it.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/socket_address.h"
#include "base/unique_fd.h"
#include "preload/connections.h"
#include "preload/outbound.h"
#include "preload/pending.h"
#include "preload/pending_calls.h"
#include "preload/waiting.h"
#include "preload/watches.h"
#include "tests/server/test_server.h"

namespace socksify {
namespace {

constexpr timespec kPatience = {.tv_sec = 20, .tv_nsec = 0};

// One server and one configuration for the process, since a process reads its configuration once.
testserver::TestServer* Server() {
  static testserver::TestServer* const server = [] {
    auto* const made = new testserver::TestServer;
    made->AddEcho("10.99.99.99");
    made->AddRefused("10.99.99.98");
    made->SetScript("method.delay=3 reply.delay=3 reply.split=1");
    setenv("SOCKSIFY_PROXY", ("socks5://" + made->endpoints().front().ToString()).c_str(), 1);
    setenv("SOCKSIFY_STATE_DIR", (testing::TempDir() + "socksify-pending-test").c_str(), 1);
    unsetenv("SOCKS_CONF");
    return made;
  }();
  return server;
}

sockaddr_in To(uint32_t address) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(7);
  to.sin_addr.s_addr = htonl(address);
  return to;
}
constexpr uint32_t kEcho = 0x0a636363;
constexpr uint32_t kRefused = 0x0a636362;

// A socket of the program's, as the hooks of socket(2) and close(2) treat it.
class ProgramSocket {
 public:
  explicit ProgramSocket(int flags = SOCK_NONBLOCK) : fd_(socket(AF_INET, SOCK_STREAM | flags, 0)) {
    if (g_descriptors.Flags(fd_) != 0) ForgetDescriptor(fd_);
    g_descriptors.SetFlags(fd_, kFreshStream);
  }
  ~ProgramSocket() { Close(); }
  ProgramSocket(const ProgramSocket&) = delete;
  ProgramSocket& operator=(const ProgramSocket&) = delete;

  int fd() const { return fd_; }
  int Connect(uint32_t address) const {
    const sockaddr_in to = To(address);
    return ConnectOutbound(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ? 0 : errno;
  }
  void Close() {
    if (fd_ < 0) return;
    if (g_descriptors.Flags(fd_) != 0) ForgetDescriptor(fd_);
    close(fd_);
    fd_ = -1;
  }
  std::string Echo(const std::string& line) const {
    fcntl(fd_, F_SETFL, 0);
    std::string got(line.size(), '\0');
    if (send(fd_, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) return "";
    return recv(fd_, got.data(), got.size(), MSG_WAITALL) == static_cast<ssize_t>(got.size()) ? got : "";
  }

 private:
  int fd_;
};

// Likewise for a set.
class ProgramSet {
 public:
  ProgramSet() : fd_(epoll_create1(EPOLL_CLOEXEC)) { g_descriptors.SetFlags(fd_.get(), kEpollSet); }
  ~ProgramSet() { ForgetDescriptor(fd_.get()); }
  ProgramSet(const ProgramSet&) = delete;
  ProgramSet& operator=(const ProgramSet&) = delete;

  int get() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

int SocketError(int fd) {
  int error = 0;
  return PendingSocketError(fd, &error) ? error : 0;
}

short PollUntilShown(int fd, short events) {
  pollfd waiting = {.fd = fd, .events = events, .revents = 0};
  return WaitPoll(&waiting, 1, &kPatience, nullptr) == 1 ? waiting.revents : short{0};
}

// Registers before or after connect(), waits, and says what came.
uint32_t WaitInSet(int set, const ProgramSocket& socket, uint32_t address, bool registers_first) {
  epoll_event event{};
  event.events = EPOLLOUT | EPOLLET;
  event.data.fd = socket.fd();
  if (registers_first) g_watches.Control(set, EPOLL_CTL_ADD, socket.fd(), &event);
  if (socket.Connect(address) != EINPROGRESS) return 0;
  if (!registers_first) g_watches.Control(set, EPOLL_CTL_ADD, socket.fd(), &event);
  epoll_event got{};
  if (WaitEpoll(set, &got, 1, &kPatience, nullptr) != 1) return 0;
  return got.data.fd == socket.fd() ? got.events : 0;
}

class PendingConnectionTest : public testing::Test {
 protected:
  PendingConnectionTest() { Server(); }
  // Each thread uses what the others have just given back.
  template <typename Body>
  static void InThreads(const Body& body) {
    // Opens the tables of state, whose files are closed by raw calls: ThreadSanitizer would take the numbers
    // for those files' when they are used again.
    const ProgramSocket first;
    ASSERT_EQ(first.Connect(kEcho), EINPROGRESS);
    ASSERT_EQ(PollUntilShown(first.fd(), POLLOUT), POLLOUT);
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([&body, i] { body(i); });
    for (std::thread& thread : threads) thread.join();
    EXPECT_FALSE(g_pendings.is_used());
  }
};

TEST_F(PendingConnectionTest, IsShownByPollWhenItIsThere) {
  InThreads([](int i) {
    for (int round = 0; round < 10; ++round) {
      const ProgramSocket socket;
      ASSERT_EQ(socket.Connect(kEcho), EINPROGRESS);
      EXPECT_EQ(PollUntilShown(socket.fd(), POLLOUT), POLLOUT);
      EXPECT_EQ(SocketError(socket.fd()), 0);
      EXPECT_TRUE(FindConnection(socket.fd()));
      const std::string line = "line " + std::to_string(i) + " " + std::to_string(round);
      EXPECT_EQ(socket.Echo(line), line);
    }
  });
}

TEST_F(PendingConnectionTest, IsShownByEpollWhenItIsThere) {
  InThreads([](int i) {
    for (int round = 0; round < 10; ++round) {
      const ProgramSet set;
      const ProgramSocket socket;
      EXPECT_EQ(WaitInSet(set.get(), socket, kEcho, round % 2 == 0), uint32_t{EPOLLOUT});
      EXPECT_TRUE(FindConnection(socket.fd()));
      const std::string line = "line " + std::to_string(i) + " " + std::to_string(round);
      EXPECT_EQ(socket.Echo(line), line);
    }
  });
  EXPECT_FALSE(g_watches.has_tokens());
}

TEST_F(PendingConnectionTest, ARefusalIsToldOnce) {
  InThreads([](int i) {
    const ProgramSocket socket;
    if (i % 2 == 0) {
      ASSERT_EQ(socket.Connect(kRefused), EINPROGRESS);
      EXPECT_EQ(PollUntilShown(socket.fd(), POLLOUT), POLLOUT | POLLERR | POLLHUP);
    } else {
      const ProgramSet set;
      EXPECT_EQ(WaitInSet(set.get(), socket, kRefused, i % 4 == 1), EPOLLOUT | EPOLLERR | EPOLLHUP);
    }
    EXPECT_EQ(SocketError(socket.fd()), ECONNREFUSED);
    EXPECT_EQ(SocketError(socket.fd()), 0);
    EXPECT_EQ(socket.Connect(kEcho), ECONNABORTED);
    EXPECT_EQ(socket.Connect(kEcho), EINPROGRESS);
    EXPECT_EQ(PollUntilShown(socket.fd(), POLLOUT), POLLOUT);
  });
}

TEST_F(PendingConnectionTest, BlockingOnesAreThereAfterConnect) {
  InThreads([](int i) {
    const ProgramSocket socket(0);
    const bool is_refused = i % 3 == 0;
    EXPECT_EQ(socket.Connect(is_refused ? kRefused : kEcho), is_refused ? ECONNREFUSED : 0);
    if (is_refused) return;
    EXPECT_EQ(socket.Echo("hello"), "hello");
  });
}

// All threads wait for one socket, each in its own way, and each is told.
TEST_F(PendingConnectionTest, ThreadsMayShareOne) {
  for (int round = 0; round < 5; ++round) {
    const ProgramSocket socket;
    ASSERT_EQ(socket.Connect(kEcho), EINPROGRESS);
    InThreads([&socket](int i) {
      if (i % 2 == 0) {
        EXPECT_EQ(PollUntilShown(socket.fd(), POLLOUT), POLLOUT);
      } else {
        const ProgramSet set;
        epoll_event event{};
        event.events = EPOLLOUT;
        event.data.u64 = 42;
        g_watches.Control(set.get(), EPOLL_CTL_ADD, socket.fd(), &event);
        EXPECT_EQ(WaitEpoll(set.get(), &event, 1, &kPatience, nullptr), 1);
        // A copy: the kernel's struct is packed.
        EXPECT_EQ(uint64_t{event.data.u64}, 42U);
      }
    });
  }
}

TEST_F(PendingConnectionTest, ClosedInTheMiddleNothingStays) {
  InThreads([](int i) {
    for (int round = 0; round < 20; ++round) {
      const ProgramSet set;
      ProgramSocket socket;
      epoll_event event{};
      event.events = EPOLLOUT;
      ASSERT_EQ(socket.Connect(kEcho), EINPROGRESS);
      ASSERT_EQ(g_watches.Control(set.get(), EPOLL_CTL_ADD, socket.fd(), &event), 0);
      if (i % 2 == 0) g_pendings.Advance(socket.fd());
      EXPECT_FALSE(MayTransfer(socket.fd(), Direction::kSend, 0));
      EXPECT_EQ(errno, EAGAIN);
      const int copy = dup(socket.fd());
      CopyDescriptor(socket.fd(), copy);
      socket.Close();
      EXPECT_EQ(SocketError(copy), 0);
      ForgetDescriptor(copy);
      close(copy);
    }
  });
}

}  // namespace
}  // namespace socksify

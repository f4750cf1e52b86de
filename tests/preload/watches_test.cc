// SPDX-License-Identifier: BSD-2-Clause
// What an event that comes late may do: another thread has reaped it, and the socket has gone on since.
#include "preload/watches.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/unique_fd.h"
#include "preload/connections.h"

namespace socksify {
namespace {

using Mode = Watches::Mode;
using After = Watches::After;

constexpr uint64_t kProgramsData = 42;

class WatchesTest : public testing::Test {
 protected:
  WatchesTest() {
    g_descriptors.SetFlags(set_.get(), kEpollSet);
    Open();
  }
  ~WatchesTest() override {
    ForgetDescriptor(socket_.get());
    ForgetDescriptor(set_.get());
  }
  WatchesTest(const WatchesTest&) = delete;
  WatchesTest& operator=(const WatchesTest&) = delete;

  int fd() const { return socket_.get(); }
  int set() const { return set_.get(); }
  void Reopen() {
    ForgetDescriptor(fd());
    socket_.Reset();
    Open();
  }
  uint64_t StartHandshake() const {
    g_watches.StartHandshake(fd(), POLLOUT, SignalsBlocked());
    return Reap();
  }
  // What the kernel shows: a stream socket without a connection is always writable.
  uint64_t Reap() const {
    epoll_event event{};
    EXPECT_EQ(epoll_wait(set_.get(), &event, 1, 0), 1);
    return event.data.u64;
  }
  static Mode ModeOf(uint64_t token) { return g_watches.Resolve(token, 0, SignalsBlocked()).mode; }

 private:
  void Open() {
    socket_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    g_descriptors.SetFlags(fd(), kFreshStream);
    epoll_event event{};
    event.events = EPOLLOUT;
    event.data.u64 = kProgramsData;
    EXPECT_EQ(g_watches.Control(set_.get(), EPOLL_CTL_ADD, fd(), &event), 0);
  }

  UniqueFd set_{epoll_create1(EPOLL_CLOEXEC)};
  UniqueFd socket_;
};

TEST_F(WatchesTest, AHandshakeIsEndedByItsOwnEvent) {
  const uint64_t token = StartHandshake();
  ASSERT_EQ(ModeOf(token), Mode::kHandshake);
  g_watches.EndHandshakeOf(token, After::kRemember, SignalsBlocked());
  EXPECT_EQ(Reap(), kProgramsData);
  EXPECT_TRUE(g_watches.IsWatched(fd()));
  EXPECT_FALSE(g_watches.has_tokens());

  g_watches.EndHandshakeOf(StartHandshake(), After::kTranslate, SignalsBlocked());
  EXPECT_EQ(ModeOf(Reap()), Mode::kTranslated);

  g_watches.EndHandshakeOf(StartHandshake(), After::kForget, SignalsBlocked());
  EXPECT_EQ(Reap(), kProgramsData);
  EXPECT_FALSE(g_watches.IsWatched(fd()));
  EXPECT_FALSE(g_watches.has_tokens());
}

TEST_F(WatchesTest, AnEventOfTheLastHandshakeDoesNotEndTheNext) {
  for (const After after : {After::kForget, After::kRemember, After::kTranslate, After::kShowWritable}) {
    const uint64_t last = StartHandshake();
    g_watches.EndHandshake(fd(), After::kRemember, SignalsBlocked());
    ASSERT_EQ(Reap(), kProgramsData);
    const uint64_t next = StartHandshake();
    g_watches.EndHandshakeOf(last, after, SignalsBlocked());
    EXPECT_EQ(Reap(), next);
    EXPECT_EQ(ModeOf(next), Mode::kHandshake);
    g_watches.EndHandshakeOf(next, After::kRemember, SignalsBlocked());
  }
}

// The number and the record are used again.
TEST_F(WatchesTest, AnEventOfAClosedSocketDoesNotEndTheHandshakeOfItsSuccessor) {
  const uint64_t last = StartHandshake();
  const int number = fd();
  Reopen();
  ASSERT_EQ(fd(), number);
  const uint64_t next = StartHandshake();
  g_watches.EndHandshakeOf(last, After::kForget, SignalsBlocked());
  EXPECT_EQ(Reap(), next);
  EXPECT_EQ(ModeOf(next), Mode::kHandshake);
}

// Or the next connect() would take the registration, which is armed, for one that has fired, and leave it as
// it is.
TEST_F(WatchesTest, AnEventFromBeforeAOneShotWasArmedAgainDoesNotCount) {
  epoll_event event{};
  event.events = EPOLLOUT | EPOLLONESHOT;
  ASSERT_EQ(g_watches.Control(set(), EPOLL_CTL_MOD, fd(), &event), 0);
  const uint64_t last = Reap();
  ASSERT_EQ(g_watches.Control(set(), EPOLL_CTL_MOD, fd(), &event), 0);
  const Watches::Watch late = g_watches.Resolve(last, EPOLLOUT | EPOLLHUP, SignalsBlocked());
  EXPECT_EQ(late.mode, Mode::kRemembered) << "to ask again";
  EXPECT_EQ(ModeOf(StartHandshake()), Mode::kHandshake);
}

}  // namespace
}  // namespace socksify

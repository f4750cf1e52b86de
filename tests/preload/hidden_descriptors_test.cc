// SPDX-License-Identifier: BSD-2-Clause
#include "preload/hidden_descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/close_range.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace socksify {
namespace {

bool IsOpen(int fd) {
  return fcntl(fd, F_GETFD) >= 0;
}

// A hidden socket for the time of a test.
class HiddenSocket {
 public:
  HiddenSocket() : before_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), fd_(Hide(before_)) {
    cookie_ = SocketCookie(fd_);
  }
  ~HiddenSocket() { CloseHidden(fd_, cookie_); }
  HiddenSocket(const HiddenSocket&) = delete;
  HiddenSocket& operator=(const HiddenSocket&) = delete;

  int before() const { return before_; }
  int fd() const { return fd_; }
  uint64_t cookie() const { return cookie_; }

 private:
  const int before_;
  const int fd_;
  uint64_t cookie_ = 0;
};

TEST(HiddenDescriptorsTest, HaveHighNumbersAndEndWithExec) {
  errno = EXDEV;
  const HiddenSocket hidden;
  EXPECT_EQ(errno, EXDEV);
  EXPECT_GE(hidden.fd(), 100);
  EXPECT_FALSE(IsOpen(hidden.before()));
  EXPECT_TRUE(IsHidden(hidden.fd()));
  EXPECT_FALSE(IsHidden(hidden.before()));
  EXPECT_NE(hidden.cookie(), 0U);
  EXPECT_EQ(fcntl(hidden.fd(), F_GETFD), FD_CLOEXEC);
}

// Where a process may not have so many descriptors they are as high as can be.
TEST(HiddenDescriptorsTest, StayBelowTheLimit) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const struct {
    rlim_t limit;
    int least;
  } kCases[] = {{400, 112}, {100, 0}};
  for (const auto& [limit, least] : kCases) {
    const rlimit low = {.rlim_cur = limit, .rlim_max = before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
    {
      errno = EXDEV;
      const HiddenSocket hidden;
      EXPECT_EQ(errno, EXDEV);
      EXPECT_GE(hidden.fd(), least);
      EXPECT_LT(hidden.fd(), static_cast<int>(limit));
      EXPECT_EQ(hidden.fd() == hidden.before(), least == 0);
      EXPECT_TRUE(IsHidden(hidden.fd()));
      EXPECT_EQ(fcntl(hidden.fd(), F_GETFD), FD_CLOEXEC);
    }
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  }
}

TEST(HiddenDescriptorsTest, AreClosedByTheirCookieAlone) {
  const HiddenSocket hidden;
  CloseHidden(hidden.fd(), hidden.cookie() + 1);
  EXPECT_TRUE(IsOpen(hidden.fd()));
  EXPECT_TRUE(IsHidden(hidden.fd()));
  CloseHidden(-1, hidden.cookie());
  CloseHidden(hidden.fd(), hidden.cookie());
  EXPECT_FALSE(IsOpen(hidden.fd()));
  EXPECT_FALSE(IsHidden(hidden.fd()));
}

TEST(HiddenDescriptorsTest, WhatTookTheirPlaceIsLeftAlone) {
  const HiddenSocket hidden;
  const int other = socket(AF_INET, SOCK_STREAM, 0);
  GiveUpHidden(hidden.fd());
  EXPECT_FALSE(IsHidden(hidden.fd()));
  ASSERT_EQ(dup2(other, hidden.fd()), hidden.fd());
  CloseHidden(hidden.fd(), hidden.cookie());
  EXPECT_TRUE(IsOpen(hidden.fd()));
  close(hidden.fd());
  close(other);
}

TEST(HiddenDescriptorsTest, AreForgottenByNobody) {
  const HiddenSocket hidden;
  ForgetDescriptor(hidden.fd());
  ForgetDescriptors(static_cast<unsigned>(hidden.fd()), static_cast<unsigned>(hidden.fd()));
  EXPECT_TRUE(IsHidden(hidden.fd()));
}

TEST(HiddenDescriptorsTest, ACopyIsTheProgramsOwn) {
  const HiddenSocket hidden;
  const int copy = dup(hidden.fd());
  CopyDescriptor(hidden.fd(), copy);
  EXPECT_FALSE(IsHidden(copy));
  EXPECT_TRUE(IsHidden(hidden.fd()));
  ForgetDescriptor(copy);
  close(copy);
}

TEST(HiddenDescriptorsTest, RangesAreClosedAroundThem) {
  const HiddenSocket first;
  const HiddenSocket second;
  const int end = second.fd() + 3;
  const auto begin = static_cast<unsigned>(first.fd());
  ASSERT_EQ(second.fd(), first.fd() + 1);
  for (int fd = second.fd() + 1; fd < end; ++fd) ASSERT_EQ(dup2(second.fd(), fd), fd);

  // The flag of close-on-exec passes them by too: they have it.
  ASSERT_EQ(CloseRange(begin, static_cast<unsigned>(end), CLOSE_RANGE_CLOEXEC), 0);
  EXPECT_EQ(fcntl(second.fd() + 1, F_GETFD), FD_CLOEXEC);

  ASSERT_EQ(CloseRange(begin, static_cast<unsigned>(end - 2), 0), 0);
  EXPECT_TRUE(IsOpen(first.fd()));
  EXPECT_TRUE(IsOpen(second.fd()));
  EXPECT_FALSE(IsOpen(second.fd() + 1));
  EXPECT_TRUE(IsOpen(end - 1));
  ASSERT_EQ(CloseRange(begin, static_cast<unsigned>(end), 0), 0);
  EXPECT_FALSE(IsOpen(end - 1));
  EXPECT_TRUE(IsOpen(first.fd()));

  EXPECT_EQ(CloseRange(begin, begin, 0), 0);
  EXPECT_EQ(CloseRange(begin, begin + 1, 0), 0);
  EXPECT_TRUE(IsOpen(first.fd()));
  EXPECT_TRUE(IsOpen(second.fd()));
}

TEST(HiddenDescriptorsTest, RangesThatMakeNoSenseAreRefused) {
  const HiddenSocket hidden;
  const auto fd = static_cast<unsigned>(hidden.fd());
  EXPECT_EQ(CloseRange(fd + 1, fd, 0), -1);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(CloseRange(fd - 1, fd + 5, 1 << 20), -1);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_TRUE(IsOpen(hidden.fd()));
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cerrno>
#include <thread>
#include <type_traits>
#include <vector>

#include "preload/originals.h"

namespace socksify {
namespace {

// A sanitizer's runtime is part of the program, and has calls of the same names.
void* Address(const char* name) {
  return dlsym(RTLD_NEXT, name);
}

TEST(OriginalTest, IsFoundByItsName) {
  EXPECT_EQ(reinterpret_cast<void*>(libc::socketpair.get()), Address("socketpair"));
  EXPECT_EQ(reinterpret_cast<void*>(libc::recvfrom.get()), Address("recvfrom"));
  EXPECT_EQ(reinterpret_cast<void*>(libc::poll_chk.get()), Address("__poll_chk"));
  EXPECT_EQ(reinterpret_cast<void*>(libc::recvfrom.get()), Address("recvfrom")) << "known now";
}

TEST(OriginalTest, TheFirstCallIsAsTheSecond) {
  int pair[2] = {-1, -1};
  errno = 42;
  ASSERT_EQ(libc::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  for (const char* const sent : {"one", "two"}) {
    char received[4] = {};
    EXPECT_EQ(libc::sendto(pair[0], sent, 3, MSG_NOSIGNAL, nullptr, 0), 3);
    EXPECT_EQ(libc::recvfrom(pair[1], received, 3, MSG_WAITALL, nullptr, nullptr), 3);
    EXPECT_STREQ(received, sent);
  }
  EXPECT_EQ(errno, 42) << "looking up must not show";
  EXPECT_EQ(libc::close(pair[0]), 0);
  EXPECT_EQ(libc::close(pair[1]), 0);
  EXPECT_EQ(libc::close(pair[1]), -1);
  EXPECT_EQ(errno, EBADF);
}

// noexcept is part of a function's type, and and a hook that is noexcept needs no tables for what else it
// calls.
TEST(OriginalTest, IsNoexceptWhereLibcIs) {
  static_assert(noexcept(libc::socket(0, 0, 0)));
  static_assert(!noexcept(libc::read(0, nullptr, 0)), "a cancellation point");
}

TEST(OriginalTest, AVariadicOneTakesWhatItIsGiven) {
  const int fd = memfd_create("words", MFD_CLOEXEC);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(libc::fcntl(fd, F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(libc::fcntl(fd, F_SETFD, 0), 0);
  EXPECT_EQ(libc::fcntl(fd, F_GETFD), 0);
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  EXPECT_EQ(libc::fcntl(fd, F_GETLK, &lock), 0);
  EXPECT_EQ(lock.l_type, F_UNLCK);
  EXPECT_EQ(libc::fcntl64(fd, F_GETFD), 0);
  int available = -1;
  EXPECT_EQ(libc::ioctl(fd, FIONREAD, &available), 0);
  EXPECT_EQ(available, 0);
  close(fd);
}

TEST(OriginalTest, ASystemCallHasSixArguments) {
  EXPECT_EQ(libc::syscall(SYS_getpid), getpid());
  const int fd = memfd_create("pages", MFD_CLOEXEC);
  ASSERT_GE(fd, 0);
  const long page = sysconf(_SC_PAGESIZE);
  ASSERT_EQ(pwrite(fd, "second", 6, page), 6);
  // The last one says where in the file.
  const long mapped = libc::syscall(SYS_mmap, nullptr, page, PROT_READ, MAP_PRIVATE, fd, page);
  ASSERT_NE(mapped, -1);
  const auto* const text = reinterpret_cast<const char*>(mapped);
  EXPECT_STREQ(text, "second");
  munmap(reinterpret_cast<void*>(mapped), static_cast<size_t>(page));
  close(fd);
}

TEST(OriginalTest, WordInPlaceIsTheWord) {
  EXPECT_EQ(long{WordInPlace(-7)}, -7);
  EXPECT_EQ(sizeof(WordInPlace), sizeof(long));
  static_assert(std::is_trivially_copyable_v<WordInPlace>, "or it would be passed by its address");
}

TEST(OriginalTest, ThreadsMayBeginTogether) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([] {
      for (int round = 0; round < 1000; ++round) {
        const int fd = libc::epoll_create1(EPOLL_CLOEXEC);
        ASSERT_GE(fd, 0);
        ASSERT_EQ(libc::close(fd), 0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace socksify

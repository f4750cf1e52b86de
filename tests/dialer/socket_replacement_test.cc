// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/socket_replacement.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include "tests/dialer/dialer_fixture.h"

namespace socksify {
namespace {

class SocketReplacementTest : public DialerTest {
 protected:
  SocketReplacementTest() { socket_.Reset(socket(AF_INET, SOCK_STREAM, 0)); }

  int Get(int level, int name, int fd = -1) {
    int value = -1;
    socklen_t size = sizeof value;
    getsockopt(fd >= 0 ? fd : socket_.get(), level, name, &value, &size);
    return value;
  }
  void Set(int level, int name, int value) {
    ASSERT_EQ(setsockopt(socket_.get(), level, name, &value, sizeof value), 0) << name;
  }
};

TEST_F(SocketReplacementTest, ChangesTheFamilyAndNothingElse) {
  const struct {
    int level, name, value;
  } kOptions[] = {
      {SOL_SOCKET, SO_KEEPALIVE, 1},    {SOL_SOCKET, SO_REUSEADDR, 1},   {SOL_SOCKET, SO_PRIORITY, 3},
      {SOL_SOCKET, SO_RCVBUF, 50'000},  {SOL_SOCKET, SO_SNDBUF, 60'000}, {IPPROTO_TCP, TCP_NODELAY, 1},
      {IPPROTO_TCP, TCP_KEEPIDLE, 123}, {IPPROTO_TCP, TCP_SYNCNT, 3},    {IPPROTO_TCP, TCP_USER_TIMEOUT, 999},
      {IPPROTO_IP, IP_TOS, 0x10},       {IPPROTO_IP, IP_TTL, 33}};
  std::vector<int> before;
  for (const auto& option : kOptions) Set(option.level, option.name, option.value);
  for (const auto& option : kOptions) before.push_back(Get(option.level, option.name));
  ASSERT_EQ(fcntl(socket_.get(), F_SETFL, O_RDWR | O_NONBLOCK), 0);
  ASSERT_EQ(fcntl(socket_.get(), F_SETFD, FD_CLOEXEC), 0);

  ASSERT_EQ(ReplaceSocket(LibcSystem(), socket_.get(), AF_INET6, Binding::kProgram), 0);
  EXPECT_EQ(Get(SOL_SOCKET, SO_DOMAIN), AF_INET6);
  for (size_t i = 0; i < std::size(kOptions); ++i) {
    EXPECT_EQ(Get(kOptions[i].level, kOptions[i].name), before[i]) << kOptions[i].name;
  }
  EXPECT_EQ(fcntl(socket_.get(), F_GETFL), O_RDWR | O_NONBLOCK);
  EXPECT_EQ(fcntl(socket_.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(SocketReplacementTest, ReplacesEveryDuplicate) {
  const UniqueFd copy(dup(socket_.get()));
  ASSERT_EQ(ReplaceSocket(LibcSystem(), socket_.get(), AF_INET6, Binding::kProgram), 0);
  EXPECT_EQ(Get(SOL_SOCKET, SO_DOMAIN, copy.get()), AF_INET6);
}

TEST_F(SocketReplacementTest, CarriesEpollRegistrationsOver) {
  UniqueFd epoll(epoll_create1(0));
  epoll_event event = {.events = EPOLLOUT | EPOLLONESHOT, .data = {.u64 = 0x1234567890abcdefULL}};
  ASSERT_EQ(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, socket_.get(), &event), 0);
  ASSERT_EQ(ReplaceSocket(LibcSystem(), socket_.get(), AF_INET6, Binding::kProgram), 0);
  epoll_event got{};
  ASSERT_EQ(epoll_wait(epoll.get(), &got, 1, 1000), 1);
  // A copy: the kernel's struct is packed.
  EXPECT_EQ(uint64_t{got.data.u64}, 0x1234567890abcdefULL);
  EXPECT_EQ(epoll_wait(epoll.get(), &got, 1, 0), 0) << "one shot";
}

TEST_F(SocketReplacementTest, KeepsAWildcardPort) {
  SocketAddress local;
  socklen_t size = ToSockaddr(IpAddress(), 0, AF_INET, &local);
  ASSERT_EQ(bind(socket_.get(), &local.generic, size), 0);
  ASSERT_EQ(getsockname(socket_.get(), &local.generic, &size), 0);
  ASSERT_EQ(ReplaceSocket(LibcSystem(), socket_.get(), AF_INET6, Binding::kProgram), 0);
  SocketAddress now;
  size = sizeof now;
  ASSERT_EQ(getsockname(socket_.get(), &now.generic, &size), 0);
  EXPECT_EQ(now.v6.sin6_port, local.v4.sin_port);
  EXPECT_EQ(Get(SOL_SOCKET, SO_REUSEPORT), 0);
}

TEST_F(SocketReplacementTest, RefusesAParticularLocalAddress) {
  SocketAddress local;
  const socklen_t size = ToSockaddr(IpAddress::V4(0x7f000001), 0, AF_INET, &local);
  ASSERT_EQ(bind(socket_.get(), &local.generic, size), 0);
  EXPECT_EQ(ReplaceSocket(LibcSystem(), socket_.get(), AF_INET6, Binding::kProgram), EADDRNOTAVAIL);
  EXPECT_EQ(Get(SOL_SOCKET, SO_DOMAIN), AF_INET);
}

}  // namespace
}  // namespace socksify

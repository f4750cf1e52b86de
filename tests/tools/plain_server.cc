// SPDX-License-Identifier: BSD-2-Clause
#include "tests/tools/plain_server.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/socket_address.h"

namespace socksify::testing {

PlainServer::PlainServer(Manner manner, std::vector<std::string> replies)
    : manner_(manner),
      replies_(std::move(replies)),
      listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      stop_(eventfd(0, EFD_CLOEXEC)) {
  SocketAddress address{};
  socklen_t size = ToSockaddr(IpAddress::V4(0x7f000001), 0, AF_INET, &address);
  EXPECT_EQ(bind(listener_.get(), &address.generic, size), 0);
  EXPECT_EQ(listen(listener_.get(), 64), 0);
  EXPECT_EQ(getsockname(listener_.get(), &address.generic, &size), 0);
  port_ = EndpointFromSockaddr(&address.generic, size).value_or(Endpoint()).port();
  thread_ = std::thread(&PlainServer::Serve, this);
}

PlainServer::~PlainServer() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

bool PlainServer::Answer(Client* client) const {
  std::array<char, 4096> buffer{};
  const ssize_t count = recv(client->fd.get(), buffer.data(), buffer.size(), 0);
  if (count <= 0) return false;
  std::string reply;
  if (manner_ == Manner::kEchoes) reply.assign(buffer.data(), static_cast<size_t>(count));
  if (manner_ == Manner::kReplies && client->reads < replies_.size()) reply = replies_[client->reads];
  if (manner_ == Manner::kChooses && client->reads == 0) reply = {'\5', buffer[2]};
  ++client->reads;
  return send(client->fd.get(), reply.data(), reply.size(), MSG_NOSIGNAL) >= 0;
}

void PlainServer::Serve() const {
  std::vector<Client> clients;
  while (true) {
    std::vector<pollfd> waiting = {{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                                   {.fd = listener_.get(), .events = POLLIN, .revents = 0}};
    for (const Client& client : clients)
      waiting.push_back({.fd = client.fd.get(), .events = POLLIN, .revents = 0});
    if (poll(waiting.data(), waiting.size(), -1) < 0 || waiting[0].revents != 0) return;
    for (size_t i = clients.size(); i-- > 0;) {
      if (waiting[i + 2].revents != 0 && !Answer(&clients[i]))
        clients.erase(clients.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (waiting[1].revents != 0)
      clients.push_back({UniqueFd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC))});
  }
}

}  // namespace socksify::testing

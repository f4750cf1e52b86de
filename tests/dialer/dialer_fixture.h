// SPDX-License-Identifier: BSD-2-Clause
// What the dialer's tests share: servers, rules made by hand, and a socket to try them on.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/socket_address.h"
#include "base/unique_fd.h"
#include "dialer/attempt.h"
#include "tests/server/closed_port.h"
#include "tests/server/test_server.h"

namespace socksify {

class DialerTest : public testing::Test {
 protected:
  // A server at `endpoint`, SOCKS5 without authentication unless told otherwise.
  Server* AddServer(const Endpoint& endpoint, uint8_t protocols = kServerSocks5) {
    auto server = std::make_unique<Server>();
    server->address = endpoint;
    server->protocols = protocols;
    server->methods = kMethodNone;
    servers_.push_back(std::move(server));
    return servers_.back().get();
  }
  Server* AddServer(const testserver::TestServer& server) { return AddServer(server.endpoints().front()); }

  // A port of 127.0.0.1 that nobody listens on.
  Endpoint ClosedPort() {
    closed_.emplace_back();
    return closed_.back().endpoint();
  }

  // A listener whose queue is full: it answers no connection request any more.
  Endpoint SilentPort() {
    UniqueFd listener(socket(AF_INET, SOCK_STREAM, 0));
    SocketAddress address;
    socklen_t size = ToSockaddr(IpAddress::V4(0x7f000001), 0, AF_INET, &address);
    EXPECT_EQ(bind(listener.get(), &address.generic, size), 0);
    EXPECT_EQ(listen(listener.get(), 0), 0);
    EXPECT_EQ(getsockname(listener.get(), &address.generic, &size), 0);
    for (int i = 0; i < 4; ++i) {
      UniqueFd filler(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
      connect(filler.get(), &address.generic, size);
      kept_.push_back(std::move(filler));
    }
    kept_.push_back(std::move(listener));
    return *EndpointFromSockaddr(&address.generic, size);
  }

  static Target Via(std::vector<const Server*> hops) {
    Target target;
    target.kind = Target::Kind::kProxies;
    target.hops = std::move(hops);
    return target;
  }
  static Target Direct() { return Target(); }
  static Target Block() {
    Target target;
    target.kind = Target::Kind::kBlock;
    return target;
  }
  static Rule MakeRule(std::vector<Target> targets) {
    Rule rule;
    rule.group = std::move(targets);
    return rule;
  }
  static Endpoint Name(const char* name, uint16_t port = 80) { return *Endpoint::FromName(name, port); }

  // Makes `socket_`, connects it by `rule` and keeps the attempt in `attempt_`.
  Attempt::State Dial(const Rule& rule, const Endpoint& destination, int family = AF_INET,
                      int type_flags = 0) {
    rule_ = rule;
    socket_.Reset(socket(family, SOCK_STREAM | type_flags, 0));
    return Redial(destination, family, type_flags);
  }
  Attempt::State Redial(const Endpoint& destination, int family = AF_INET, int type_flags = 0) {
    options_.is_nonblocking = (type_flags & SOCK_NONBLOCK) != 0;
    attempt_ = std::make_unique<Attempt>(LibcSystem(), socket_.get(), family, rule_, destination, options_);
    attempt_->Start(MonotonicMs());
    return RunToCompletion(LibcSystem(), socket_.get(), attempt_.get());
  }

  // Which of the rule's paths the attempt came to: 0 for the first.
  size_t PathNumber() const { return static_cast<size_t>(attempt_->target() - rule_.group.data()); }

  // Sends a line through `socket_` and reads it back.
  std::string Echo(const std::string& line) {
    EXPECT_EQ(send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL), static_cast<ssize_t>(line.size()));
    std::string got;
    char buffer[256];
    pollfd readable = {.fd = socket_.get(), .events = POLLIN, .revents = 0};
    while (got.size() < line.size() && poll(&readable, 1, 5000) == 1) {
      const ssize_t count = recv(socket_.get(), buffer, sizeof buffer, 0);
      if (count <= 0) break;
      got.append(buffer, static_cast<size_t>(count));
    }
    return got;
  }

  AttemptOptions options_;
  std::unique_ptr<Attempt> attempt_;
  UniqueFd socket_;

 private:
  Rule rule_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::vector<UniqueFd> kept_;
  std::vector<testserver::ClosedPort> closed_;
};

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "preload/inbound_control.h"

#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/errno_keeper.h"
#include "base/socket_address.h"
#include "dialer/inbound.h"
#include "dialer/socket_replacement.h"
#include "preload/connections.h"
#include "preload/hidden_descriptors.h"
#include "preload/originals.h"
#include "protocol/bind_query.h"

namespace socksify {
namespace {

constexpr Failure kMoved = {Fault::kDestination, EADDRINUSE, -1, "on another port than before"};
// After a failure no proxy is asked for this many times as long as it took.
constexpr long long kPauseFactor = 10;
constexpr long long kMaxPauseMs = 30'000;

}  // namespace

void ReportInbound(const Runtime& runtime, const InboundSocket& socket, ConnectionEvent::Kind kind,
                   const Endpoint& destination, const Failure* failure, long long elapsed_us) {
  if (failure == nullptr && !runtime.reporter().wants_connections()) return;
  runtime.reporter().Connection({.destination = destination,
                                 .rule = socket.rule,
                                 .target = socket.target,
                                 .failure = failure,
                                 .elapsed_us = elapsed_us,
                                 .kind = kind});
}

int Ask(Runtime* runtime, InboundSocket* socket, const Decision& decision, uint16_t port, uint16_t own_port) {
  const long long started_us = MonotonicUs();
  if (started_us / 1000 < socket->paused_until_ms) return ECONNABORTED;
  InboundRequest request;
  if (socket->is_extension) {
    request = {.destination = BindExtensionRequest(own_port), .local_port = own_port};
  } else {
    // Whom the program has not named may be anybody; but a proxy listens in one family, that of the request.
    const IpAddress anybody = socket->is_ip6 ? IpAddress::V6(std::array<uint8_t, 16>{}) : IpAddress();
    request.destination = socket->has_counterpart ? decision.destination : Endpoint::FromIp(anybody, 0);
    request.destination.set_port(port);
  }
  Inbound made = AskToListen(OriginalSystem(), *decision.rule, request, runtime->OptionsFor(*decision.rule));
  const long long elapsed_us = MonotonicUs() - started_us;
  socket->rule = decision.rule;
  socket->target = made.target;
  if (made.failure) {
    ReportInbound(*runtime, *socket, ConnectionEvent::Kind::kListen, request.destination, &*made.failure,
                  elapsed_us);
    const long long pause_ms = std::min(elapsed_us * kPauseFactor / 1000, kMaxPauseMs);
    socket->paused_until_ms = (started_us + elapsed_us) / 1000 + pause_ms;
    return made.failure->error;
  }
  if (made.is_direct) return EADDRNOTAVAIL;
  socket->bound = made.bound;
  socket->handshake = made.handshake;
  socket->control_cookie = SocketCookie(made.control_fd);
  // Without the memory for it, fork(2) would leave both processes with the peer.
  void* const claim =
      mmap(nullptr, sizeof(std::atomic<pid_t>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (claim == MAP_FAILED) {
    libc::close(made.control_fd);
    return ENOMEM;
  }
  socket->claim = static_cast<std::atomic<pid_t>*>(claim);
  socket->control_fd = Hide(made.control_fd);
  ReportInbound(*runtime, *socket, ConnectionEvent::Kind::kListen, made.bound, nullptr, elapsed_us);
  return 0;
}

void LeaveControl(InboundSocket* socket) {
  const int control_fd = socket->control_fd.exchange(-1);
  if (control_fd < 0) return;
  CloseHidden(control_fd, socket->control_cookie);
  socket->GiveUpClaim();
  if (socket->own_fd >= 0) g_inbounds.AddIdle();
}

void DropControl(int fd, InboundSocket* socket) {
  const int control_fd = socket->control_fd;
  if (control_fd >= 0) libc::epoll_ctl(fd, EPOLL_CTL_DEL, control_fd, static_cast<epoll_event*>(nullptr));
  LeaveControl(socket);
}

bool AddToSet(int set_fd, int fd) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP;
  event.data.fd = fd;
  return libc::epoll_ctl(set_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

void Arm(Runtime* runtime, int fd, InboundSocket* socket) {
  if (socket->control_fd >= 0 || socket->own_fd < 0 || socket->is_shut) return;
  const ErrnoKeeper keeper;
  Decision decision;
  Decide(runtime, socket->own_fd, socket->counterpart, Transport::kTcp, Command::kBind, &decision);
  if (decision.failure != nullptr || decision.rule->group[0].kind != Target::Kind::kProxies) return;
  const uint16_t port = socket->bound.port();
  if (Ask(runtime, socket, decision, port, LocalEndpoint(socket->own_fd).port()) != 0) return;
  g_inbounds.RemoveIdle();
  if (socket->bound.port() != port)
    ReportInbound(*runtime, *socket, ConnectionEvent::Kind::kListen, socket->bound, &kMoved, 0);
  AddToSet(fd, socket->control_fd);
}

}  // namespace socksify

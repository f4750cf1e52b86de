// SPDX-License-Identifier: BSD-2-Clause
#include "preload/listening.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/single_threaded.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "base/errno_keeper.h"
#include "base/socket_address.h"
#include "dialer/inbound.h"
#include "dialer/socket_replacement.h"
#include "preload/connections.h"
#include "preload/decision.h"
#include "preload/hidden_descriptors.h"
#include "preload/inbound_control.h"
#include "preload/inbound_peers.h"
#include "preload/originals.h"
#include "preload/pending_calls.h"
#include "preload/runtime.h"
#include "preload/time_limit.h"
#include "preload/watches.h"

namespace socksify {
namespace {

constexpr Failure kBlocked = {Fault::kDestination, EACCES, -1, "blocked by a rule"};
constexpr Failure kOtherPort = {Fault::kDestination, EADDRINUSE, -1, "the proxy listens on another port"};
// What is ready may be another thread's or another process's to take: how long accept(2) leaves it to them.
constexpr int kLeaveMs = 5;

bool HasThreads() {
  return __libc_single_threaded == 0;
}

// See Inbounds::BeginTurn().
class Turn {
 public:
  Turn(int fd, InboundSocket* socket) : socket_(socket), is_ours_(g_inbounds.BeginTurn(fd, socket)) {}
  ~Turn() {
    if (is_ours_) g_inbounds.EndTurn(socket_);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  bool is_ours() const { return is_ours_; }

 private:
  InboundSocket* socket_;
  bool is_ours_;
};

struct Counterpart {
  Endpoint peer;
  bool is_ip6 = false;  // the family in which the proxy has connected to it, if it has told
};

// A proxied connection of the process, as FTP clients have one when they listen.
std::optional<Counterpart> AnyCounterpart() {
  std::optional<Counterpart> found;
  for (int fd = 0; fd < static_cast<int>(g_descriptors.used_end()); ++fd) {
    if ((g_descriptors.Flags(fd) & (kHasConnection | kDatagram | kRelayed | kDnsByHand)) != kHasConnection)
      continue;
    const std::optional<Connection> connection = FindConnection(fd);
    if (!connection) continue;
    const auto peer = EndpointFromSockaddr(&connection->peer.generic, connection->peer_size);
    if (!peer) continue;
    const auto bound = EndpointFromSockaddr(&connection->bound.generic, connection->bound_size);
    found = {.peer = *peer, .is_ip6 = (bound ? *bound : *peer).ip().Unmapped().is_v6()};
  }
  return found;
}

// The port that the program chose; 0 when it left that to the kernel.
uint16_t ChosenPort(int fd) {
  return (g_descriptors.Flags(fd) & kPortOfKernel) != 0 ? 0 : LocalEndpoint(fd).port();
}

// The rule, if the socket is to listen at a proxy. False with errno: it may not listen at all.
bool JudgeListening(Runtime* runtime, int fd, const InboundSocket* known, Decision* out, bool* is_inbound,
                    bool* is_ip6) {
  *is_inbound = false;
  *is_ip6 = false;
  if (runtime == nullptr || runtime->config() == nullptr || runtime->config()->settings.bind_local_only)
    return true;
  const bool has_counterpart = known != nullptr && known->has_counterpart;
  if (!has_counterpart && !LocalEndpoint(fd).ip().IsUnspecified()) return true;
  const auto any = has_counterpart ? std::nullopt : AnyCounterpart();
  Endpoint counterpart;
  if (has_counterpart) {
    counterpart = known->counterpart;
  } else if (any) {
    counterpart = any->peer;
    *is_ip6 = any->is_ip6;
  }
  Decide(runtime, fd, counterpart, Transport::kTcp, Command::kBind, out);
  if (out->failure != nullptr) return true;
  // A server that the user did not mean to move must not turn up at the proxy.
  const bool may_be_for_peer = has_counterpart || (any && ChosenPort(fd) == 0);
  if (!out->rule->names_commands && !may_be_for_peer) return true;
  switch (out->rule->group[0].kind) {
    case Target::Kind::kDirect: return true;
    case Target::Kind::kBlock: Refuse(runtime, *out, kBlocked, "tcp"); return false;
    case Target::Kind::kProxies: break;
  }
  *is_inbound = true;
  return true;
}

bool LetsInLocals(const Rule& rule) {
  const auto is_direct = [](const Target& target) { return target.kind == Target::Kind::kDirect; };
  return std::ranges::any_of(rule.group, is_direct) || std::ranges::any_of(rule.fallback, is_direct);
}

// Puts a set behind the descriptor. 0 or an errno value.
int PutSetBehind(int fd, InboundSocket* socket, int backlog) {
  const bool has_own_peers = socket->lets_in_locals || socket->is_extension;
  if (has_own_peers && libc::listen(fd, backlog) != 0) return errno;
  const int status = libc::fcntl(fd, F_GETFL);
  const int set_fd = libc::epoll_create1(EPOLL_CLOEXEC);
  if (set_fd < 0) return errno;
  const int own_fd = Hide(libc::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  socket->own_cookie = SocketCookie(own_fd);
  // From now on it is ours alone; the program's own mode is that of the set.
  libc::fcntl(own_fd, F_SETFL, status | O_NONBLOCK);
  if ((status & O_NONBLOCK) != 0) libc::fcntl(set_fd, F_SETFL, O_NONBLOCK);
  int error = AddToSet(set_fd, socket->control_fd) ? 0 : errno;
  if (error == 0 && has_own_peers && !AddToSet(set_fd, own_fd)) error = errno;
  if (error == 0) error = PutBehind(OriginalSystem(), set_fd, fd, own_fd);
  libc::close(set_fd);
  if (error != 0) {
    libc::fcntl(own_fd, F_SETFL, status);
    CloseHidden(own_fd, socket->own_cookie);
    return error;
  }
  socket->own_fd.store(own_fd, std::memory_order_release);
  return 0;
}

const timespec* AcceptLimit(int own_fd, timespec* out) {
  timeval limit{};
  socklen_t size = sizeof limit;
  if (libc::getsockopt(own_fd, SOL_SOCKET, SO_RCVTIMEO, static_cast<void*>(&limit), &size) != 0)
    return nullptr;
  if (limit.tv_sec == 0 && limit.tv_usec == 0) return nullptr;
  *out = {.tv_sec = limit.tv_sec, .tv_nsec = limit.tv_usec * 1000};
  return out;
}

bool IsExtension(const Rule& rule) {
  const Target& first = rule.group[0];
  return first.hops.size() == 1 && first.hops[0]->has_bind_extension;
}

}  // namespace

void NoteCounterpart(int fd, const Endpoint& counterpart) {
  InboundSocket* const socket = g_inbounds.Provide(fd, SocketOption(fd, SO_DOMAIN));
  if (socket == nullptr) return;
  socket->counterpart = counterpart;
  socket->has_counterpart = true;
}

namespace {

// Makes an accepted connection known, to us and to the program.
void Introduce(const Runtime& runtime, const InboundSocket& socket, const Accepted& accepted,
               sockaddr* address, socklen_t* size) {
  RecordAccepted(socket, accepted);
  ReportInbound(runtime, socket, ConnectionEvent::Kind::kAccept, accepted.peer, nullptr, 0);
  if (address == nullptr || size == nullptr) return;
  SocketAddress peer{};
  const socklen_t peer_size =
      ToSockaddr(accepted.peer.ip().Unmapped(), accepted.peer.port(), socket.family, &peer);
  CopySockaddr(peer, peer_size, address, size);
}

}  // namespace

int Listen(int fd, int backlog) {
  InboundSocket* socket = g_inbounds.Find(fd);
  if (socket != nullptr && socket->own_fd >= 0) {
    const bool has_own_peers = socket->lets_in_locals || socket->is_extension;
    if (socket->is_shut && !has_own_peers)
      libc::epoll_ctl(fd, EPOLL_CTL_DEL, socket->own_fd.load(), static_cast<epoll_event*>(nullptr));
    socket->is_shut = false;
    return has_own_peers ? libc::listen(socket->own_fd.load(), backlog) : 0;
  }
  Runtime* const runtime = Runtime::Get();
  Decision decision;
  bool is_inbound = false;
  bool is_ip6 = false;
  if (!JudgeListening(runtime, fd, socket, &decision, &is_inbound, &is_ip6)) return -1;
  if (!is_inbound) {
    GiveUpInbound(fd);
    return libc::listen(fd, backlog);
  }
  const uint16_t port = ChosenPort(fd);
  const int saved_errno = errno;
  socket = g_inbounds.Provide(fd, SocketOption(fd, SO_DOMAIN));
  if (socket == nullptr) {
    errno = ENOBUFS;
    return -1;
  }
  int error = 0;
  if (socket->control_fd < 0) {
    if (!socket->has_counterpart) {
      socket->counterpart = decision.is_fake ? Endpoint::FromIp(decision.fake, decision.destination.port())
                                             : decision.destination;
    }
    socket->is_ip6 = is_ip6;
    socket->lets_in_locals = LetsInLocals(*decision.rule);
    socket->is_extension = IsExtension(*decision.rule);
    // The kernel chooses a port for a socket that was not bound.
    if (socket->is_extension && LocalEndpoint(fd).port() == 0) {
      SocketAddress any{};
      const socklen_t size = ToSockaddr(IpAddress(), 0, AF_INET, &any);
      libc::bind(fd, static_cast<const sockaddr*>(&any.generic), size);
    }
    error = Ask(runtime, socket, decision, port, LocalEndpoint(fd).port());
  }
  if (error == 0 && port != 0 && socket->bound.port() != port) {
    ReportInbound(*runtime, *socket, ConnectionEvent::Kind::kListen, socket->bound, &kOtherPort, 0);
    error = EADDRINUSE;
  }
  if (error == 0) error = PutSetBehind(fd, socket, backlog);
  if (error == 0) {
    errno = saved_errno;
    return 0;
  }
  // That the socket is for a peer of a connection was only a guess, and the proxy does not do such things.
  const bool was_guess = !socket->has_counterpart && !decision.rule->names_commands;
  GiveUpInbound(fd);
  if (error == EOPNOTSUPP && was_guess) return libc::listen(fd, backlog);
  errno = error;
  return -1;
}

int AcceptInbound(int fd, sockaddr* address, socklen_t* size, int flags) {
  InboundSocket* const socket = g_inbounds.Find(fd);
  Runtime* const runtime = Runtime::Get();
  if (socket == nullptr || socket->own_fd < 0 || runtime == nullptr)
    return libc::accept4(OwnSocketOf(fd), address, size, flags);
  if ((flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0) {
    errno = EINVAL;
    return -1;
  }
  timespec limit_time{};
  const timespec* const wanted_limit = AcceptLimit(socket->own_fd, &limit_time);
  const bool has_limit = wanted_limit != nullptr;
  TimeLimit limit(wanted_limit);
  for (bool is_repeated = false;; is_repeated = true) {
    if (g_inbounds.Find(fd) != socket) {
      // Another thread has closed it.
      errno = EBADF;
      return -1;
    }
    if (socket->is_shut) {
      errno = EINVAL;
      return -1;
    }
    Accepted accepted;
    Got got = Got::kNothing;
    {
      const Turn turn(fd, socket);
      if (turn.is_ours()) {
        Arm(runtime, fd, socket);
        got = TakeFromProxy(runtime, fd, socket, flags, &accepted);
        if (got == Got::kNothing) got = TakeOwn(socket, flags, &accepted);
        const ErrnoKeeper keeper;
        if (got == Got::kConnection) Introduce(*runtime, *socket, accepted, address, size);
        if (got == Got::kNothing || HasThreads()) Arm(runtime, fd, socket);
      }
    }
    if (got != Got::kNothing) return got == Got::kConnection ? accepted.fd : -1;
    if ((libc::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 || limit.HasPassed()) {
      errno = EAGAIN;
      return -1;
    }
    pollfd readable = {.fd = fd, .events = POLLIN, .revents = 0};
    // One whom nobody listens for looks again when its pause is over.
    const bool is_sure = socket->control_fd >= 0 && !HasThreads();
    const long long again_ms = is_sure ? std::numeric_limits<long long>::max() : MonotonicMs() + 1000;
    const int count =
        libc::ppoll(&readable, nfds_t{1}, limit.Left(again_ms), static_cast<const sigset_t*>(nullptr));
    if (count < 0 && (errno != EINTR || has_limit || !IsRestarted())) return -1;
    if (count > 0 && is_repeated && libc::poll(static_cast<pollfd*>(nullptr), nfds_t{0}, kLeaveMs) < 0 &&
        !IsRestarted())
      return -1;
  }
}

bool InboundAddress(int fd, sockaddr* address, socklen_t* size, int* result) {
  InboundSocket* const socket = g_inbounds.Find(fd);
  if (socket == nullptr) return false;
  Runtime* const runtime = Runtime::Get();
  if (socket->own_fd < 0 && socket->control_fd < 0) {
    Decision decision;
    bool is_inbound = false;
    bool is_ip6 = false;
    if (runtime == nullptr || !socket->has_counterpart) return false;
    const ErrnoKeeper keeper;
    if (!JudgeListening(runtime, fd, socket, &decision, &is_inbound, &is_ip6) || !is_inbound) return false;
    const Turn turn(fd, socket);
    if (!turn.is_ours()) return false;
    socket->lets_in_locals = LetsInLocals(*decision.rule);
    socket->is_extension = IsExtension(*decision.rule);
    if (Ask(runtime, socket, decision, ChosenPort(fd), LocalEndpoint(fd).port()) != 0) return false;
  } else if (socket->own_fd >= 0 && socket->control_fd < 0 && runtime != nullptr) {
    // Who asks after accept(2) is about to tell the next peer: the proxy may give another port each time.
    const ErrnoKeeper keeper;
    const Turn turn(fd, socket);
    if (turn.is_ours()) Arm(runtime, fd, socket);
  }
  SocketAddress bound{};
  const socklen_t bound_size = ToSockaddr(socket->bound.ip(), socket->bound.port(), socket->family, &bound);
  if (bound_size == 0) return false;
  CopySockaddr(bound, bound_size, address, size);
  *result = 0;
  return true;
}

void GiveUpInbound(int fd) {
  const InboundSocket* const socket = g_inbounds.Find(fd);
  if (socket == nullptr || socket->own_fd >= 0) return;
  const ErrnoKeeper keeper;
  g_inbounds.Forget(fd);
  g_descriptors.ClearFlags(fd, kInbound);
}

int ShutDownInbound(int fd, int how) {
  InboundSocket* const socket = g_inbounds.Find(fd);
  if (socket == nullptr || socket->own_fd < 0) return libc::shutdown(fd, how);
  if (how == SHUT_WR) return 0;
  const Turn turn(fd, socket);
  socket->is_shut = true;
  if (turn.is_ours()) DropControl(fd, socket);
  // Who waits sees that it is over.
  AddToSet(fd, socket->own_fd);
  libc::shutdown(socket->own_fd.load(), how);
  return 0;
}

void ListenAgain() {
  const ErrnoKeeper keeper;
  Runtime* const runtime = Runtime::Get();
  if (runtime == nullptr) return;
  for (int fd = 0; fd < static_cast<int>(g_descriptors.used_end()); ++fd) {
    if ((g_descriptors.Flags(fd) & kInbound) == 0) continue;
    InboundSocket* const socket = g_inbounds.Find(fd);
    if (socket == nullptr || socket->own_fd < 0 || socket->control_fd >= 0) continue;
    const Turn turn(fd, socket);
    if (turn.is_ours()) Arm(runtime, fd, socket);
  }
}

}  // namespace socksify

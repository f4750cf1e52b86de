// SPDX-License-Identifier: BSD-2-Clause
#include "preload/listening.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
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
#include "preload/originals.h"
#include "preload/pending_calls.h"
#include "preload/runtime.h"
#include "preload/time_limit.h"
#include "preload/watches.h"
#include "protocol/bind_query.h"

namespace socksify {
namespace {

constexpr Failure kBlocked = {Fault::kDestination, EACCES, -1, "blocked by a rule"};
constexpr Failure kOtherPort = {Fault::kDestination, EADDRINUSE, -1, "the proxy listens on another port"};
constexpr Failure kMoved = {Fault::kDestination, EADDRINUSE, -1, "on another port than before"};
constexpr Failure kPeerLost = {Fault::kServer, ECONNABORTED, -1, "the proxy gave up before a peer came"};
// After a failure no proxy is asked for this many times as long as it took.
constexpr long long kPauseFactor = 10;
constexpr long long kMaxPauseMs = 30'000;
// What is ready may be another thread's or another process's to take: how long accept(2) leaves it to them.
constexpr int kLeaveMs = 5;

bool HasThreads() {
  return __libc_single_threaded == 0;
}

// One thread at a time deals with a socket. The others see what it has made of it.
class Turn {
 public:
  explicit Turn(InboundSocket* socket) : socket_(socket), is_ours_(!socket->is_busy.exchange(true)) {}
  ~Turn() {
    if (is_ours_) socket_->is_busy = false;
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  bool is_ours() const { return is_ours_; }

 private:
  InboundSocket* socket_;
  bool is_ours_;
};

void Report(const Runtime& runtime, const InboundSocket& socket, ConnectionEvent::Kind kind,
            const Endpoint& destination, const Failure* failure, long long elapsed_us) {
  if (failure == nullptr && !runtime.reporter().wants_connections()) return;
  runtime.reporter().Connection({.destination = destination,
                                 .rule = socket.rule,
                                 .target = socket.target,
                                 .failure = failure,
                                 .elapsed_us = elapsed_us,
                                 .kind = kind});
}

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

// Asks a proxy to listen; 0 or an errno. `port` is the one that is wanted, 0 for any.
int Ask(Runtime* runtime, InboundSocket* socket, const Decision& decision, uint16_t port, uint16_t own_port) {
  const long long started_us = MonotonicUs();
  if (started_us / 1000 < socket->paused_until_ms) return ECONNABORTED;
  const Settings& settings = runtime->config()->settings;
  InboundRequest request;
  if (socket->is_extension) {
    request = {.destination = BindExtensionRequest(own_port), .local_port = own_port};
  } else {
    // Whom the program has not named may be anybody; but a proxy listens in one family, that of the request.
    const IpAddress anybody = socket->is_ip6 ? IpAddress::V6(std::array<uint8_t, 16>{}) : IpAddress();
    request.destination = socket->has_counterpart ? decision.destination : Endpoint::FromIp(anybody, 0);
    request.destination.set_port(port);
  }
  Inbound made = AskToListen(OriginalSystem(), *decision.rule, request,
                             {.connect_timeout_ms = settings.connect_timeout_ms,
                              .negotiate_timeout_ms = settings.negotiate_timeout_ms,
                              .draw = runtime->Draw(*decision.rule),
                              .health = runtime->health()});
  const long long elapsed_us = MonotonicUs() - started_us;
  socket->rule = decision.rule;
  socket->target = made.target;
  if (made.failure) {
    Report(*runtime, *socket, ConnectionEvent::Kind::kListen, request.destination, &*made.failure,
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
  Report(*runtime, *socket, ConnectionEvent::Kind::kListen, made.bound, nullptr, elapsed_us);
  return 0;
}

// Lets go of the connection to the proxy, whose peer is another process's: that one takes it out of the set,
// which both have.
void LeaveControl(InboundSocket* socket) {
  const int control_fd = socket->control_fd.exchange(-1);
  if (control_fd < 0) return;
  CloseHidden(control_fd, socket->control_cookie);
  socket->GiveUpClaim();
  if (socket->own_fd >= 0) g_inbounds.CountIdle(1);
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

// Whom a connection of the extension's is from: the proxy knows.
std::optional<Endpoint> AskWhose(InboundSocket* socket, const Endpoint& far_end) {
  BindQuery query;
  const bool is_socks5 = (socket->target->hops.back()->protocols & kServerSocks5) != 0;
  query.Start(is_socks5 ? BindQuery::Version::kSocks5 : BindQuery::Version::kSocks4, far_end);
  const int fd = socket->control_fd;
  const long long until_ms = MonotonicMs() + 5000;
  while (query.state() == HandshakeState::kRead || query.state() == HandshakeState::kWrite) {
    const bool is_write = query.state() == HandshakeState::kWrite;
    pollfd waiting = {.fd = fd, .events = static_cast<short>(is_write ? POLLOUT : POLLIN), .revents = 0};
    const long long left_ms = until_ms - MonotonicMs();
    if (left_ms <= 0 || libc::poll(&waiting, nfds_t{1}, static_cast<int>(left_ms)) == 0) return std::nullopt;
    uint8_t buffer[64];
    ssize_t count = 0;
    if (is_write) {
      count = libc::send(fd, static_cast<const void*>(query.output().data()), query.output().size(),
                         MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count > 0) query.OutputSent(static_cast<size_t>(count));
    } else {
      count = libc::recv(fd, static_cast<void*>(buffer), std::min(query.input_needed(), sizeof buffer),
                         MSG_DONTWAIT);
      if (count > 0) query.Input({buffer, static_cast<size_t>(count)});
      if (count == 0) query.InputClosed();
    }
    if (count < 0 && errno != EAGAIN && errno != EINTR) return std::nullopt;
  }
  if (query.state() != HandshakeState::kDone) return std::nullopt;
  return query.is_forwarded() ? query.peer() : far_end;
}

enum class Got : uint8_t { kNothing, kConnection, kError };

// What is to be given to the program: an accepted descriptor, its peer.
struct Accepted {
  int fd = -1;
  Endpoint peer;
};

Got TakeFromProxy(Runtime* runtime, int fd, InboundSocket* socket, int flags, Accepted* out) {
  const int control_fd = socket->control_fd;
  if (control_fd < 0) return Got::kNothing;
  if (SocketCookie(control_fd) != socket->control_cookie) {
    DropControl(fd, socket);
    return Got::kNothing;
  }
  if (socket->is_extension) {
    char byte = 0;
    const ssize_t received =
        libc::recv(control_fd, static_cast<void*>(&byte), size_t{1}, MSG_PEEK | MSG_DONTWAIT);
    if (received > 0 || (received < 0 && (errno == EAGAIN || errno == EINTR))) return Got::kNothing;
    Report(*runtime, *socket, ConnectionEvent::Kind::kListen, socket->bound, &kPeerLost, 0);
    DropControl(fd, socket);
    return Got::kNothing;
  }
  // A process that shares the connection since a fork(2) may have the peer already.
  const pid_t self = getpid();
  pid_t holder = socket->claim->load();
  if (holder == 0) {
    char byte = 0;
    const ssize_t seen =
        libc::recv(control_fd, static_cast<void*>(&byte), size_t{1}, MSG_PEEK | MSG_DONTWAIT);
    if (seen < 0 && (errno == EAGAIN || errno == EINTR)) return Got::kNothing;
    if (socket->claim->compare_exchange_strong(holder, self)) holder = self;
  }
  if (holder != self) {
    LeaveControl(socket);
    return Got::kNothing;
  }
  const auto peer = ReadPeer(OriginalSystem(), control_fd, &socket->handshake);
  if (!peer) {
    Report(*runtime, *socket, ConnectionEvent::Kind::kAccept, socket->bound, &peer.error(), 0);
    DropControl(fd, socket);
    // What the program can do about it is to accept the next one (accept(2)).
    errno = ECONNABORTED;
    return Got::kError;
  }
  if (!*peer) return Got::kNothing;
  const int command = (flags & SOCK_CLOEXEC) != 0 ? F_DUPFD_CLOEXEC : F_DUPFD;
  out->fd = libc::fcntl(control_fd, command, 0);
  if (out->fd < 0) return Got::kError;
  out->peer = **peer;
  const int status = libc::fcntl(out->fd, F_GETFL);
  libc::fcntl(out->fd, F_SETFL, (flags & SOCK_NONBLOCK) != 0 ? status | O_NONBLOCK : status & ~O_NONBLOCK);
  CopyOptions(OriginalSystem(), socket->own_fd, out->fd);
  DropControl(fd, socket);
  return Got::kConnection;
}

Got TakeOwn(InboundSocket* socket, int flags, Accepted* out) {
  if (!socket->lets_in_locals && !socket->is_extension) return Got::kNothing;
  SocketAddress address{};
  socklen_t size = sizeof address;
  out->fd = libc::accept4(socket->own_fd.load(), &address.generic, &size, flags);
  if (out->fd < 0) return errno == EAGAIN ? Got::kNothing : Got::kError;
  const auto far_end = EndpointFromSockaddr(&address.generic, size);
  if (!far_end) return Got::kConnection;
  out->peer = Endpoint::FromIp(far_end->ip().Unmapped(), far_end->port());
  if (!socket->is_extension || socket->control_fd < 0) return Got::kConnection;
  SocketAddress proxy{};
  size = sizeof proxy;
  if (libc::getpeername(socket->control_fd.load(), &proxy.generic, &size) != 0) return Got::kConnection;
  const auto proxy_end = EndpointFromSockaddr(&proxy.generic, size);
  const bool is_from_proxy = proxy_end && proxy_end->ip().Unmapped() == out->peer.ip();
  const std::optional<Endpoint> peer = is_from_proxy ? AskWhose(socket, out->peer) : std::nullopt;
  if (is_from_proxy ? peer.has_value() : socket->lets_in_locals) {
    if (peer) out->peer = *peer;
    return Got::kConnection;
  }
  // Neither the proxy's nor one that the table lets in.
  libc::close(out->fd);
  return Got::kNothing;
}

void Arm(Runtime* runtime, int fd, InboundSocket* socket) {
  if (socket->control_fd >= 0 || socket->own_fd < 0 || socket->is_shut) return;
  Decision decision;
  Decide(runtime, socket->own_fd, socket->counterpart, Transport::kTcp, Command::kBind, &decision);
  if (decision.failure != nullptr || decision.rule->group[0].kind != Target::Kind::kProxies) return;
  const uint16_t port = socket->bound.port();
  if (Ask(runtime, socket, decision, port, LocalEndpoint(socket->own_fd).port()) != 0) return;
  g_inbounds.CountIdle(-1);
  if (socket->bound.port() != port)
    Report(*runtime, *socket, ConnectionEvent::Kind::kListen, socket->bound, &kMoved, 0);
  AddToSet(fd, socket->control_fd);
}

// The same, errno being the program's.
void ArmQuietly(Runtime* runtime, int fd, InboundSocket* socket) {
  const ErrnoKeeper keeper;
  Arm(runtime, fd, socket);
}

void RecordAccepted(const InboundSocket& socket, const Accepted& accepted) {
  if (g_descriptors.Flags(accepted.fd) != 0) ForgetDescriptor(accepted.fd);
  Connection connection = {.cookie = SocketCookie(accepted.fd)};
  connection.peer_size =
      ToSockaddr(accepted.peer.ip().Unmapped(), accepted.peer.port(), socket.family, &connection.peer);
  connection.bound_size =
      ToSockaddr(socket.bound.ip(), socket.bound.port(), socket.family, &connection.bound);
  if (SocketOption(accepted.fd, SO_DOMAIN) != socket.family) connection.replaced_family = socket.family;
  const SignalsBlocked blocked;
  if (connection.peer_size != 0) g_descriptors.Record(accepted.fd, connection, blocked);
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
    Report(*runtime, *socket, ConnectionEvent::Kind::kListen, socket->bound, &kOtherPort, 0);
    error = EADDRINUSE;
  }
  if (error == 0) error = PutSetBehind(fd, socket, backlog);
  if (error == 0) {
    errno = saved_errno;
    return 0;
  }
  GiveUpInbound(fd);
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
      const Turn turn(socket);
      if (turn.is_ours()) {
        Arm(runtime, fd, socket);
        got = TakeFromProxy(runtime, fd, socket, flags, &accepted);
        if (got == Got::kNothing) got = TakeOwn(socket, flags, &accepted);
        // Other threads may be waiting already.
        if (got == Got::kNothing || HasThreads()) ArmQuietly(runtime, fd, socket);
      }
    }
    if (got == Got::kError) return -1;
    if (got == Got::kConnection) {
      RecordAccepted(*socket, accepted);
      Report(*runtime, *socket, ConnectionEvent::Kind::kAccept, accepted.peer, nullptr, 0);
      if (address != nullptr && size != nullptr) {
        SocketAddress peer{};
        const socklen_t peer_size =
            ToSockaddr(accepted.peer.ip().Unmapped(), accepted.peer.port(), socket->family, &peer);
        CopySockaddr(peer, peer_size, address, size);
      }
      return accepted.fd;
    }
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
    const Turn turn(socket);
    socket->lets_in_locals = LetsInLocals(*decision.rule);
    socket->is_extension = IsExtension(*decision.rule);
    if (!turn.is_ours() || Ask(runtime, socket, decision, ChosenPort(fd), LocalEndpoint(fd).port()) != 0)
      return false;
  } else if (socket->own_fd >= 0 && socket->control_fd < 0 && runtime != nullptr) {
    // Who asks after accept(2) is about to tell the next peer: the proxy may give another port each time.
    const ErrnoKeeper keeper;
    const Turn turn(socket);
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
  const Turn turn(socket);
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
    const Turn turn(socket);
    if (turn.is_ours()) Arm(runtime, fd, socket);
  }
}

}  // namespace socksify

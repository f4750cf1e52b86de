// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/attempt.h"

#include <fcntl.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>

#include "base/cancellation_off.h"
#include "dialer/path_text.h"
#include "dialer/socket_replacement.h"
#include "routing/udp_paths.h"

namespace socksify {
namespace {

constexpr Failure kNoTarget = {Fault::kDestination, ENETUNREACH, -1, "no path is left"};
constexpr Failure kBlocked = {Fault::kDestination, EACCES, -1, "blocked by a rule"};
constexpr Failure kUnusable = {Fault::kServer, EOPNOTSUPP, -1, "this version cannot use the server"};
constexpr Failure kNoRelayPort = {Fault::kServer, ECONNABORTED, -1,
                                  "the proxy gave no port for its UDP relay"};
constexpr Failure kServerUnknown = {Fault::kServer, EHOSTUNREACH, -1, "the proxy's name cannot be resolved"};
constexpr Failure kTargetUnknown = {Fault::kServer, EHOSTUNREACH, -1, "the name cannot be resolved locally"};
constexpr Failure kConnectTimeout = {Fault::kServer, ETIMEDOUT, -1, "no answer to the connection request"};
constexpr Failure kNegotiateTimeout = {Fault::kServer, ETIMEDOUT, -1, "the proxy fell silent"};

// A proxy that gives up in the middle resets the connection or closes it, as it happens; to the program it is
// one and the same.
Failure Dropped(int error) {
  const bool is_reset = error == ECONNRESET || error == EPIPE;
  return {Fault::kServer, is_reset ? ECONNABORTED : error, -1, "the proxy dropped the connection"};
}

// What connect(2) says when the call itself is wrong: another path would meet the same answer, and the socket
// may be one that is connected, so it is left alone.
bool IsCallersFault(int error) {
  switch (error) {
    case EBADF:
    case EFAULT:
    case EINVAL:
    case EISCONN:
    case EALREADY:
    case ENOTSOCK:
    case EPROTOTYPE:
    case EAFNOSUPPORT:
    case EOPNOTSUPP: return true;
    default: return false;
  }
}

// Makes a socket non-blocking for a scope, also one that ends by cancellation.
class BlockingModeAside {
 public:
  BlockingModeAside(const System& system, int fd, bool is_nonblocking) : system_(system), fd_(fd) {
    if (is_nonblocking) return;
    flags_ = system_.fcntl(fd_, F_GETFL);
    if (flags_ >= 0 && (flags_ & O_NONBLOCK) != 0) {
      flags_ = -1;
    } else if (flags_ < 0 || system_.fcntl(fd_, F_SETFL, flags_ | O_NONBLOCK) != 0) {
      error_ = errno;
    }
  }
  ~BlockingModeAside() {
    if (flags_ >= 0) system_.fcntl(fd_, F_SETFL, flags_);
  }
  BlockingModeAside(const BlockingModeAside&) = delete;
  BlockingModeAside& operator=(const BlockingModeAside&) = delete;

  int error() const { return error_; }

 private:
  const System& system_;
  int fd_;
  int flags_ = -1;
  int error_ = 0;
};

bool WouldBlock(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINPROGRESS;
}

}  // namespace

Attempt::Attempt(const System& system, int fd, int family, const Rule& rule, const Endpoint& destination,
                 const AttemptOptions& options)
    : system_(&system),
      rule_(&rule),
      fd_(fd),
      family_(family),
      destination_(destination),
      options_(options),
      failure_(kNoTarget) {}

Attempt::~Attempt() {
  if (phase_ == Phase::kOver || !has_touched_socket_) return;
  const CancellationOff cancellation_off;
  Finish(State::kFailed);
}

void Attempt::Release() {
  state_ = State::kFailed;
  phase_ = Phase::kOver;
}

const Server* Attempt::hop() const {
  const Target* const current = target();
  if (current == nullptr || current->hops.empty()) return nullptr;
  return current->hops[std::min(hop_index_, current->hops.size() - 1)];
}

Attempt::State Attempt::Start(long long now_ms) {
  if (options_.is_bound) {
    local_size_ = sizeof local_;
    const bool is_known = system_->getsockname(fd_, &local_.generic, &local_size_) == 0;
    const auto local = EndpointFromSockaddr(&local_.generic, local_size_);
    if (!is_known || !local || local->port() == 0) local_size_ = 0;
  }
  target_count_ = OrderTargets(*rule_, destination_, options_.draw, targets_);
  if (options_.health != nullptr)
    options_.health->PutBadOnesLast(std::span(targets_).first(target_count_), now_ms);
  return Advance(now_ms);
}

Attempt::State Attempt::Advance(long long now_ms) {
  Step step = Step::kAgain;
  while (step == Step::kAgain) {
    switch (phase_) {
      case Phase::kPicking: step = Pick(now_ms); break;
      case Phase::kConnecting: step = is_direct() ? StepDirect(now_ms) : StepConnecting(now_ms); break;
      case Phase::kNegotiating: step = StepNegotiating(now_ms); break;
      case Phase::kOver: return state_;
    }
  }
  return state_;
}

// Begins to connect to the next address, of the next target if the present one has no more.
Attempt::Step Attempt::Pick(long long now_ms) {
  if (address_index_ == address_count_) {
    if (next_target_ == target_count_) return Finish(State::kFailed);
    if (!PrepareNextTarget() && failure_.fault != Fault::kServer) return Finish(State::kFailed);
    return Step::kAgain;
  }
  const IpAddress& address = addresses_[address_index_++];
  if (!UseFamilyOf(address)) return Step::kAgain;
  SocketAddress socket_address{};
  const socklen_t size = ToSockaddr(address, address_port_, family_, &socket_address);
  hop_index_ = 0;
  if (!is_direct()) {
    StartHandshake();
    if (handshake_.state() == HandshakeState::kFailed) return FailHandshake(now_ms);
  }
  const int error = Connect(socket_address, size);
  if (error != 0 && error != EINPROGRESS) {
    return Fail({IsCallersFault(error) && !has_touched_socket_ ? Fault::kCaller : Fault::kServer, error, -1,
                 is_direct() ? "cannot connect" : "cannot reach the proxy"},
                now_ms);
  }
  has_touched_socket_ = true;
  phase_ = Phase::kConnecting;
  deadline_ms_ = now_ms + options_.connect_timeout_ms;
  // On the same machine the connection is there by now; elsewhere asking costs one call.
  return Step::kAgain;
}

// Takes up the next target: finds the addresses to connect to, or records why there are none.
bool Attempt::PrepareNextTarget() {
  const Target& next = *targets_[next_target_++];
  hop_index_ = 0;
  address_index_ = 0;
  address_count_ = 0;
  if (next.kind == Target::Kind::kBlock) {
    failure_ = kBlocked;
    return false;
  }
  if (!MayUse(next)) return false;
  if (options_.command != Socks5Command::kConnect && next.kind == Target::Kind::kDirect) {
    Finish(State::kConnected);
    return true;
  }
  const Endpoint& first = next.hops.empty() ? destination_ : next.hops[0]->address;
  address_port_ = first.port();
  if (!first.is_name()) {
    addresses_[0] = first.ip().Unmapped();
    address_count_ = 1;
    return true;
  }
  const std::string name(first.name());
  address_count_ = system_->resolve(name.c_str(), addresses_);
  if (address_count_ == 0) failure_ = next.hops.empty() ? kTargetUnknown : kServerUnknown;
  return address_count_ != 0;
}

// Whether this version can use every proxy of the path; if not, the failure says why and of which.
bool Attempt::MayUse(const Target& path) {
  const bool is_udp = options_.command == Socks5Command::kUdpAssociate;
  for (hop_index_ = 0; hop_index_ < path.hops.size(); ++hop_index_) {
    const Server& server = *path.hops[hop_index_];
    if (!server.unusable.empty()) {
      failure_ = kUnusable;
      failure_.reason = server.unusable.c_str();
      return false;
    }
    if (is_udp && (server.protocols & kServerSocks5) == 0) {
      failure_ = kNoUdpServer;
      return false;
    }
  }
  hop_index_ = 0;
  if (is_udp && path.hops.size() > 1) failure_ = kNoUdpChain;
  return !is_udp || path.hops.size() <= 1;
}

// IPv4 is reached from an AF_INET6 socket as ::ffff:a.b.c.d; IPv6 from an AF_INET socket cannot be, and the
// socket behind the descriptor is replaced.
bool Attempt::UseFamilyOf(const IpAddress& address) {
  if (family_ == AF_INET6) {
    const auto local = EndpointFromSockaddr(&local_.generic, local_size_);
    const bool is_bound_to_v6 = local && !local->ip().IsUnspecified() && !local->ip().IsV4Mapped();
    if (address.is_v6() || !is_bound_to_v6) return true;
    failure_ = {Fault::kServer, EADDRNOTAVAIL, -1,
                "a socket bound to an IPv6 address cannot reach an IPv4 proxy"};
    return false;
  }
  if (address.is_v4()) return true;
  // Else the address that the kernel chose for an earlier connection would pass for the program's binding.
  if (has_touched_socket_) Disconnect();
  const int error = ReplaceSocket(*system_, fd_, AF_INET6, OwnerOfPort());
  if (error != 0) {
    failure_ = {Fault::kServer, error, -1, "an IPv4 socket cannot reach an IPv6 proxy"};
    return false;
  }
  family_ = AF_INET6;
  is_replaced_ = true;
  has_touched_socket_ = false;
  return true;
}

// connect(2) without blocking, whatever the socket's mode; returns the errno or 0.
int Attempt::Connect(const SocketAddress& address, socklen_t size) {
  // Later trials may find that the program has changed the mode meanwhile.
  const bool is_nonblocking = options_.is_nonblocking && !has_touched_socket_;
  if (has_touched_socket_) Disconnect();
  const BlockingModeAside mode_aside(*system_, fd_, is_nonblocking);
  if (mode_aside.error() != 0) return mode_aside.error();
  int error = system_->connect(fd_, &address.generic, size) == 0 ? 0 : errno;
  if (error == ECONNABORTED && !has_touched_socket_) {
    // A connect() of the program's own failed on this socket before: Linux reports that once more.
    error = system_->connect(fd_, &address.generic, size) == 0 ? 0 : errno;
  }
  if (error == ENETUNREACH && family_ == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr)) {
    // IPV6_V6ONLY bars ::ffff:a.b.c.d (ipv6(7)). It can be taken off while the socket is unbound.
    int v6_only = 0;
    socklen_t v6_only_size = sizeof v6_only;
    const int off = 0;
    if (system_->getsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, &v6_only_size) == 0 && v6_only != 0 &&
        system_->setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0) {
      error = system_->connect(fd_, &address.generic, size) == 0 ? 0 : errno;
    }
  }
  return error;
}

void Attempt::Disconnect() {
  sockaddr unspecified{};
  unspecified.sa_family = AF_UNSPEC;
  system_->connect(fd_, &unspecified, sizeof unspecified);
  // tcp_disconnect() leaves ECONNRESET behind for a connection that had not answered; taking it here keeps
  // the next attempt, and the program, from being told of it.
  int error = 0;
  socklen_t size = sizeof error;
  system_->getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  // A port that the kernel chose at bind(2) is given back with the connection; the program may have told
  // others of it. Where the port is still held this fails, as it should.
  if (local_size_ != 0) system_->bind(fd_, &local_.generic, local_size_);
}

void Attempt::StartHandshake() {
  has_asked_ = false;
  const Target& path = *target();
  const Server& server = *path.hops[hop_index_];
  const bool is_last_hop = hop_index_ + 1 == path.hops.size();
  const Endpoint& next = is_last_hop ? destination_ : path.hops[hop_index_ + 1]->address;
  const Socks5Command command = is_last_hop ? options_.command : Socks5Command::kConnect;
  const ProxyProtocol protocol = PreferredProtocol(server);
  if (protocol == ProxyProtocol::kSocks5) {
    const bool is_udp = command == Socks5Command::kUdpAssociate;
    // Which address the datagrams will come from is not known here, and a translator on the way may change
    // it.
    handshake_.StartSocks5(is_udp ? Endpoint() : next,
                           {.offer_none = (server.methods & kMethodNone) != 0,
                            .offer_username = (server.methods & kMethodUsername) != 0,
                            .username = server.username,
                            .password = server.password},
                           command);
    return;
  }
  const Socks4Dialect dialect =
      protocol == ProxyProtocol::kSocks4a ? Socks4Dialect::kSocks4a : Socks4Dialect::kSocks4;
  handshake_.StartSocks4(next, dialect, server.username,
                         command == Socks5Command::kBind ? Socks4Command::kBind : Socks4Command::kConnect);
}

// The first bytes of the handshake double as the question whether the connection is there: send(2) says
// EAGAIN while it is not and the connection's own error when it failed, which saves asking for SO_ERROR.
Attempt::Step Attempt::StepConnecting(long long now_ms) {
  const std::span<const uint8_t> output = handshake_.output();
  const ssize_t sent = system_->send(fd_, output.data(), output.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && WouldBlock(errno)) {
    return now_ms >= deadline_ms_ ? Fail(kConnectTimeout, now_ms) : Wait(State::kWaitWritable);
  }
  if (sent < 0)
    return Fail({Fault::kServer, errno == EPIPE ? ECONNREFUSED : errno, -1, "cannot reach the proxy"},
                now_ms);
  phase_ = Phase::kNegotiating;
  deadline_ms_ = now_ms + options_.negotiate_timeout_ms;
  return NoteSent(static_cast<size_t>(sent));
}

Attempt::Step Attempt::StepDirect(long long now_ms) {
  pollfd writable = {.fd = fd_, .events = POLLOUT, .revents = 0};
  if (system_->poll(&writable, 1, 0) <= 0) {
    return now_ms >= deadline_ms_ ? Fail(kConnectTimeout, now_ms) : Wait(State::kWaitWritable);
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (system_->getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error == 0) return Finish(State::kConnected);
  return Fail({error == ECONNREFUSED ? Fault::kDestination : Fault::kServer, error, -1, "cannot connect"},
              now_ms);
}

Attempt::Step Attempt::StepNegotiating(long long now_ms) {
  switch (handshake_.state()) {
    case HandshakeState::kWrite: return SendOutput(now_ms);
    case HandshakeState::kRead: return ReceiveInput(now_ms);
    case HandshakeState::kDone: return EndOfHop(now_ms);
    case HandshakeState::kReconnect:
    case HandshakeState::kFailed: break;
  }
  return FailHandshake(now_ms);
}

Attempt::Step Attempt::SendOutput(long long now_ms) {
  const std::span<const uint8_t> output = handshake_.output();
  const ssize_t sent = system_->send(fd_, output.data(), output.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return NoteSent(static_cast<size_t>(sent));
  if (errno == EINTR) return Step::kAgain;
  if (!WouldBlock(errno)) return Fail(Dropped(errno), now_ms);
  return now_ms >= deadline_ms_ ? Fail(kNegotiateTimeout, now_ms) : Wait(State::kWaitWritable);
}

// No reply is there at the moment when the request has left.
Attempt::Step Attempt::NoteSent(size_t size) {
  ++activity_;
  has_asked_ = true;
  handshake_.OutputSent(size);
  return handshake_.state() == HandshakeState::kRead ? Wait(State::kWaitReadable) : Step::kAgain;
}

Attempt::Step Attempt::ReceiveInput(long long now_ms) {
  std::array<uint8_t, 512> buffer{};
  const size_t wanted = std::min(handshake_.input_needed(), buffer.size());
  const ssize_t received = system_->recv(fd_, buffer.data(), wanted, MSG_DONTWAIT);
  if (received >= 0) ++activity_;
  if (received > 0) {
    handshake_.Input(std::span(buffer).first(static_cast<size_t>(received)));
    return Step::kAgain;
  }
  if (received == 0) {
    handshake_.InputClosed();
    return Step::kAgain;
  }
  if (errno == EINTR) return Step::kAgain;
  if (!WouldBlock(errno)) return Fail(Dropped(errno), now_ms);
  return now_ms >= deadline_ms_ ? Fail(kNegotiateTimeout, now_ms) : Wait(State::kWaitReadable);
}

Attempt::Step Attempt::EndOfHop(long long now_ms) {
  if (hop_index_ + 1 == target()->hops.size()) {
    bound_ = handshake_.bound();
    if (options_.command == Socks5Command::kUdpAssociate && bound_.port() == 0)
      return Fail(kNoRelayPort, now_ms);
    if (options_.health != nullptr) {
      for (const Server* server : target()->hops) options_.health->NoteSuccess(*server);
    }
    return Finish(State::kConnected);
  }
  ++hop_index_;
  StartHandshake();
  deadline_ms_ = now_ms + options_.negotiate_timeout_ms;
  return Step::kAgain;
}

Attempt::Step Attempt::Wait(State state) {
  state_ = state;
  return Step::kWait;
}

Attempt::Step Attempt::FailHandshake(long long now_ms) {
  Failure failure = handshake_.failure();
  // To an inner hop of a chain, the next proxy is the destination: that it cannot be had is the path's fault.
  const bool is_last_hop = hop_index_ + 1 == target()->hops.size();
  // And a request for a relay names no destination that could be at fault.
  const bool is_udp = options_.command == Socks5Command::kUdpAssociate;
  if ((!is_last_hop || is_udp) && failure.fault == Fault::kDestination) failure.fault = Fault::kServer;
  // What the protocol cannot say (a name in SOCKS4) is no failure of the server, which may do well for
  // others.
  const bool cannot_be_said = !has_asked_ && failure.fault == Fault::kServer;
  // Nor is it one that it will not listen, which says nothing of other proxies.
  const bool will_not_listen =
      is_last_hop && options_.command == Socks5Command::kBind && failure.reply_code >= 0;
  if (cannot_be_said || will_not_listen) {
    ++activity_;
    return GiveUpPath(failure);
  }
  return Fail(failure, now_ms);
}

Attempt::Step Attempt::Fail(const Failure& failure, long long now_ms) {
  ++activity_;
  failure_ = failure;
  if (failure.error == EBADF || failure.error == ENOTSOCK) {
    // Another thread has closed the descriptor: it is nobody's fault, and whatever has the number now is not
    // ours.
    failure_.fault = Fault::kCaller;
    has_touched_socket_ = false;
    is_replaced_ = false;
    return Finish(State::kFailed);
  }
  const Server* const server = hop();
  // A server that gives no relay may do well for streams.
  const bool refuses_udp = options_.command == Socks5Command::kUdpAssociate && failure.reply_code >= 0;
  if (failure.fault == Fault::kServer && server != nullptr && options_.health != nullptr && !refuses_udp) {
    options_.health->NoteFailure(*server, now_ms);
  }
  if (failure.fault != Fault::kServer) return Finish(State::kFailed);
  // Credentials that one address of a server refuses, its others would refuse as well.
  if (failure.error == EACCES) return GiveUpPath(failure);
  phase_ = Phase::kPicking;
  return Step::kAgain;
}

// Goes on to the next path, whatever other addresses the first server of this one has.
Attempt::Step Attempt::GiveUpPath(const Failure& failure) {
  failure_ = failure;
  address_index_ = address_count_;
  phase_ = Phase::kPicking;
  return Step::kAgain;
}

Attempt::Step Attempt::Finish(State state) {
  state_ = state;
  phase_ = Phase::kOver;
  if (state == State::kConnected) return Step::kWait;
  if (has_touched_socket_) Disconnect();
  if (is_replaced_ && ReplaceSocket(*system_, fd_, AF_INET, OwnerOfPort()) == 0) {
    family_ = AF_INET;
    is_replaced_ = false;
  }
  return Step::kWait;
}

Attempt::State RunToCompletion(const System& system, int fd, Attempt* attempt) {
  Attempt::State state = attempt->state();
  while (state == Attempt::State::kWaitReadable || state == Attempt::State::kWaitWritable) {
    const long long left_ms = std::max(attempt->deadline_ms() - MonotonicMs(), 0LL);
    pollfd waiting = {.fd = fd,
                      .events = static_cast<short>(state == Attempt::State::kWaitReadable ? POLLIN : POLLOUT),
                      .revents = 0};
    system.poll(&waiting, 1, static_cast<int>(std::min(left_ms, 3'600'000LL)));
    state = attempt->Advance(MonotonicMs());
  }
  return state;
}

}  // namespace socksify

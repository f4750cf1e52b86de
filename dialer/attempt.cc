// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/attempt.h"

#include <algorithm>
#include <cerrno>

#include "base/cancellation_off.h"
#include "base/monotonic_clock.h"
#include "dialer/path_text.h"
#include "routing/udp_paths.h"

namespace socksify {
namespace {

constexpr Failure kNoTarget = {Fault::kDestination, ENETUNREACH, -1, "no path is left"};
constexpr Failure kBlocked = {Fault::kDestination, EACCES, -1, "blocked by a rule"};
constexpr Failure kUnusable = {Fault::kServer, EOPNOTSUPP, -1, "this version cannot use the server"};
constexpr Failure kNoListener = {Fault::kServer, EOPNOTSUPP, -1, "an HTTP proxy does not listen"};
constexpr Failure kServerUnknown = {Fault::kServer, EHOSTUNREACH, -1, "the proxy's name cannot be resolved"};
constexpr Failure kTargetUnknown = {Fault::kServer, EHOSTUNREACH, -1, "the name cannot be resolved locally"};
constexpr Failure kConnectTimeout = {Fault::kServer, ETIMEDOUT, -1, "no answer to the connection request"};

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

}  // namespace

// Start writes `targets_`. NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
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
  if (phase_ != Phase::kOver) EndHealth();
  if (phase_ == Phase::kOver || !has_touched_socket_) return;
  const CancellationOff cancellation_off;
  Finish(State::kFailed);
}

void Attempt::Release() {
  if (phase_ != Phase::kOver) EndHealth();
  state_ = State::kFailed;
  phase_ = Phase::kOver;
}

const Server* Attempt::hop() const {
  return hops().empty() ? nullptr : hops()[std::min(hop_index_, hops().size() - 1)];
}

socklen_t Attempt::PeerAddress(SocketAddress* out) const {
  return address_index_ == 0 ? 0 : ToSockaddr(addresses_[address_index_ - 1], address_port_, family_, out);
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
    options_.health->PutInOrder(std::span(targets_).first(target_count_), now_ms, &probes_);
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
    answer_.reset();
    if (next_target_ == target_count_) return Finish(State::kFailed);
    if (!PrepareNextTarget(now_ms) && failure_.fault != Fault::kServer) return Finish(State::kFailed);
    return Step::kAgain;
  }
  const IpAddress& address = addresses_[address_index_++];
  if (!UseFamilyOf(address)) {
    if (address_index_ == address_count_) TryOtherHops(0);
    return Step::kAgain;
  }
  SocketAddress socket_address{};
  const socklen_t size = ToSockaddr(address, address_port_, family_, &socket_address);
  hop_index_ = 0;
  has_heard_ = false;
  bytes_sent_ = bytes_received_ = 0;
  latency_us_ = 0;
  started_ms_ = now_ms;
  if (!is_direct()) {
    StartHandshake(now_ms);
    if (handshake_.state() == HandshakeState::kFailed) return FailHandshake(now_ms);
    if (options_.health != nullptr) connecting_us_ = MonotonicUs();
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
  look_ms_ = now_ms + kPatienceMs;
  if (sent_early_ != 0) {
    phase_ = Phase::kNegotiating;
    return NoteSent(sent_early_, now_ms);
  }
  // On the same machine the connection is there by now; elsewhere asking costs one call.
  return Step::kAgain;
}

// Takes up the next target: finds the addresses to connect to, or records why there are none.
bool Attempt::PrepareNextTarget(long long now_ms) {
  const Target& next = *targets_[next_target_++];
  hop_index_ = 0;
  address_index_ = 0;
  address_count_ = 0;
  address_port_ = 0;
  is_first_to_wait_ = false;
  choice_.Begin(next, options_.draw, options_.health, probes_, now_ms);
  if (next.kind == Target::Kind::kBlock) {
    failure_ = kBlocked;
    return false;
  }
  if (options_.command != Socks5Command::kConnect && next.kind == Target::Kind::kDirect) {
    Finish(State::kConnected);
    return true;
  }
  if (PrepareAddresses()) return true;
  if (options_.health != nullptr && !hops().empty() && address_port_ != 0)
    options_.health->NoteFailure(*hops().front(), now_ms, EHOSTUNREACH);
  return TryOtherHops(0);
}

// Those of the first hop, or of the destination itself.
bool Attempt::PrepareAddresses() {
  if (!MayUseHops()) return false;
  const Endpoint& first = hops().empty() ? destination_ : hops().front()->address;
  address_port_ = first.port();
  address_index_ = 0;
  if (!first.is_name()) {
    addresses_[0] = first.ip().Unmapped();
    address_count_ = 1;
    return true;
  }
  const std::string name(first.name());
  address_count_ = system_->resolve(name.c_str(), addresses_);
  if (address_count_ == 0) failure_ = hops().empty() ? kTargetUnknown : kServerUnknown;
  return address_count_ != 0;
}

// Whether this version can use every proxy of the path; if not, the failure says why and of which.
bool Attempt::MayUseHops() {
  const bool is_udp = options_.command == Socks5Command::kUdpAssociate;
  for (hop_index_ = 0; hop_index_ < hops().size(); ++hop_index_) {
    const Server& server = *hops()[hop_index_];
    if (!server.unusable.empty()) {
      failure_ = kUnusable;
      failure_.reason = server.unusable.c_str();
      return false;
    }
    if (is_udp && (server.protocols & kServerSocks5) == 0) {
      failure_ = kNoUdpServer;
      return false;
    }
    const bool is_last = hop_index_ + 1 == hops().size();
    if (options_.command == Socks5Command::kBind && is_last &&
        PreferredProtocol(server) == ProxyProtocol::kHttp) {
      failure_ = kNoListener;
      return false;
    }
  }
  hop_index_ = 0;
  if (is_udp && hops().size() > 1) failure_ = kNoUdpChain;
  return !is_udp || hops().size() <= 1;
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
  const bool has_lost_flight = phase_ == Phase::kNegotiating && HasLostFlight(failure);
  if (has_lost_flight && options_.health != nullptr && failure.error != EACCES)
    options_.health->NotePipelining(*hop(), now_ms, Pipelining::kNotTaken);
  if (has_lost_flight && !may_send_early_) {
    // Whatever was thought of the server, this one takes a message at a time. The same address once more.
    has_lost_flight_ = true;
    --address_index_;
    phase_ = Phase::kPicking;
    return Step::kAgain;
  }
  const size_t blamed_hop = BlamedHop(failure);
  // To an inner hop of a chain the next one is the destination: that it cannot be had is the path's fault.
  // And a request for a relay names no destination that could be at fault.
  const bool is_udp = options_.command == Socks5Command::kUdpAssociate;
  const bool is_inner = hop_index_ + 1 < hops().size();
  if ((is_inner || is_udp) && failure_.fault == Fault::kDestination) failure_.fault = Fault::kServer;
  const Server* const server = hops().empty() ? nullptr : hops()[blamed_hop];
  // A server that says no is alive, and may do well for other destinations, for streams, and with other
  // credentials. What the one before it says of it is another matter.
  const bool has_said_no = failure.reply_code >= 0 || (failure.error == EACCES && has_heard_);
  const bool is_well = blamed_hop == hop_index_
                           ? has_said_no
                           : failure.fault != Fault::kDestination || failure.error == EACCES;
  if (server != nullptr && options_.health != nullptr) {
    if (failure_.fault == Fault::kServer && !is_well && !has_lost_flight)
      options_.health->NoteFailure(*server, now_ms, failure_.error);
    NoteAlive(blamed_hop != hop_index_ || has_said_no ? hop_index_ + 1 : hop_index_, now_ms);
  }

  // Credentials that one address of a server refuses, its others would refuse as well.
  const bool ends_path = failure_.error == EACCES || blamed_hop != 0;
  const bool goes_on = failure_.fault == Fault::kServer && !may_send_early_;
  if (goes_on) {
    phase_ = Phase::kPicking;
    if (ends_path) address_index_ = address_count_;
    if (address_index_ == address_count_) TryOtherHops(blamed_hop);
  }
  if (options_.on_failed_trial != nullptr) {
    options_.on_failed_trial(*this, {.target = target(),
                                     .server = server,
                                     .failure = failure_,
                                     .elapsed_ms = now_ms - started_ms_,
                                     .goes_on = goes_on && HasMore()});
  }
  return goes_on ? Step::kAgain : Finish(State::kFailed);
}

// The same path with another choice of its servers, if it has one.
bool Attempt::TryOtherHops(size_t blamed_hop) {
  if (!choice_.Drop(blamed_hop)) return false;
  answer_.reset();
  const Failure before = failure_;
  while (!PrepareAddresses()) {
    if (!choice_.Drop(0)) {
      address_index_ = address_count_ = 0;
      failure_ = before;
      return false;
    }
  }
  return true;
}

// The first so many hops have done their work.
void Attempt::NoteAlive(size_t hops_alive, long long now_ms) {
  if (options_.health == nullptr) return;
  for (size_t i = 0; i < hops_alive; ++i)
    options_.health->NoteSuccess(*hops()[i], now_ms, i == 0 ? latency_us_ : 0);
}

// What was taken upon this attempt, and never came to be known.
void Attempt::EndHealth() {
  if (options_.health == nullptr) return;
  options_.health->EndProbes(&probes_);
  if (waited_for_ != nullptr) options_.health->EndWaiting(*waited_for_, waiting_since_ms_);
  waited_for_ = nullptr;
}

bool Attempt::HasMore() const {
  return address_index_ < address_count_ || next_target_ < target_count_;
}

// Goes on to the next path, whatever other addresses the first server of this one has.
Attempt::Step Attempt::GiveUpPath(const Failure& failure, size_t blamed_hop) {
  failure_ = failure;
  address_index_ = address_count_;
  phase_ = Phase::kPicking;
  TryOtherHops(blamed_hop);
  return Step::kAgain;
}

Attempt::Step Attempt::Finish(State state) {
  state_ = state;
  phase_ = Phase::kOver;
  EndHealth();
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

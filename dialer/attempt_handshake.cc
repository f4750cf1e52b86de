// SPDX-License-Identifier: BSD-2-Clause
// The hops of one path: the connection to the first, and the handshake with each.
#include <netinet/tcp.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "base/monotonic_clock.h"
#include "base/order.h"
#include "dialer/attempt.h"
#include "dialer/path_text.h"

namespace socksify {
namespace {

constexpr Failure kNoRelayPort = {Fault::kServer, ECONNABORTED, -1,
                                  "the proxy gave no port for its UDP relay"};
constexpr Failure kConnectTimeout = {Fault::kServer, ETIMEDOUT, -1, "no answer to the connection request"};
constexpr Failure kNegotiateTimeout = {Fault::kServer, ETIMEDOUT, -1, "the proxy fell silent"};
constexpr Failure kNoMemory = {Fault::kServer, ENOMEM, -1, "out of memory"};

bool WouldBlock(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINPROGRESS;
}

// 128 bits that nobody else has; where they are of no use the system is not asked for them.
std::array<uint64_t, 2> RandomBits(bool is_useless) {
  std::array<uint64_t, 2> bits{};
  if (is_useless || getrandom(bits.data(), sizeof bits, GRND_NONBLOCK) == sizeof bits) return bits;
  auto seed = static_cast<uint64_t>(MonotonicUs()) ^ reinterpret_cast<uintptr_t>(&bits);
  return {NextNumber(&seed), NextNumber(&seed)};
}

}  // namespace

// The proxy has lost what came early, or so it seems: it fell silent, or ended the connection. One that does
// not take the one method that could be offered may take the other.
bool Attempt::HasLostFlight(const Failure& failure) const {
  const bool is_lost = failure.error != EACCES || (hop()->methods & kMethodNone) != 0;
  return is_pipelined_ && failure.fault == Fault::kServer && failure.reply_code < 0 && is_lost &&
         hop()->handshake == HandshakeMode::kAuto;
}

bool Attempt::MayPipeline(const Server& server, long long now_ms) const {
  if (server.handshake != HandshakeMode::kAuto) return server.handshake == HandshakeMode::kPipelined;
  return !has_lost_flight_ && options_.health != nullptr &&
         options_.health->PipeliningOf(server, now_ms) == Pipelining::kTaken;
}

// Not where the program may have sent something already when the reply comes: there is no way back then.
bool Attempt::ExpectsUsualReply(const Server& server, Socks5Command command, long long now_ms) const {
  if (reads_carefully_ || options_.health == nullptr || command != Socks5Command::kConnect) return false;
  if (options_.allows_early_data && server.takes_early_data) return false;
  return options_.health->ReplyFormOf(server, now_ms) == ReplyForm::kUsual;
}

// The present hop has granted a CONNECT.
void Attempt::NoteReply(long long now_ms) {
  const size_t size = handshake_.reply_size();
  if (options_.health == nullptr || size == 0) return;
  options_.health->NoteReplyForm(*hop(), now_ms,
                                 size < kSocks5UsualReplySize ? ReplyForm::kShort : ReplyForm::kUsual);
}

// The same address once more: bytes of the application's stream have been taken with the reply. Whoever was
// connected to sees a connection that ends at once, and another one.
Attempt::Step Attempt::ReadCarefully(long long now_ms) {
  ++activity_;
  reads_carefully_ = true;
  if (options_.health != nullptr) options_.health->NoteReplyForm(*hop(), now_ms, ReplyForm::kShort);
  --address_index_;
  phase_ = Phase::kPicking;
  return Step::kAgain;
}

void Attempt::StartHandshake(long long now_ms) {
  is_pipelined_ = false;
  has_asked_ = false;
  hop_bytes_received_ = 0;
  is_stream_over_ = false;
  if (answer_ != nullptr && hop_index_ == answer_hop_) {
    handshake_ = std::move(*answer_);
    answer_.reset();
    handshake_.Reconnected();
    return;
  }
  const Server& server = *hops()[hop_index_];
  const bool is_last_hop = hop_index_ + 1 == hops().size();
  const Endpoint& next = is_last_hop ? destination_ : hops()[hop_index_ + 1]->address;
  const Socks5Command command = is_last_hop ? options_.command : Socks5Command::kConnect;
  const bool offers_username = (server.methods & kMethodUsername) != 0;
  switch (PreferredProtocol(server)) {
    case ProxyProtocol::kSocks5: {
      const bool is_udp = command == Socks5Command::kUdpAssociate;
      is_pipelined_ = MayPipeline(server, now_ms);
      // Which address the datagrams will come from is not known here, and a translator on the way may change
      // it.
      handshake_.StartSocks5(is_udp ? Endpoint() : next,
                             {.offer_none = (server.methods & kMethodNone) != 0,
                              .offer_username = offers_username,
                              .username = server.username,
                              .password = server.password,
                              .pipelined = is_pipelined_,
                              .expects_usual_reply = ExpectsUsualReply(server, command, now_ms)},
                             command);
      return;
    }
    case ProxyProtocol::kHttp:
      handshake_.StartHttp(next, {.username = server.username,
                                  .password = server.password,
                                  .basic = offers_username,
                                  .digest = offers_username || (server.methods & kMethodDigest) != 0,
                                  .cnonce_seed = RandomBits(server.username.empty())});
      return;
    case ProxyProtocol::kSocks4:
    case ProxyProtocol::kSocks4a: break;
  }
  const bool has_names = PreferredProtocol(server) == ProxyProtocol::kSocks4a;
  handshake_.StartSocks4(next, has_names ? Socks4Dialect::kSocks4a : Socks4Dialect::kSocks4, server.username,
                         command == Socks5Command::kBind ? Socks4Command::kBind : Socks4Command::kConnect);
}

// The first bytes of the handshake double as the question whether the connection is there: send(2) says
// EAGAIN while it is not and the connection's own error when it failed, which saves asking for SO_ERROR.
Attempt::Step Attempt::StepConnecting(long long now_ms) {
  const std::span<const uint8_t> output = handshake_.output();
  const ssize_t sent = system_->send(fd_, output.data(), output.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && WouldBlock(errno))
    return WaitForAnswer(State::kWaitWritable, kConnectTimeout, Duty::kServers, now_ms);
  if (sent < 0)
    return Fail({Fault::kServer, errno == EPIPE ? ECONNREFUSED : errno, -1, "cannot reach the proxy"},
                now_ms);
  if (options_.health != nullptr)
    latency_us_ = static_cast<uint32_t>(std::min(MonotonicUs() - connecting_us_, 0xffff'ffffLL));
  phase_ = Phase::kNegotiating;
  deadline_ms_ = now_ms + options_.negotiate_timeout_ms;
  return NoteSent(static_cast<size_t>(sent), now_ms);
}

Attempt::Step Attempt::StepNegotiating(long long now_ms) {
  switch (handshake_.state()) {
    case HandshakeState::kWrite: return SendOutput(now_ms);
    case HandshakeState::kRead: return ReceiveInput(now_ms);
    case HandshakeState::kDone: return EndOfHop(now_ms);
    case HandshakeState::kReconnect: return Reconnect();
    case HandshakeState::kFailed: break;
  }
  return FailHandshake(now_ms);
}

Attempt::Step Attempt::SendOutput(long long now_ms) {
  const std::span<const uint8_t> output = handshake_.output();
  const ssize_t sent = system_->send(fd_, output.data(), output.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return NoteSent(static_cast<size_t>(sent), now_ms);
  if (errno == EINTR) return Step::kAgain;
  if (!WouldBlock(errno)) return Dropped(errno, now_ms);
  return now_ms >= deadline_ms_ ? Fail(kNegotiateTimeout, now_ms) : Wait(State::kWaitWritable);
}

// A proxy that gives up in the middle resets the connection or closes it, as it happens; to the program it is
// one and the same. Over HTTP it may only want to be asked again.
Attempt::Step Attempt::Dropped(int error, long long now_ms) {
  const bool is_reset = error == ECONNRESET || error == EPIPE;
  is_stream_over_ = is_reset;
  if (is_reset) handshake_.InputClosed();
  if (handshake_.state() == HandshakeState::kReconnect) return Step::kAgain;
  // The first bytes may have gone with the connection request.
  const bool was_there = is_reset || has_heard_;
  return Fail({Fault::kServer, is_reset ? ECONNABORTED : error, -1,
               was_there ? "the proxy dropped the connection" : "cannot reach the proxy"},
              now_ms);
}

// No reply is there at the moment when the request has left.
Attempt::Step Attempt::NoteSent(size_t size, long long now_ms) {
  ++activity_;
  has_asked_ = true;
  look_ms_ = now_ms + kPatienceMs;
  bytes_sent_ += size;
  handshake_.OutputSent(size);
  return handshake_.state() == HandshakeState::kRead ? WaitForReply(now_ms) : Step::kAgain;
}

// SOCKS5 only in one flight: who takes a message at a time may lose what comes behind the last one, too.
bool Attempt::TakesEarlyData() const {
  if (!options_.allows_early_data || options_.command != Socks5Command::kConnect ||
      hop_index_ + 1 != hops().size() || !hop()->takes_early_data)
    return false;
  switch (PreferredProtocol(*hop())) {
    case ProxyProtocol::kSocks4:
    case ProxyProtocol::kSocks4a: return true;
    case ProxyProtocol::kSocks5: return is_pipelined_;
    case ProxyProtocol::kHttp: break;
  }
  return false;
}

// The whole request has left. Where it went with the connection request, which may yet be refused, the
// program has to wait for the connection itself.
Attempt::Step Attempt::WaitEarly(long long now_ms) {
  if (!may_send_early_ && sent_early_ != 0 && !has_heard_) {
    pollfd writable = {.fd = fd_, .events = POLLOUT, .revents = 0};
    if (system_->poll(&writable, 1, 0) != 1 || writable.revents != POLLOUT)
      return WaitForAnswer(State::kWaitWritable, kConnectTimeout, Duty::kServers, now_ms);
  }
  if (!may_send_early_) {
    may_send_early_ = true;
    deadline_ms_ = now_ms + options_.negotiate_timeout_ms;
  }
  return now_ms >= deadline_ms_ ? Fail(kNegotiateTimeout, now_ms) : Wait(State::kWaitReadable);
}

// The answer of SOCKS5 to the first message takes no time; that of others takes as long as the destination.
Attempt::Step Attempt::WaitForReply(long long now_ms) {
  if (TakesEarlyData()) return WaitEarly(now_ms);
  const bool answers_at_once =
      hop_index_ == 0 && !has_heard_ && PreferredProtocol(*hop()) == ProxyProtocol::kSocks5;
  return WaitForAnswer(State::kWaitReadable, kNegotiateTimeout,
                       answers_at_once ? Duty::kServers : Duty::kDestinations, now_ms);
}

// Whether the kernel sends again, and again without an answer, what the first proxy's system should have
// acknowledged: then it is the proxy or the network that is silent, and not the destination behind it.
bool Attempt::IsSendingAgain() {
  tcp_info info{};
  socklen_t size = sizeof info;
  return system_->getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_retransmits != 0;
}

// What belongs to the handshake, and nothing behind it.
ssize_t Attempt::Receive() {
  if (handshake_.wants_peek()) return ReceivePeeked();
  std::array<uint8_t, 264> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv(2) writes it.
  const size_t wanted = std::min(handshake_.input_needed(), buffer.size());
  return Take(buffer, system_->recv(fd_, buffer.data(), wanted, MSG_DONTWAIT));
}

// A message without a length of its own is looked at before it is taken. On the stack of those that have one,
// the room for it would be too much.
[[gnu::noinline]] ssize_t Attempt::ReceivePeeked() {
  std::array<uint8_t, 1024> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv(2) writes it.
  const ssize_t peeked = system_->recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_PEEK);
  if (peeked <= 0) return Take(buffer, peeked);
  const size_t own = handshake_.OwnBytes(std::span(buffer).first(static_cast<size_t>(peeked)));
  return Take(buffer, system_->recv(fd_, buffer.data(), own, MSG_DONTWAIT));
}

// What recv(2) has written to `buffer`, or returned.
ssize_t Attempt::Take(std::span<const uint8_t> buffer, ssize_t received) {
  if (received > 0) handshake_.Input(buffer.first(static_cast<size_t>(received)));
  return received;
}

Attempt::Step Attempt::ReceiveInput(long long now_ms) {
  const ssize_t received = Receive();
  if (received >= 0) {
    ++activity_;
    if (!has_heard_ && sent_early_ != 0) deadline_ms_ = now_ms + options_.negotiate_timeout_ms;
    has_heard_ = true;
    bytes_received_ += static_cast<uint64_t>(received);
    hop_bytes_received_ += static_cast<uint64_t>(received);
    if (received == 0) {
      is_stream_over_ = true;
      handshake_.InputClosed();
    }
    return Step::kAgain;
  }
  if (errno == EINTR) return Step::kAgain;
  if (!WouldBlock(errno)) return Dropped(errno, now_ms);
  return WaitForReply(now_ms);
}

Attempt::Step Attempt::EndOfHop(long long now_ms) {
  NoteReply(now_ms);
  if (hop_index_ + 1 == hops().size()) {
    bound_ = handshake_.bound();
    if (options_.command == Socks5Command::kUdpAssociate && bound_.port() == 0)
      return Fail(kNoRelayPort, now_ms);
    NoteAlive(hops().size(), now_ms);
    return Finish(State::kConnected);
  }
  ++hop_index_;
  StartHandshake(now_ms);
  deadline_ms_ = now_ms + options_.negotiate_timeout_ms;
  return Step::kAgain;
}

// The proxy has asked for credentials with its last words on this connection: the answer goes over another
// one, by the same address.
Attempt::Step Attempt::Reconnect() {
  ++activity_;
  answer_.reset(new (std::nothrow) Handshake(handshake_));
  if (answer_ == nullptr) return GiveUpPath(kNoMemory, hop_index_);
  answer_hop_ = hop_index_;
  --address_index_;
  phase_ = Phase::kPicking;
  return Step::kAgain;
}

Attempt::Step Attempt::Wait(State state) {
  state_ = state;
  wake_ms_ = deadline_ms_;
  return Step::kWait;
}

// The first one that a proxy keeps waiting stays, and the others go by the next path meanwhile, if it leads
// to a proxy too; they come back when all else has failed. One that may be waiting for the destination alone
// says nothing of the proxy, but looks each second whether others have found it bad, and at the end of its
// time whether they doubt it.
Attempt::Step Attempt::WaitForAnswer(State state, const Failure& timeout, Duty duty, long long now_ms) {
  ServerHealth* const health = options_.health;
  const bool may_defer = health != nullptr && health->passes_over() && !is_first_to_wait_ &&
                         deferrals_ < target_count_ && next_target_ < ProxiesEnd() &&
                         !probes_.Has(*hops().front());
  if (may_defer && now_ms >= std::min(look_ms_, deadline_ms_)) {
    const Server& first = *hops().front();
    if (health->IsBad(first, now_ms)) return Defer();
    if (duty == Duty::kServers || IsSendingAgain()) {
      is_first_to_wait_ = health->NoteWaiting(first, now_ms);
      if (!is_first_to_wait_) return Defer();
      waited_for_ = &first;
      waiting_since_ms_ = now_ms;
    } else if (now_ms >= deadline_ms_ && health->IsWaitedFor(first, now_ms)) {
      return Defer();
    }
    look_ms_ = now_ms + kPatienceMs;
  }
  if (now_ms >= deadline_ms_) return Fail(timeout, now_ms);
  Wait(state);
  if (may_defer && !is_first_to_wait_) wake_ms_ = std::min(deadline_ms_, look_ms_);
  return Step::kWait;
}

// The first target that leads to no proxy.
size_t Attempt::ProxiesEnd() const {
  size_t end = 0;
  while (end < target_count_ && targets_[end]->kind == Target::Kind::kProxies) ++end;
  return end;
}

Attempt::Step Attempt::Defer() {
  ++activity_;
  ++deferrals_;
  --next_target_;
  const auto present = targets_.begin() + static_cast<std::ptrdiff_t>(next_target_);
  std::rotate(present, present + 1, targets_.begin() + static_cast<std::ptrdiff_t>(ProxiesEnd()));
  address_index_ = address_count_ = 0;
  phase_ = Phase::kPicking;
  return Step::kAgain;
}

// To an inner hop of a chain, the next proxy is the destination. One that says no without a better reason, or
// that has begun to answer and then ends the connection, could not reach it.
size_t Attempt::BlamedHop(const Failure& failure) const {
  const bool has_refused = failure.reply_code >= 0 && failure.error != EACCES;
  const bool has_ended = is_stream_over_ && hop_bytes_received_ != 0;
  const bool is_next_hops = failure.fault == Fault::kDestination || has_refused || has_ended;
  return is_next_hops && hop_index_ + 1 < hops().size() ? hop_index_ + 1 : hop_index_;
}

Attempt::Step Attempt::FailHandshake(long long now_ms) {
  if (handshake_.has_overrun()) return ReadCarefully(now_ms);
  Failure failure = handshake_.failure();
  const bool is_last_hop = hop_index_ + 1 == hops().size();
  // What the protocol cannot say (a name in SOCKS4) is no failure of the server, which may do well for
  // others.
  const bool cannot_be_said = !has_asked_ && failure.fault == Fault::kServer;
  // Nor is it one that it will not listen, which says nothing of other proxies.
  const bool will_not_listen =
      is_last_hop && options_.command == Socks5Command::kBind && failure.reply_code >= 0;
  if (cannot_be_said || will_not_listen) {
    ++activity_;
    return GiveUpPath(failure, cannot_be_said ? hop_index_ : hops().size());
  }
  return Fail(failure, now_ms);
}

}  // namespace socksify

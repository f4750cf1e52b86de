// SPDX-License-Identifier: BSD-2-Clause
// Every event ends in Advance(), which moves whatever can be moved and then tells the poller what to wait
// for; so no state has to know which event brought it about.
#include "tests/server/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "tests/server/tcp_sockets.h"
#include "tests/server/wire.h"

namespace socksify::testserver {
namespace {

BoundAddress InWords(const Endpoint& endpoint) {
  return {endpoint.HostToString(), endpoint.port()};
}

}  // namespace

Connection::Connection(const ConnectionContext& context, uint64_t token, UniqueFd client)
    : context_(context),
      token_(token),
      client_(std::move(client)),
      negotiation_(context.settings, context.nonces, &record_, &output_),
      local_(InWords(LocalAddressOf(client_.get()))) {
  SetNoDelay(client_.get());
  record_.id = context_.book->Open();
  record_.client = PeerAddressOf(client_.get()).ToString();
  record_.listener = LocalAddressOf(client_.get()).ToString();
  context_.book->Store(record_);
  client_interest_ = EPOLLIN;
  context_.poller->Add(client_.get(), client_interest_, token_);
}

Connection::~Connection() {
  Finish(CloseHow::kFin);
  forwarder_.reset();
  Conclude();
}

void Connection::OnReady(Side side, uint32_t events) {
  if (side >= Side::kForwarded) {
    return OnForwarded(static_cast<uint64_t>(side) - static_cast<uint64_t>(Side::kForwarded), events);
  }
  if (is_closed()) return;
  if (side == Side::kListener) return OnListener(events);
  if (side >= Side::kRelay) {
    if (!relay_) return;
    const int which = static_cast<int>(side) - static_cast<int>(Side::kRelay);
    relay_->OnReady(static_cast<UdpRelay::Socket>(which), events);
    if (relay_->ended()) Finish(negotiation_.close_with());
    return;
  }
  const bool hung_up = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if (side == Side::kUpstream && dialing_) {
    if (events != 0) FinishDial();
  } else if (side == Side::kUpstream && upstream_.valid() && (hung_up || (events & EPOLLIN) != 0)) {
    ReadUpstream(hung_up);
  } else if (side == Side::kClient && (hung_up || (events & EPOLLIN) != 0)) {
    ReadClient(hung_up);
  }
  Advance();
}

// Reads what waits, or with `all` everything, so that a socket in an error state is not reported for ever.
void Connection::ReadClient(bool all) {
  while (!is_closed() && !client_eof_ && (all || input_.size() < kMaxWaiting)) {
    const ssize_t count = ReadSome(client_.get(), &input_);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) return Finish(CloseHow::kRst);
    if (count == 0) client_eof_ = true;
  }
}

void Connection::ReadUpstream(bool all) {
  std::string data;
  while (!is_closed() && !origin_eof_ && (all || output_.pending() < kMaxWaiting)) {
    const ssize_t count = ReadSome(upstream_.get(), &data);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) return Finish(CloseHow::kRst);
    if (count == 0) origin_eof_ = true;
    output_.PushData(data);
    data.clear();
  }
}

void Connection::Advance() {
  if (is_closed()) return;
  Negotiate();
  bool again = true;
  while (again) {
    RelayToOrigin();
    context_.book->Store(record_);
    FlushClient();
    // Flushing may have made room for an origin that no descriptor will speak up for.
    again = !is_closed() && built_in_ && step_ == Negotiation::Step::kRelay && !input_.empty() &&
            output_.pending() < kMaxWaiting;
  }
  PassHalfCloses();
  UpdateInterest();
}

void Connection::Negotiate() {
  if (step_ == Negotiation::Step::kNeedInput) Follow(negotiation_.Receive(&input_));
  if (step_ == Negotiation::Step::kForward) AnswerQueries();
  if (step_ == Negotiation::Step::kOver) input_.clear();
  // A BIND that waits ends with its control connection.
  const bool unanswered = step_ == Negotiation::Step::kNeedInput || step_ == Negotiation::Step::kOver ||
                          step_ == Negotiation::Step::kAwaitPeer || step_ == Negotiation::Step::kForward;
  if (!client_eof_ || !unanswered) return;
  if (record_.outcome.empty()) record_.outcome = "client left";
  // The client may have shut down only its sending side: it still gets what it was told so far, and a
  // refusal.
  const bool refused = step_ == Negotiation::Step::kOver && record_.outcome != "silent";
  if (refused) return;
  FlushClient();
  Finish(CloseHow::kFin);
}

void Connection::Follow(Negotiation::Step step) {
  step_ = step;
  if (step == Negotiation::Step::kAssociate) return Associate();
  if (step == Negotiation::Step::kBind) return Bind();
  if (step != Negotiation::Step::kConnect) return;
  if (negotiation_.origin().kind == OriginKind::kAddress) return Dial(negotiation_.origin());
  built_in_.emplace(negotiation_.origin());
  step_ = negotiation_.Answer(kSucceeded, local_);
}

void Connection::Associate() {
  relay_.emplace(context_, token_ + static_cast<uint64_t>(Side::kRelay), &record_);
  const Endpoint client = PeerAddressOf(client_.get());
  const int error = relay_->Open(LocalAddressOf(client_.get()).ip(), client.ip());
  step_ = negotiation_.Answer(ReplyCodeForErrno(error), {local_.host, relay_->port()});
}

void Connection::Bind() {
  const BindScript& script = negotiation_.script().bind;
  const int error = listener_.Open(LocalAddressOf(client_.get()).ip(), record_.port, script, context_.binds);
  if (error == 0) record_.bound = LocalAddressOf(listener_.fd()).ToString();
  step_ = negotiation_.Answer(ReplyCodeForErrno(error), {local_.host, listener_.port()});
  if (step_ != Negotiation::Step::kAwaitPeer && step_ != Negotiation::Step::kForward) return;
  const uint64_t token = token_ + static_cast<uint64_t>(Side::kListener);
  context_.poller->Add(listener_.fd(), EPOLLIN, token);
  if (step_ == Negotiation::Step::kForward) {
    Endpoint client = PeerAddressOf(client_.get());
    if (script.forward_to_wanted) client.set_port(record_.port);
    forwarder_.emplace(context_, token_ + static_cast<uint64_t>(Side::kForwarded), &record_, &listener_,
                       LocalAddressOf(client_.get()).ip(), client);
  }
  if (!script.timeout_ms || forwarder_) return;
  context_.poller->CallAt(Clock::now() + std::chrono::milliseconds(*script.timeout_ms), token);
}

// Without `events` the time is up.
void Connection::OnListener(uint32_t events) {
  if (!listener_.is_open()) return;
  if (forwarder_) {
    if (negotiation_.script().bind.drop || !forwarder_->Accept()) Finish(negotiation_.close_with());
    return;
  }
  if (events != 0) {
    UniqueFd peer = listener_.Accept();
    if (!peer.valid()) return;
    TakePeer(std::move(peer));
  } else {
    step_ = negotiation_.AnswerPeer(kTtlExpired, {"0.0.0.0", 0}, "timed out");
  }
  listener_.Close();
  Advance();
}

void Connection::OnForwarded(uint64_t place, uint32_t events) {
  if (!forwarder_) return;
  if (!forwarder_->OnReady(place, events)) Finish(negotiation_.close_with());
  if (finished()) Conclude();
}

void Connection::AnswerQueries() {
  std::optional<Endpoint> asked;
  while (forwarder_ && (step_ = negotiation_.ReceiveQuery(&input_, &asked)) == Negotiation::Step::kQuery) {
    const Endpoint peer = asked ? forwarder_->StartRelaying(*asked) : Endpoint();
    step_ = negotiation_.AnswerQuery(InWords(peer));
  }
}

void Connection::TakePeer(UniqueFd peer) {
  const Endpoint from = PeerAddressOf(peer.get());
  record_.peers.push_back(from.ToString());
  if (negotiation_.script().bind.drop) {
    record_.outcome = "ended by script";
    return Finish(negotiation_.close_with());
  }
  const bool expected = !negotiation_.script().bind.check || IsExpected(from.ip());
  step_ = negotiation_.AnswerPeer(expected ? kSucceeded : kNotAllowed, InWords(from),
                                  expected ? "accepted" : "refused");
  const bool silent = negotiation_.script().second.silent;
  if (step_ != Negotiation::Step::kRelay && !silent) return;
  upstream_ = std::move(peer);
  SetNoDelay(upstream_.get());
  if (silent) return;  // the peer, too, waits in vain
  upstream_interest_ = EPOLLIN;
  context_.poller->Add(upstream_.get(), upstream_interest_, token_ + 1);
}

bool Connection::IsExpected(const IpAddress& peer) const {
  const Origin& asked = negotiation_.origin();  // an address stands for itself, a name for what it was given
  const std::optional<IpAddress> ip = IpAddress::Parse(asked.text);
  return ip && (*ip == peer || ip->IsUnspecified());
}

void Connection::Dial(const Origin& origin) {
  const std::optional<IpAddress> ip = IpAddress::Parse(origin.text);
  if (ip) upstream_ = StartConnecting(Endpoint::FromIp(*ip, origin.port), nullptr);
  if (!upstream_.valid()) {
    step_ = negotiation_.Answer(ReplyCodeForErrno(ip ? errno : EAFNOSUPPORT), local_);
    return;
  }
  dialing_ = true;
  upstream_interest_ = EPOLLOUT;
  context_.poller->Add(upstream_.get(), upstream_interest_, token_ + 1);
}

void Connection::FinishDial() {
  const int error = TakeSocketError(upstream_.get());
  dialing_ = false;
  if (error != 0) upstream_.Reset();
  step_ = negotiation_.Answer(ReplyCodeForErrno(error),
                              error == 0 ? InWords(LocalAddressOf(upstream_.get())) : local_);
  if (error == 0) SetNoDelay(upstream_.get());
}

void Connection::RelayToOrigin() {
  if (is_closed() || step_ != Negotiation::Step::kRelay || input_.empty()) return;
  if (built_in_) {
    if (output_.pending() >= kMaxWaiting) return;
    record_.bytes_from_client += input_.size();
    output_.PushData(built_in_->Receive(input_));
    input_.clear();
    if (built_in_->wants_close()) origin_eof_ = true;
    return;
  }
  const ssize_t count = upstream_.valid() ? SendSome(upstream_.get(), &input_) : -1;
  if (count > 0) record_.bytes_from_client += count;
  // An origin that takes nothing more may have said something that is still to be passed on.
  if (count < 0) input_.clear();
}

void Connection::FlushClient() {
  if (is_closed()) return;
  const PacedOutput::Status status = output_.Flush(client_.get());
  output_blocked_ = status == PacedOutput::Status::kBlocked;
  if (!relay_ && !forwarder_) record_.bytes_to_client = output_.data_sent();
  switch (status) {
    case PacedOutput::Status::kIdle:
    case PacedOutput::Status::kBlocked: break;
    case PacedOutput::Status::kWaiting:
      if (timer_ != output_.due()) context_.poller->CallAt(output_.due(), token_);
      timer_ = output_.due();
      break;
    case PacedOutput::Status::kEnded:
      if (record_.outcome.empty()) record_.outcome = "ended by script";
      Finish(negotiation_.close_with());
      break;
    case PacedOutput::Status::kFailed: Finish(CloseHow::kRst); break;
  }
}

void Connection::PassHalfCloses() {
  if (is_closed() || step_ != Negotiation::Step::kRelay) return;
  if (client_eof_ && input_.empty() && !origin_told_) {
    origin_told_ = true;
    if (upstream_.valid()) shutdown(upstream_.get(), SHUT_WR);
    if (built_in_ || relay_) origin_eof_ = true;
  }
  // A socket that is shut down on both sides would be reported as hung up for ever.
  if (origin_eof_ && origin_told_) upstream_.Reset();
  if (origin_eof_ && output_.pending() == 0 && !client_told_) {
    client_told_ = true;
    shutdown(client_.get(), SHUT_WR);
  }
  if (origin_told_ && client_told_) Finish(CloseHow::kFin);
}

void Connection::UpdateInterest() {
  if (is_closed()) return;
  uint32_t client = output_blocked_ ? uint32_t{EPOLLOUT} : 0;
  if (!client_eof_ && input_.size() < kMaxWaiting) client |= EPOLLIN;
  if (client != client_interest_) context_.poller->Modify(client_.get(), client, token_);
  client_interest_ = client;

  if (!upstream_.valid() || step_ != Negotiation::Step::kRelay) return;
  uint32_t upstream = input_.empty() ? 0 : uint32_t{EPOLLOUT};
  if (!origin_eof_ && output_.pending() < kMaxWaiting) upstream |= EPOLLIN;
  if (upstream != upstream_interest_) context_.poller->Modify(upstream_.get(), upstream, token_ + 1);
  upstream_interest_ = upstream;
}

void Connection::Finish(CloseHow how) {
  if (is_closed()) return;
  if (how == CloseHow::kRst) {
    SetResetOnClose(client_.get());
    if (upstream_.valid()) SetResetOnClose(upstream_.get());
  } else {
    // close(2) with unread bytes would be a reset.
    std::string unread;
    while (ReadSome(client_.get(), &unread) > 0) unread.clear();
  }
  if (!relay_ && !forwarder_) record_.bytes_to_client = output_.data_sent();
  // Before the client can see that it is over.
  relay_.reset();
  listener_.Close();
  client_.Reset();
  upstream_.Reset();
  if (forwarder_) forwarder_->KeepRelayed();
  if (finished()) Conclude();
}

void Connection::Conclude() {
  if (std::exchange(concluded_, true)) return;
  if (record_.outcome.empty()) record_.outcome = "stopped";
  context_.book->Finish(record_);
}

}  // namespace socksify::testserver

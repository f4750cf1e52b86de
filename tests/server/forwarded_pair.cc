// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/forwarded_pair.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "tests/server/tcp_sockets.h"

namespace socksify::testserver {
namespace {

constexpr ForwardedPair::End kBothEnds[] = {ForwardedPair::End::kPeer, ForwardedPair::End::kClient};

ForwardedPair::End Other(ForwardedPair::End end) {
  return end == ForwardedPair::End::kPeer ? ForwardedPair::End::kClient : ForwardedPair::End::kPeer;
}

}  // namespace

ForwardedPair::ForwardedPair(Poller* poller, uint64_t token, UniqueFd peer, UniqueFd client)
    : poller_(poller),
      token_(token),
      fds_{std::move(peer), std::move(client)},
      local_(LocalAddressOf(fd(End::kClient).get())),
      peer_(PeerAddressOf(fd(End::kPeer).get())) {
  interests_ = {0, EPOLLOUT};
  for (const End end : kBothEnds) {
    SetNoDelay(fd(end).get());
    const size_t i = static_cast<size_t>(end);
    poller_->Add(fds_[i].get(), interests_[i], token_ + i);
  }
}

void ForwardedPair::StartRelaying() {
  relays_ = true;
  UpdateInterest();
}

void ForwardedPair::OnReady(End end, uint32_t events) {
  if (is_over_ || events == 0) return;
  const bool hung_up = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if (connecting_ && end == End::kClient) {
    refused_ = TakeSocketError(fd(end).get()) != 0;
    connecting_ = false;
    if (refused_) return Reset();
  } else if (connecting_ || !relays_) {
    // Before anything is read, an end can only be gone altogether.
    if (hung_up) Reset();
  } else {
    for (const End from : kBothEnds) {
      if (!is_over_) Move(from, hung_up && from == end);
    }
  }
  UpdateInterest();
}

// Reads what there is room for, or, when that end has hung up, everything, so that it is not reported for
// ever.
void ForwardedPair::Move(End from, bool hung_up) {
  Lane& lane = this->lane(from);
  const End to = Other(from);
  bool can_read = fd(from).valid();
  while (can_read && !lane.ended && (hung_up || lane.waiting.size() < kMaxWaiting)) {
    const ssize_t count = ReadSome(fd(from).get(), &lane.waiting);
    if (count < 0 && errno != EAGAIN) return Reset();
    can_read = count > 0;
    if (count == 0) lane.ended = true;
  }
  if (!lane.waiting.empty()) {
    const ssize_t sent = SendSome(fd(to).get(), &lane.waiting);
    if (sent < 0) return Reset();
    lane.count += sent;
  }
  if (lane.ended && lane.waiting.empty() && !lane.told) {
    lane.told = true;
    shutdown(fd(to).get(), SHUT_WR);
  }
  // A socket that is shut down on both sides would be reported as hung up for ever.
  for (const End end : kBothEnds) {
    if (this->lane(end).ended && this->lane(Other(end)).told) fd(end).Reset();
  }
  is_over_ = lanes_[0].told && lanes_[1].told;
}

void ForwardedPair::UpdateInterest() {
  if (is_over_) return;
  for (const End end : kBothEnds) {
    const size_t i = static_cast<size_t>(end);
    if (!fds_[i].valid()) continue;
    uint32_t interest = 0;
    if (connecting_) {
      if (end == End::kClient) interest = EPOLLOUT;
    } else if (relays_) {
      if (!lane(end).ended && lane(end).waiting.size() < kMaxWaiting) interest = EPOLLIN;
      if (!lane(Other(end)).waiting.empty()) interest |= EPOLLOUT;
    }
    if (interest != interests_[i]) poller_->Modify(fds_[i].get(), interest, token_ + i);
    interests_[i] = interest;
  }
}

void ForwardedPair::Reset() {
  is_over_ = true;
  for (UniqueFd& fd : fds_) {
    if (fd.valid()) SetResetOnClose(fd.get());
    fd.Reset();
  }
}

uint64_t ForwardedPair::TakeCount(End from) {
  return std::exchange(lane(from).count, 0);
}

}  // namespace socksify::testserver

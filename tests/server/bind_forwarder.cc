// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/bind_forwarder.h"

#include <algorithm>
#include <utility>

#include "tests/server/tcp_sockets.h"

namespace socksify::testserver {
namespace {

constexpr size_t kMaxRecorded = 1000;

}  // namespace

BindForwarder::BindForwarder(const ConnectionContext& context, uint64_t token, RequestRecord* record,
                             BindListener* listener, const IpAddress& local, const Endpoint& client)
    : context_(context),
      token_(token),
      record_(record),
      listener_(listener),
      local_(local),
      client_(client) {}

bool BindForwarder::Accept() {
  UniqueFd peer = listener_->Accept();
  if (!peer.valid()) return true;
  record_->outcome = "accepted";
  if (record_->peers.size() < kMaxRecorded) {
    record_->peers.push_back(PeerAddressOf(peer.get()).ToString());
  }
  // What the client accepts must be on record by then.
  context_.book->Store(*record_);
  UniqueFd client = StartConnecting(client_, &local_);
  if (!client.valid()) return false;
  pairs_.try_emplace(next_place_, context_.poller, token_ + next_place_, std::move(peer), std::move(client));
  next_place_ += 2;
  return true;
}

bool BindForwarder::OnReady(uint64_t place, uint32_t events) {
  const auto found = pairs_.find(place & ~uint64_t{1});
  if (found == pairs_.end()) return true;  // ended by an earlier event of the same batch
  ForwardedPair& pair = found->second;
  pair.OnReady(place % 2 == 0 ? ForwardedPair::End::kPeer : ForwardedPair::End::kClient, events);
  record_->bytes_to_client += pair.TakeCount(ForwardedPair::End::kPeer);
  record_->bytes_from_client += pair.TakeCount(ForwardedPair::End::kClient);
  context_.book->Store(*record_);
  const bool refused = pair.refused();
  if (pair.is_over()) pairs_.erase(found);
  return !refused;
}

Endpoint BindForwarder::StartRelaying(const Endpoint& asked) {
  const auto found = std::ranges::find_if(pairs_, [&](auto& pair) { return pair.second.local() == asked; });
  if (found == pairs_.end()) return {};
  found->second.StartRelaying();
  return found->second.peer();
}

void BindForwarder::KeepRelayed() {
  std::erase_if(pairs_, [](const auto& pair) { return !pair.second.relays(); });
}

}  // namespace socksify::testserver

// SPDX-License-Identifier: BSD-2-Clause
// Connection: one accepted client: its sockets, its negotiation, and the relaying behind it. Lives in the
// server's thread alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "tests/server/bind_forwarder.h"
#include "tests/server/bind_listener.h"
#include "tests/server/connection_context.h"
#include "tests/server/negotiation.h"
#include "tests/server/origin.h"
#include "tests/server/paced_output.h"
#include "tests/server/record.h"
#include "tests/server/udp_relay.h"

namespace socksify::testserver {

class Connection {
 public:
  // The descriptors of a connection, and their places behind its token in the poller: three of a UDP
  // association, one of a BIND, and from kForwarded on those of Dante's bind extension.
  enum class Side : uint32_t { kClient, kUpstream, kRelay, kRelayV4, kRelayV6, kListener, kForwarded };
  static constexpr uint64_t kTokens = uint64_t{1} << 32;

  // `client` is connected and non-blocking. `token` is a multiple of kTokens.
  Connection(const ConnectionContext& context, uint64_t token, UniqueFd client);
  ~Connection();  // ends the connection if it is not over
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `events` as epoll reports them; 0 when a timer has run out.
  void OnReady(Side side, uint32_t events);
  // The client is gone, and so is everything that was forwarded for it.
  bool finished() const { return is_closed() && (!forwarder_ || forwarder_->is_idle()); }

 private:
  bool is_closed() const { return !client_.valid(); }
  void ReadClient(bool all);
  void ReadUpstream(bool all);
  void Advance();
  void Negotiate();
  void Follow(Negotiation::Step step);
  void Associate();
  void Bind();
  void OnListener(uint32_t events);
  void OnForwarded(uint64_t place, uint32_t events);
  void AnswerQueries();
  void TakePeer(UniqueFd peer);
  bool IsExpected(const IpAddress& peer) const;
  void Dial(const Origin& origin);
  void FinishDial();
  void RelayToOrigin();
  void FlushClient();
  void PassHalfCloses();
  void UpdateInterest();
  void Finish(CloseHow how);
  void Conclude();

  const ConnectionContext context_;
  const uint64_t token_;
  UniqueFd client_;
  UniqueFd upstream_;
  RequestRecord record_;
  PacedOutput output_;
  Negotiation negotiation_;
  Negotiation::Step step_ = Negotiation::Step::kNeedInput;
  std::optional<BuiltInOrigin> built_in_;
  std::optional<UdpRelay> relay_;
  BindListener listener_;
  std::optional<BindForwarder> forwarder_;
  std::string input_;       // from the client: not yet understood, or not yet passed on
  bool concluded_ = false;  // the record is final
  bool dialing_ = false;
  bool output_blocked_ = false;
  bool client_eof_ = false;   // the client has shut down its sending side
  bool origin_eof_ = false;   // and the origin its
  bool origin_told_ = false;  // the client's end was passed to the origin
  bool client_told_ = false;  // the origin's end was passed to the client
  Clock::time_point timer_;   // the last one that was asked for
  uint32_t client_interest_ = 0;
  uint32_t upstream_interest_ = 0;
  BoundAddress local_;  // the server's address as the client sees it
};

}  // namespace socksify::testserver

// SPDX-License-Identifier: BSD-2-Clause
// ProbeConnection: one connection to a proxy, over which a tool speaks step by step, each within a limit of
// time. Blocks. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/failure.h"
#include "base/ip_address.h"
#include "dialer/system.h"
#include "protocol/handshake.h"
#include "routing/config.h"

namespace socksify {

struct ProbeLimits {
  unsigned connect_ms = 10'000;
  unsigned negotiate_ms = 10'000;  // from the connection on, for all that is said over it
};

// Those of the configuration, but at most ten seconds each.
ProbeLimits LimitsOf(const Settings& settings);

class ProbeConnection {
 public:
  // Nothing is connected yet. `system` must outlive it.
  ProbeConnection(const System& system, const IpAddress& address, uint16_t port, const ProbeLimits& limits);
  ~ProbeConnection();
  ProbeConnection(const ProbeConnection&) = delete;
  ProbeConnection& operator=(const ProbeConnection&) = delete;

  // All of these give the failure, or nothing.

  // Ends an earlier connection first.
  std::optional<Failure> Connect();
  std::optional<Failure> Send(std::span<const uint8_t> bytes);
  // As many bytes as there is room for; fewer are a failure.
  std::optional<Failure> Receive(std::span<uint8_t> bytes);
  // One turn of `handshake`, from kWrite to its next state after kRead. That it has failed or wants to
  // reconnect is no failure of the turn.
  std::optional<Failure> Turn(Handshake* handshake);
  // What `handshake` waits for, up to its next state that is not kRead.
  std::optional<Failure> ReceiveFor(Handshake* handshake);
  // All turns of a handshake that was started; connects first, and again where it wants that.
  std::optional<Failure> Run(Handshake* handshake);

  // The last Connect().
  double connect_ms() const { return connect_ms_; }
  // Of Run(): each connection and each turn is one.
  unsigned round_trips() const { return round_trips_; }
  // Whether what came first, over the last connection, begins with "HTTP/".
  bool has_seen_http() const;
  bool has_heard() const { return heard_ > 0; }

 private:
  std::optional<Failure> Wait(short events, const Failure& timeout);
  void NoteHeard(std::span<const uint8_t> bytes);
  void Close();

  const System& system_;
  const IpAddress address_;
  const uint16_t port_;
  const ProbeLimits limits_;
  int fd_ = -1;
  long long deadline_ms_ = 0;
  double connect_ms_ = 0;
  unsigned round_trips_ = 0;
  size_t heard_ = 0;
  std::array<uint8_t, 5> first_{};
};

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// Runs a SOCKS client machine against a stream of arbitrary bytes and traps when it breaks its contract. Not
// an assertion: this must hold in optimised builds too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/handshake_state.h"

namespace socksify {

inline void Require(bool condition) {
  if (!condition) __builtin_trap();
}

// Returns what the machine has left of the stream.
template <typename Machine>
std::span<const uint8_t> RunAgainst(Machine& machine, std::span<const uint8_t> stream, size_t chunk) {
  // More than the longest negotiation takes byte by byte.
  constexpr int kMaxSteps = 2000;
  for (int i = 0; i < kMaxSteps; ++i) {
    switch (machine.state()) {
      case HandshakeState::kWrite:
        Require(!machine.output().empty() && machine.input_needed() == 0);
        machine.OutputSent(std::min(chunk, machine.output().size()));
        break;
      case HandshakeState::kRead: {
        Require(machine.output().empty() && machine.input_needed() != 0);
        const size_t count = std::min({chunk, machine.input_needed(), stream.size()});
        if (count == 0) {
          machine.InputClosed();
        } else {
          machine.Input(stream.first(count));
          stream = stream.subspan(count);
        }
        break;
      }
      case HandshakeState::kReconnect: __builtin_trap();
      case HandshakeState::kDone: Require(machine.input_needed() == 0); return stream;
      case HandshakeState::kFailed:
        Require(machine.failure().error != 0 && machine.failure().reason != nullptr);
        return stream;
    }
  }
  __builtin_trap();
}

}  // namespace socksify

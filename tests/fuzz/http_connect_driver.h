// SPDX-License-Identifier: BSD-2-Clause
// Runs the HTTP CONNECT machine against streams of arbitrary bytes, one for each connection, and traps when
// it breaks its contract.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/http_connect_client.h"
#include "tests/fuzz/socks4_socks5_driver.h"

namespace socksify {

// How the negotiation came to its end.
struct HttpEnding {
  HandshakeState state = HandshakeState::kFailed;
  std::string_view reason;
  int connections = 1;
  size_t left = 0;  // of the last connection's stream

  friend bool operator==(const HttpEnding&, const HttpEnding&) = default;
};

// Reads pieces of at most `chunk` bytes; after having peeked at so many, if `peeks`. The streams stand behind
// one another, with a byte kNextConnection between them; when there are no more, they are empty.
inline HttpEnding RunHttp(HttpConnectClient client, std::span<const uint8_t> streams, size_t chunk,
                          bool peeks) {
  constexpr uint8_t kNextConnection = 0x1e;
  constexpr int kMaxConnections = 3;
  const auto next = [&] {
    const auto end = std::ranges::find(streams, kNextConnection);
    const auto stream = streams.first(static_cast<size_t>(end - streams.begin()));
    streams = streams.subspan(std::min(stream.size() + 1, streams.size()));
    return stream;
  };
  HttpEnding ending;
  std::span<const uint8_t> stream = next();
  // Every turn sends, receives or reconnects; there are three requests of a few KiB at most.
  const size_t max_steps = streams.size() + stream.size() + 20'000;
  for (size_t i = 0; i < max_steps; ++i) {
    switch (client.state()) {
      case HandshakeState::kWrite:
        Require(!client.output().empty() && client.input_needed() == 0 && !client.wants_peek());
        client.OutputSent(std::min(chunk, client.output().size()));
        break;
      case HandshakeState::kRead: {
        Require(client.output().empty() && client.input_needed() != 0);
        const size_t seen = std::min(chunk, stream.size());
        const size_t own = client.OwnBytes(stream.first(seen));
        Require(own <= seen && (own != 0 || seen == 0));
        const size_t count = peeks && client.wants_peek() ? own : std::min(seen, client.input_needed());
        if (count == 0) {
          client.InputClosed();
        } else {
          client.Input(stream.first(count));
          stream = stream.subspan(count);
        }
        break;
      }
      case HandshakeState::kReconnect:
        Require(client.output().empty() && client.input_needed() == 0);
        Require(++ending.connections <= kMaxConnections);
        stream = next();
        client.Reconnected();
        break;
      case HandshakeState::kFailed:
        Require(client.failure().error != 0 && client.failure().reason != nullptr);
        ending.reason = client.failure().reason;
        return ending;
      case HandshakeState::kDone:
        Require(client.output().empty() && client.input_needed() == 0);
        ending.state = HandshakeState::kDone;
        ending.left = stream.size();
        return ending;
    }
  }
  __builtin_trap();
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// What the HTTP tests share: a proxy that has said everything in advance, on one connection after another,
// and callers that read plainly or peek first.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/http_connect_client.h"
#include "tests/protocol/scripted_socket.h"

namespace socksify {

inline constexpr HttpAuth kHttpAnonymous = {};
inline constexpr std::array<uint64_t, 2> kSeed = {0x0123456789abcdef, 0xfedcba9876543210};
inline constexpr HttpAuth kHttpAlice = {
    .username = "alice", .password = "open sesame", .basic = true, .digest = true, .cnonce_seed = kSeed};
inline constexpr HttpAuth kHttpAliceBasic = {
    .username = "alice", .password = "open sesame", .basic = true, .digest = false, .cnonce_seed = kSeed};
inline constexpr HttpAuth kHttpAliceDigest = {
    .username = "alice", .password = "open sesame", .basic = false, .digest = true, .cnonce_seed = kSeed};

inline HttpConnectClient StartedHttp(const HttpAuth& auth) {
  HttpConnectClient client;
  client.Start(Endpoint::FromName("web.test", 80).value(), auth);
  return client;
}

inline auto HttpStarter(const HttpAuth& auth) {
  return [auth] { return StartedHttp(auth); };
}

inline const std::string kConnect =
    "CONNECT web.test:80 HTTP/1.1\r\n"
    "Host: web.test:80\r\n"
    "Proxy-Connection: keep-alive\r\n";
inline const std::string kPlainRequest = kConnect + "\r\n";
inline const std::string kBasicRequest =
    kConnect + "Proxy-Authorization: Basic YWxpY2U6b3BlbiBzZXNhbWU=\r\n\r\n";
inline const std::string kEstablished = "HTTP/1.1 200 Connection established\r\n\r\n";

// A 407 with `fields`, each with its line end, and `body`.
inline std::string Challenge(std::string_view fields, std::string_view body = "") {
  return "HTTP/1.1 407 Proxy Authentication Required\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

// How a caller reads: at most `chunk` bytes of what the machine needs, or of what it says is its own.
struct HttpReading {
  bool peeks = false;
  size_t chunk = kWhole;
};
inline constexpr HttpReading kHttpReadings[] = {{false, kWhole}, {false, 1},     {false, 2},
                                                {false, 3},      {true, kWhole}, {true, 1},
                                                {true, 2},       {true, 7},      {true, 64}};

struct HttpOutcome {
  HandshakeState state = HandshakeState::kFailed;
  std::vector<std::string> sent;      // on each connection
  std::vector<std::string> leftover;  // what of each stream was not taken
  size_t receives = 0;
  bool settled = false;
  Failure failure;
};

// Runs `client` to its end against one stream for each connection; each of them then ends.
inline HttpOutcome DriveHttp(HttpConnectClient& client, const std::vector<std::string>& streams,
                             const HttpReading& reading) {
  constexpr int kMaxSteps = 300'000;
  HttpOutcome outcome;
  outcome.sent.emplace_back();
  std::string_view stream = streams.at(0);
  for (int i = 0; i < kMaxSteps && !outcome.settled; ++i) {
    switch (client.state()) {
      case HandshakeState::kWrite: {
        EXPECT_FALSE(client.output().empty());
        EXPECT_EQ(client.input_needed(), 0U);
        EXPECT_FALSE(client.wants_peek());
        const size_t count = std::min(reading.chunk, client.output().size());
        outcome.sent.back().append(reinterpret_cast<const char*>(client.output().data()), count);
        client.OutputSent(count);
        break;
      }
      case HandshakeState::kRead: {
        EXPECT_TRUE(client.output().empty());
        EXPECT_GT(client.input_needed(), 0U);
        size_t count = std::min({reading.chunk, client.input_needed(), stream.size()});
        if (reading.peeks && client.wants_peek()) {
          const size_t own = client.OwnBytes(AsBytes(stream.substr(0, reading.chunk)));
          EXPECT_GE(own, std::min<size_t>(count, 1));
          EXPECT_LE(own, std::min(reading.chunk, stream.size()));
          count = own;
        }
        ++outcome.receives;
        if (count == 0) {
          client.InputClosed();
        } else {
          client.Input(AsBytes(stream.substr(0, count)));
          stream.remove_prefix(count);
        }
        break;
      }
      case HandshakeState::kReconnect:
        EXPECT_TRUE(client.output().empty());
        EXPECT_EQ(client.input_needed(), 0U);
        EXPECT_FALSE(client.wants_peek());
        outcome.leftover.emplace_back(stream);
        if (outcome.sent.size() == streams.size()) {
          ADD_FAILURE() << "more connections than streams";
          outcome.settled = true;
          break;
        }
        stream = streams[outcome.sent.size()];
        outcome.sent.emplace_back();
        client.Reconnected();
        break;
      case HandshakeState::kDone:
      case HandshakeState::kFailed: outcome.settled = true; break;
    }
  }
  EXPECT_TRUE(outcome.settled);
  outcome.leftover.emplace_back(stream);
  outcome.state = client.state();
  if (outcome.state == HandshakeState::kFailed) outcome.failure = client.failure();
  return outcome;
}

// The streams must satisfy the client in every way of reading, what follows the last must stay, and `sent` is
// what each connection gets to see.
inline void ExpectHttpDone(const HttpAuth& auth, const std::vector<std::string>& streams,
                           const std::vector<std::string>& sent) {
  for (const std::string_view trailing : {"", "S", "\r\n", "\n", "HTTP/1.1 500\r\n\r\n"}) {
    for (const HttpReading& reading : kHttpReadings) {
      SCOPED_TRACE(testing::Message() << (reading.peeks ? "peeks, " : "") << "chunk " << reading.chunk
                                      << ", trailing '" << trailing << "'");
      std::vector<std::string> followed = streams;
      followed.back() += trailing;
      const InCleanMemory<HttpConnectClient> memory([&] { return StartedHttp(auth); });
      HttpConnectClient& client = *memory;
      const HttpOutcome outcome = DriveHttp(client, followed, reading);
      EXPECT_EQ(outcome.state, HandshakeState::kDone) << outcome.failure.reason;
      EXPECT_EQ(outcome.sent, sent);
      EXPECT_EQ(outcome.leftover.back(), trailing);
      EXPECT_FALSE(Remembers(client, "sesame"));
    }
  }
}

inline void ExpectHttpRefused(const HttpAuth& auth, const std::vector<std::string>& streams, Fault fault,
                              int error, int reply_code, std::string_view reason) {
  for (const std::string_view trailing : {"", "XXXXXXXXXXXXXXXX"}) {
    for (const HttpReading& reading : kHttpReadings) {
      SCOPED_TRACE(testing::Message() << (reading.peeks ? "peeks, " : "") << "chunk " << reading.chunk
                                      << ", trailing '" << trailing << "'");
      std::vector<std::string> followed = streams;
      followed.back() += trailing;
      const InCleanMemory<HttpConnectClient> memory([&] { return StartedHttp(auth); });
      HttpConnectClient& client = *memory;
      const HttpOutcome outcome = DriveHttp(client, followed, reading);
      EXPECT_EQ(outcome.state, HandshakeState::kFailed);
      EXPECT_TRUE(client.output().empty());
      EXPECT_EQ(outcome.leftover.size(), streams.size());
      ExpectFailure(outcome.failure, fault, error, reply_code, reason);
      EXPECT_FALSE(Remembers(client, "sesame"));
    }
  }
}

inline void ExpectDenied(const HttpAuth& auth, const std::vector<std::string>& streams,
                         std::string_view reason) {
  ExpectHttpRefused(auth, streams, Fault::kServer, EACCES, 407, reason);
}

inline void ExpectViolation(std::string_view stream, std::string_view reason) {
  ExpectHttpRefused(kHttpAnonymous, {std::string(stream)}, Fault::kServer, ECONNABORTED, -1, reason);
}

}  // namespace socksify

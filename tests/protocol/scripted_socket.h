// SPDX-License-Identifier: BSD-2-Clause
// A socket whose peer has said everything in advance: drives a client machine over it and records what the
// machine did. Whatever the machine does not ask for stays in the socket, as an application's bytes must.
#pragma once

#include <gtest/gtest.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include "base/endpoint.h"
#include "base/failure.h"
#include "protocol/handshake_state.h"
#include "protocol/message.h"

namespace socksify {

// How many bytes one send or receive moves at most: everything at once, byte by byte, and in between.
constexpr size_t kWhole = 4096;
constexpr std::array<size_t, 4> kChunkSizes = {kWhole, 1, 2, 3};

inline std::string Bytes(std::initializer_list<int> values) {
  std::string bytes;
  for (const int value : values) bytes += static_cast<char>(value);
  return bytes;
}

struct Outcome {
  HandshakeState state = HandshakeState::kFailed;
  std::string sent;      // all that the machine sent
  size_t consumed = 0;   // how much of the peer's bytes it took
  size_t furthest = 0;   // the last byte of the peer's that it ever asked for
  bool settled = false;  // it came to an end by itself or at the end of the stream
  Failure failure;
  Endpoint bound;
};

// Runs `machine` to its end. The peer's stream is `stream` and then ends.
template <typename Machine>
Outcome Drive(Machine& machine, std::string_view stream, size_t chunk) {
  constexpr int kMaxSteps = 10'000;
  Outcome outcome;
  bool closed = false;
  for (int i = 0; i < kMaxSteps && !outcome.settled; ++i) {
    switch (machine.state()) {
      case HandshakeState::kWrite: {
        const std::span<const uint8_t> output = machine.output();
        EXPECT_FALSE(output.empty());
        EXPECT_EQ(machine.input_needed(), 0U);
        const size_t count = std::min(chunk, output.size());
        outcome.sent.append(reinterpret_cast<const char*>(output.data()), count);
        machine.OutputSent(count);
        break;
      }
      case HandshakeState::kRead: {
        EXPECT_TRUE(machine.output().empty());
        EXPECT_GT(machine.input_needed(), 0U);
        EXPECT_FALSE(closed) << "the machine reads on after the end of the stream";
        outcome.furthest = std::max(outcome.furthest, outcome.consumed + machine.input_needed());
        const size_t count = std::min({chunk, machine.input_needed(), stream.size() - outcome.consumed});
        if (count == 0) {
          closed = true;
          machine.InputClosed();
          break;
        }
        machine.Input(AsBytes(stream.substr(outcome.consumed, count)));
        outcome.consumed += count;
        break;
      }
      case HandshakeState::kReconnect:
      case HandshakeState::kDone:
      case HandshakeState::kFailed: outcome.settled = true; break;
    }
  }
  outcome.state = machine.state();
  if (outcome.state == HandshakeState::kFailed) outcome.failure = machine.failure();
  if (outcome.state == HandshakeState::kDone) outcome.bound = machine.bound();
  return outcome;
}

// `stream` must satisfy the machine that `make` starts, in every chunking, and what follows it must stay.
template <typename MakeMachine>
void ExpectDone(MakeMachine make, std::string_view stream, std::string_view sent, const Endpoint& bound) {
  for (const std::string_view trailing : {"", "S", "SSH-2.0-OpenSSH_9.2\r\n"}) {
    for (const size_t chunk : kChunkSizes) {
      SCOPED_TRACE(testing::Message() << "chunk " << chunk << ", trailing '" << trailing << "'");
      auto machine = make();
      const Outcome outcome = Drive(machine, std::string(stream) + std::string(trailing), chunk);
      EXPECT_EQ(outcome.state, HandshakeState::kDone) << outcome.failure.reason;
      EXPECT_EQ(outcome.sent, sent);
      EXPECT_EQ(outcome.consumed, stream.size());
      EXPECT_LE(outcome.furthest, stream.size());
      EXPECT_EQ(outcome.bound.ToString(), bound.ToString());
    }
  }
}

inline void ExpectFailure(const Failure& failure, Fault fault, int error, int reply_code,
                          std::string_view reason) {
  EXPECT_EQ(failure.fault, fault);
  EXPECT_STREQ(ErrnoName(failure.error), ErrnoName(error));
  EXPECT_EQ(failure.reply_code, reply_code);
  EXPECT_EQ(failure.reason, reason);
}

// The machine that `make` starts must fail on `stream` so, in every chunking, whether the stream ends there
// or goes on.
template <typename MakeMachine>
void ExpectRefused(MakeMachine make, std::string_view stream, Fault fault, int error, int reply_code,
                   std::string_view reason) {
  for (const std::string_view trailing : {"", "XXXXXXXXXXXXXXXX"}) {
    for (const size_t chunk : kChunkSizes) {
      SCOPED_TRACE(testing::Message() << "chunk " << chunk << ", trailing '" << trailing << "'");
      auto machine = make();
      const Outcome outcome = Drive(machine, std::string(stream) + std::string(trailing), chunk);
      EXPECT_EQ(outcome.state, HandshakeState::kFailed);
      EXPECT_TRUE(machine.output().empty());
      ExpectFailure(outcome.failure, fault, error, reply_code, reason);
    }
  }
}

// The stream ends: before the machine has an answer, at `received` bytes of the message it waits for.
template <typename MakeMachine>
void ExpectTruncated(MakeMachine make, std::string_view stream, size_t received) {
  for (const size_t chunk : kChunkSizes) {
    SCOPED_TRACE(testing::Message() << "chunk " << chunk << ", ends after " << stream.size() << " bytes");
    auto machine = make();
    const Outcome outcome = Drive(machine, stream, chunk);
    EXPECT_EQ(outcome.state, HandshakeState::kFailed);
    EXPECT_EQ(outcome.consumed, stream.size());
    ExpectFailure(outcome.failure, Fault::kServer, ECONNABORTED, -1,
                  received == 0 ? "the proxy closed the connection without a reply"
                                : "the proxy closed the connection in the middle of a reply");
  }
}

// Feeds endless noise, rich in bytes that mean something: every negotiation must come to its end. Returns how
// many of them succeeded.
template <typename MakeMachine>
int CountSuccessesOnNoise(MakeMachine make, std::span<const uint8_t> likely, int rounds) {
  int successes = 0;
  std::mt19937 random(20240229);
  for (int round = 0; round < rounds; ++round) {
    std::string noise(1024, '\0');
    for (char& byte : noise) {
      byte = static_cast<char>(random() % 8 != 0 ? likely[random() % likely.size()] : random() % 256);
    }
    auto machine = make();
    const Outcome outcome = Drive(machine, noise, kChunkSizes[random() % kChunkSizes.size()]);
    EXPECT_TRUE(outcome.settled);
    EXPECT_LT(outcome.consumed, noise.size());
    successes += outcome.state == HandshakeState::kDone ? 1 : 0;
  }
  return successes;
}

// A machine in memory that was 0 before: what Remembers() finds in it, the machine has written.
template <typename Machine>
class InCleanMemory {
 public:
  // `make` returns it.
  template <typename Make>
  explicit InCleanMemory(const Make& make) {
    explicit_bzero(memory_.data(), memory_.size());
    machine_ = new (memory_.data()) Machine(make());
  }
  ~InCleanMemory() { std::destroy_at(machine_); }
  InCleanMemory(const InCleanMemory&) = delete;
  InCleanMemory& operator=(const InCleanMemory&) = delete;

  Machine& operator*() const { return *machine_; }

 private:
  alignas(Machine) std::array<std::byte, sizeof(Machine)> memory_;
  Machine* machine_;
};

// True when the object's own bytes hold `text`.
template <typename Machine>
bool Remembers(const Machine& machine, std::string_view text) {
  return std::string_view(reinterpret_cast<const char*>(&machine), sizeof machine).contains(text);
}

}  // namespace socksify

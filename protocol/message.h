// SPDX-License-Identifier: BSD-2-Clause
// The two ends of a negotiation's wire: a message on its way out and one that is being collected. Fixed
// buffers inside plain values: no allocation, no I/O. Not thread-safe. Bytes that no message has are not
// cleared.
#pragma once

#include <string.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace socksify {

inline std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// A message to be sent, of at most kCapacity bytes; whoever builds it has checked the lengths, and what does
// not fit is dropped. It may hold credentials, so its bytes are wiped as soon as they have all been sent, by
// Wipe(), and when the object goes.
template <size_t kCapacity>
class OutgoingMessage {
 public:
  OutgoingMessage();
  OutgoingMessage(const OutgoingMessage& other) noexcept { *this = other; }
  OutgoingMessage& operator=(const OutgoingMessage& other) noexcept {
    if (this == &other) return *this;
    Wipe();
    Append({other.bytes_.data(), other.size_});
    sent_ = other.sent_;
    return *this;
  }
  ~OutgoingMessage() { Wipe(); }

  void Append(std::span<const uint8_t> bytes) {
    const size_t count = std::min(bytes.size(), kCapacity - size_);
    std::copy_n(bytes.begin(), count, bytes_.begin() + size_);
    size_ += count;
  }
  void AppendByte(uint8_t byte) { Append({&byte, 1}); }
  // Network order on the wire.
  void AppendUint16(uint16_t value) {
    AppendByte(static_cast<uint8_t>(value >> 8));
    AppendByte(static_cast<uint8_t>(value));
  }

  // What is still to be sent.
  std::span<const uint8_t> pending() const { return {bytes_.data() + sent_, size_ - sent_}; }
  void Sent(size_t count) {
    sent_ += std::min(count, size_ - sent_);
    if (sent_ == size_) Wipe();
  }
  void Wipe() {
    if (size_ == 0) return;
    explicit_bzero(bytes_.data(), size_);
    size_ = sent_ = 0;
  }

 private:
  std::array<uint8_t, kCapacity> bytes_;
  size_t size_ = 0;
  size_t sent_ = 0;
};

// A message that is read to its exact end. Its length may become known only as it arrives: Expect() gives the
// bytes that it has at the very least, ExpectTotal() raises that once a length field has been seen. Neither
// may exceed kCapacity.
template <size_t kCapacity>
class IncomingMessage {
 public:
  IncomingMessage();

  // Begins a new message.
  void Expect(size_t least_size) {
    filled_ = 0;
    expected_ = std::min(least_size, kCapacity);
  }
  void ExpectTotal(size_t size) { expected_ = std::max(expected_, std::min(size, kCapacity)); }

  // How many bytes certainly belong to this message and have not come yet.
  size_t missing() const { return expected_ - filled_; }
  // What has come.
  std::span<const uint8_t> bytes() const { return {bytes_.data(), filled_}; }
  bool Has(size_t count) const { return filled_ >= count; }

  // Takes at most missing() of `bytes`.
  void Take(std::span<const uint8_t> bytes) {
    const size_t count = std::min(bytes.size(), missing());
    std::copy_n(bytes.begin(), count, bytes_.begin() + filled_);
    filled_ += count;
  }

 private:
  std::array<uint8_t, kCapacity> bytes_;
  size_t filled_ = 0;
  size_t expected_ = 0;
};

// Not at their declarations: T() would clear what a constructor leaves alone that is defaulted there.
template <size_t kCapacity>
OutgoingMessage<kCapacity>::OutgoingMessage() = default;
template <size_t kCapacity>
IncomingMessage<kCapacity>::IncomingMessage() = default;

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/http_body.h"

#include <algorithm>

namespace socksify {
namespace {

// The value of a hexadecimal digit, or -1.
int HexValue(uint8_t byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  const int letter = byte | 0x20;
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

}  // namespace

HttpBodySkipper HttpBodySkipper::OfLength(size_t size) {
  HttpBodySkipper body;
  body.remaining_ = static_cast<uint32_t>(std::min(size, kMaxSize));
  body.state_ = size == 0 ? State::kDone : State::kData;
  return body;
}

HttpBodySkipper HttpBodySkipper::Chunked() {
  HttpBodySkipper body;
  body.is_chunked_ = true;
  body.state_ = State::kSize;
  return body;
}

size_t HttpBodySkipper::least_missing() const {
  if (is_done() || is_broken()) return 0;
  return state_ == State::kData ? remaining_ : 1;
}

size_t HttpBodySkipper::Take(std::span<const uint8_t> bytes) {
  size_t taken = 0;
  while (taken < bytes.size() && !is_done() && !is_broken()) {
    size_t count = 1;
    if (state_ == State::kData) {
      count = std::min<size_t>(remaining_, bytes.size() - taken);
      remaining_ -= static_cast<uint32_t>(count);
      if (remaining_ == 0) state_ = is_chunked_ ? State::kDataEnd : State::kDone;
    } else {
      state_ = NextState(bytes[taken]);
    }
    taken += count;
    taken_ += static_cast<uint32_t>(count);
    if (taken_ >= kMaxSize && !is_done()) state_ = State::kBroken;
  }
  return taken;
}

// chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF; the last one has size 0 and a trailer section in the
// place of data (RFC 9112 section 7.1). LF alone does for CRLF.
HttpBodySkipper::State HttpBodySkipper::NextState(uint8_t byte) {
  switch (state_) {
    case State::kSize: return OnSizeByte(byte);
    case State::kSizeCr: return byte == '\n' ? EndOfSizeLine() : State::kBroken;
    case State::kExtension: return byte == '\n' ? EndOfSizeLine() : State::kExtension;
    case State::kDataEnd:
      if (byte == '\r') return State::kDataEndCr;
      [[fallthrough]];
    case State::kDataEndCr:
      if (byte != '\n') return State::kBroken;
      has_digits_ = false;
      return State::kSize;
    case State::kTrailerStart:
      if (byte == '\r') return State::kTrailerStartCr;
      [[fallthrough]];
    case State::kTrailerStartCr: return byte == '\n' ? State::kDone : State::kTrailer;
    case State::kTrailer: return byte == '\n' ? State::kTrailerStart : State::kTrailer;
    case State::kData:
    case State::kDone:
    case State::kBroken: break;
  }
  return state_;
}

HttpBodySkipper::State HttpBodySkipper::OnSizeByte(uint8_t byte) {
  const int digit = HexValue(byte);
  if (digit >= 0) {
    has_digits_ = true;
    remaining_ = remaining_ * 16 + static_cast<uint32_t>(digit);
    return remaining_ <= kMaxSize ? State::kSize : State::kBroken;
  }
  if (!has_digits_) return State::kBroken;
  switch (byte) {
    case '\n': return EndOfSizeLine();
    case '\r': return State::kSizeCr;
    case ';':
    case ' ':
    case '\t': return State::kExtension;
    default: return State::kBroken;
  }
}

HttpBodySkipper::State HttpBodySkipper::EndOfSizeLine() const {
  return remaining_ == 0 ? State::kTrailerStart : State::kData;
}

}  // namespace socksify

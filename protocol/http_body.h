// SPDX-License-Identifier: BSD-2-Clause
// HttpBodySkipper: reads a response's body away to its exact end, of a known length or chunked (RFC 9112
// sections 6.2 and 7.1). A plain value; no I/O, no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace socksify {

class HttpBodySkipper {
 public:
  // More than that is not read, chunks with all that frames them included.
  static constexpr size_t kMaxSize = size_t{64} * 1024;

  // Nothing to skip.
  HttpBodySkipper() = default;
  // `size` is at most kMaxSize.
  static HttpBodySkipper OfLength(size_t size);
  static HttpBodySkipper Chunked();

  bool is_done() const { return state_ == State::kDone; }
  bool is_broken() const { return state_ == State::kBroken; }
  // True where the end is not known in advance: peeking saves calls.
  bool is_chunked() const { return is_chunked_; }
  // How many bytes certainly belong to the body and have not come yet; not 0 unless done or broken.
  size_t least_missing() const;
  // Takes what belongs to the body, and says how much that was. Takes nothing once done or broken.
  size_t Take(std::span<const uint8_t> bytes);

 private:
  enum class State : uint8_t {
    kSize,       // in the digits of a chunk's size
    kSizeCr,     // behind them, before the LF
    kExtension,  // in a chunk extension
    kData,
    kDataEnd,    // behind a chunk, before CR or LF
    kDataEndCr,  // before LF
    kTrailerStart,
    kTrailerStartCr,
    kTrailer,
    kDone,
    kBroken,
  };

  State NextState(uint8_t byte);
  State OnSizeByte(uint8_t byte);
  State EndOfSizeLine() const;

  State state_ = State::kDone;
  bool is_chunked_ = false;
  bool has_digits_ = false;
  uint32_t remaining_ = 0;  // of the body or of the present chunk
  uint32_t taken_ = 0;      // of a chunked body, all of it
};

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// HttpResponseReader: reads a response's header to the blank line and not a byte further (RFC 9112 sections
// 2 to 5), and of a 407 what has to be known to answer it. Interim responses (1xx) are skipped.
//
// Lines end with CRLF or with LF alone; a line that begins with a blank continues the one before (obsolete
// line folding). A plain value; no I/O, no allocation. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/http_body.h"
#include "protocol/http_challenge.h"

namespace socksify {

class HttpResponseReader {
 public:
  static constexpr size_t kMaxHeadSize = size_t{16} * 1024;
  static constexpr size_t kMaxLineSize = size_t{2} * 1024;

  enum class Progress : uint8_t {
    kReading,
    kComplete,   // the final response, 2xx or 407, to its blank line
    kRefused,    // any other status; what follows it has not been looked at
    kViolation,  // see violation()
  };

  Progress progress() const { return progress_; }
  int status() const { return status_; }                // 100 to 999; unless reading or in violation
  const char* violation() const { return violation_; }  // static text
  // How many bytes have been taken.
  size_t size() const { return size_; }

  // How many bytes certainly belong to the header and have not come yet; not 0 while reading.
  size_t least_missing() const;
  // How many of the bytes that come next stand before the end of this header; at least one.
  size_t OwnBytes(std::span<const uint8_t> bytes) const;
  // Takes what belongs to the header, and says how much that was. The challenges of a 407 are added to
  // `challenges`.
  size_t Take(std::span<const uint8_t> bytes, HttpChallenges* challenges);

  // Only of a complete 407: what follows, or nothing where the connection cannot be used again.
  std::optional<HttpBodySkipper> ReusableBody() const;

 private:
  // Where in a line the next byte stands. kEnd is behind the blank line.
  enum class Place : uint8_t { kStart, kStartCr, kInside, kEnd };

  static Place NextPlace(Place place, uint8_t byte);
  void TakeByte(uint8_t byte, HttpChallenges* challenges);
  void TakeStatusByte(uint8_t byte);
  void CollectByte(uint8_t byte, HttpChallenges* challenges);
  void EndField(HttpChallenges* challenges);
  void OnField(std::string_view name, std::string_view value, HttpChallenges* challenges);
  void OnContentLength(std::string_view value);
  void OnConnection(std::string_view value);
  void EndHead();
  void Violate(const char* reason);

  Progress progress_ = Progress::kReading;
  Place place_ = Place::kStart;
  uint8_t status_matched_ = 0;  // how much of "HTTP/1.1 200" and the byte behind it has come
  uint16_t status_ = 0;
  uint16_t size_ = 0;
  const char* violation_ = "";

  bool is_persistent_ = false;
  bool is_chunked_ = false;
  bool has_length_ = false;
  bool is_unusable_ = false;  // the framing is broken, or not known
  uint32_t length_ = 0;

  bool is_cut_ = false;  // the field is longer than `line_`
  uint16_t line_size_ = 0;
  std::array<char, kMaxLineSize> line_{};
};

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/http_response.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace socksify {
namespace {

// In a status line '1' stands for any digit.
constexpr std::string_view kStatusPattern = "HTTP/1.1 111";
constexpr size_t kStatusOffset = 9;
constexpr size_t kMinorVersionOffset = 7;
constexpr int kAuthenticationRequired = 407;
constexpr int kSwitchingProtocols = 101;

bool IsDigit(uint8_t byte) {
  return byte >= '0' && byte <= '9';
}

// Whether the comma-separated `list` has `token`.
bool HasToken(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::string_view element = list.substr(0, list.find(','));
    if (EqualsIgnoreCase(Trim(element), token)) return true;
    list.remove_prefix(std::min(element.size() + 1, list.size()));
  }
  return false;
}

}  // namespace

// A blank line is an LF, or a CR and an LF, right behind another LF.
HttpResponseReader::Place HttpResponseReader::NextPlace(Place place, uint8_t byte) {
  if (byte == '\n') return place == Place::kInside ? Place::kStart : Place::kEnd;
  return byte == '\r' && place == Place::kStart ? Place::kStartCr : Place::kInside;
}

// In the middle of a line there are two LF to come at the least, in an empty one its own.
size_t HttpResponseReader::least_missing() const {
  if (progress_ != Progress::kReading) return 0;
  if (status_matched_ < kStatusPattern.size()) return kStatusPattern.size() - status_matched_ + 2;
  return place_ == Place::kInside ? 2 : 1;
}

size_t HttpResponseReader::OwnBytes(std::span<const uint8_t> bytes) const {
  Place place = place_;
  for (size_t i = 0; i < bytes.size(); ++i) {
    place = NextPlace(place, bytes[i]);
    if (place == Place::kEnd) return i + 1;
  }
  return bytes.size();
}

size_t HttpResponseReader::Take(std::span<const uint8_t> bytes, HttpChallenges* challenges) {
  size_t taken = 0;
  while (taken < bytes.size() && progress_ == Progress::kReading) TakeByte(bytes[taken++], challenges);
  return taken;
}

void HttpResponseReader::TakeByte(uint8_t byte, HttpChallenges* challenges) {
  if (++size_ > kMaxHeadSize) return Violate("the header of the proxy's reply is longer than 16 KiB");
  if (status_matched_ <= kStatusPattern.size()) {
    TakeStatusByte(byte);
    if (progress_ != Progress::kReading) return;
  } else if (status_ == kAuthenticationRequired) {
    CollectByte(byte, challenges);
  }
  place_ = NextPlace(place_, byte);
  if (place_ == Place::kEnd) EndHead();
}

// The status line (RFC 9112 section 4). Old proxies leave out the reason phrase, and the blank before it.
//
//   HTTP/1.1 SP 3DIGIT SP [ reason-phrase ] CRLF
void HttpResponseReader::TakeStatusByte(uint8_t byte) {
  if (status_matched_ == kStatusPattern.size()) {
    ++status_matched_;
    if (byte != ' ' && byte != '\r' && byte != '\n') return Violate("the proxy does not speak HTTP");
    if (status_ == kSwitchingProtocols) return Violate("the proxy changes the protocol without being asked");
    if (status_ >= 300 && status_ != kAuthenticationRequired) progress_ = Progress::kRefused;
    // The reason phrase goes where fields go; behind a blank it has no field's name.
    line_[0] = ' ';
    line_size_ = 1;
    return;
  }
  const auto expected = static_cast<uint8_t>(kStatusPattern[status_matched_]);
  const bool is_version = status_matched_ < kMinorVersionOffset;
  if (expected == '1' && !is_version ? !IsDigit(byte) : byte != expected) {
    return Violate("the proxy does not speak HTTP");
  }
  if (status_matched_ == kMinorVersionOffset) is_persistent_ = byte != '0';
  if (status_matched_ >= kStatusOffset) status_ = static_cast<uint16_t>(status_ * 10 + byte - '0');
  ++status_matched_;
  if (status_matched_ == kStatusPattern.size() && status_ < 100) {
    Violate("the proxy does not speak HTTP");
  }
}

// Fields end where the next line turns out not to continue them.
void HttpResponseReader::CollectByte(uint8_t byte, HttpChallenges* challenges) {
  if (place_ == Place::kStart && byte != ' ' && byte != '\t') EndField(challenges);
  if (byte == '\n') {
    if (line_size_ != 0 && line_[line_size_ - 1] == '\r') --line_size_;
    return;
  }
  if (line_size_ == line_.size()) {
    is_cut_ = true;
  } else {
    line_[line_size_++] = static_cast<char>(byte);
  }
}

// field-line = field-name ":" OWS field-value OWS (RFC 9112 section 5).
void HttpResponseReader::EndField(HttpChallenges* challenges) {
  const std::string_view line(line_.data(), line_size_);
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    OnField(line.substr(0, colon), Trim(line.substr(colon + 1)), challenges);
  }
  line_size_ = 0;
  is_cut_ = false;
}

void HttpResponseReader::OnField(std::string_view name, std::string_view value, HttpChallenges* challenges) {
  if (EqualsIgnoreCase(name, "Proxy-Authenticate")) {
    if (is_cut_) {
      challenges->is_too_long = true;
    } else {
      challenges->Add(value);
    }
  } else if (EqualsIgnoreCase(name, "Content-Length")) {
    OnContentLength(value);
  } else if (EqualsIgnoreCase(name, "Transfer-Encoding")) {
    if (is_cut_ || is_chunked_ || !EqualsIgnoreCase(value, "chunked")) is_unusable_ = true;
    is_chunked_ = true;
  } else if (EqualsIgnoreCase(name, "Connection") || EqualsIgnoreCase(name, "Proxy-Connection")) {
    if (is_cut_ || HasToken(value, "close")) is_persistent_ = false;
  }
}

void HttpResponseReader::OnContentLength(std::string_view value) {
  uint32_t length = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  if (is_cut_ || error != std::errc() || end != value.data() + value.size()) is_unusable_ = true;
  if (has_length_ && length != length_) is_unusable_ = true;
  has_length_ = true;
  length_ = length;
}

void HttpResponseReader::EndHead() {
  if (status_ >= 200) {
    progress_ = Progress::kComplete;
    return;
  }
  // Interim: the next response follows. All of them share the bound.
  status_ = 0;
  status_matched_ = 0;
  place_ = Place::kStart;
}

// RFC 9112 section 6.3. Where length and chunks are both given, somebody may be smuggling.
std::optional<HttpBodySkipper> HttpResponseReader::ReusableBody() const {
  if (!is_persistent_ || is_unusable_ || is_chunked_ == has_length_) return std::nullopt;
  if (is_chunked_) return HttpBodySkipper::Chunked();
  if (length_ > HttpBodySkipper::kMaxSize) return std::nullopt;
  return HttpBodySkipper::OfLength(length_);
}

void HttpResponseReader::Violate(const char* reason) {
  progress_ = Progress::kViolation;
  violation_ = reason;
}

}  // namespace socksify

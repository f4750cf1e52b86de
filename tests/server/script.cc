// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/script.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace socksify::testserver {
namespace {

constexpr uint64_t kMaxDelayMs = 600'000;
constexpr uint64_t kMaxDatagram = 65507;  // the most that UDP over IPv4 carries
constexpr uint64_t kMaxSize = 16 << 20;

std::optional<std::string> Unescape(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    if (text[0] != '%') {
      bytes += text[0];
      text.remove_prefix(1);
      continue;
    }
    unsigned value = 0;
    if (text.size() < 3) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + 3, value, 16);
    if (error != std::errc() || end != text.data() + 3) return std::nullopt;
    bytes += static_cast<char>(value);
    text.remove_prefix(3);
  }
  return bytes;
}

// Each Set* stores `text` and says whether it could be read.
template <typename T>
bool SetNumber(std::string_view text, uint64_t max, T* out) {
  const std::optional<uint64_t> number = ParseNumber(text, max);
  if (number) *out = static_cast<T>(*number);
  return number.has_value();
}

template <typename T>
bool SetNumber(std::string_view text, uint64_t max, std::optional<T>* out) {
  T number{};
  const bool good = SetNumber(text, max, &number);
  if (good) *out = number;
  return good;
}

bool SetText(std::string_view text, std::string* out) {
  std::optional<std::string> bytes = Unescape(text);
  if (!bytes) return false;
  *out = *std::move(bytes);
  return true;
}

enum class Outcome : uint8_t { kGood, kUnknownStep, kBadValue };

Outcome Check(bool good) {
  return good ? Outcome::kGood : Outcome::kBadValue;
}

Outcome ApplyToStage(std::string_view key, std::string_view value, StageScript* stage) {
  if (key == "version") return Check(SetNumber(value, 255, &stage->version));
  if (key == "code") return Check(SetNumber(value, 255, &stage->code));
  if (key == "delay") return Check(SetNumber(value, kMaxDelayMs, &stage->delay_ms));
  if (key == "split") return Check(SetNumber(value, kMaxSize, &stage->split));
  if (key == "gap") return Check(SetNumber(value, kMaxDelayMs, &stage->gap_ms));
  if (key == "truncate") return Check(SetNumber(value, kMaxSize, &stage->truncate));
  if (key == "junk") return Check(SetNumber(value, kMaxSize, &stage->junk));
  if (key == "silent") return Check(SetNumber(value, 1, &stage->silent));
  if (key == "trailing") return Check(SetText(value, &stage->trailing));
  return Outcome::kUnknownStep;
}

Outcome ApplyToUdp(std::string_view key, std::string_view value, UdpScript* udp) {
  if (key == "frag") return Check(SetNumber(value, 255, &udp->fragment));
  if (key == "atyp") return Check(SetNumber(value, 255, &udp->address_type));
  if (key == "junk") return Check(SetNumber(value, kMaxDatagram, &udp->junk));
  if (key == "truncate") return Check(SetNumber(value, kMaxDatagram, &udp->truncate));
  if (key == "foreign") return Check(SetNumber(value, 1, &udp->foreign));
  if (key == "drop") return Check(SetNumber(value, kMaxSize, &udp->drop));
  if (key == "restart") return Check(SetNumber(value, kMaxSize, &udp->restart));
  if (key == "delay") return Check(SetNumber(value, kMaxDelayMs, &udp->delay_ms));
  if (key == "source") {
    udp->source_is_name = value == "name";
    udp->source = ParseHostPort(value);
    return Check(udp->source_is_name || (udp->source && udp->source->host.size() <= 255));
  }
  return Outcome::kUnknownStep;
}

Outcome ApplyToBind(std::string_view key, std::string_view value, BindScript* bind) {
  if (key == "port") {
    bind->wanted_port = value == "wanted";
    bind->port.reset();
    return Check(bind->wanted_port || (SetNumber(value, 65535, &bind->port) && bind->port != 0));
  }
  if (key == "same-port") return Check(SetNumber(value, 1, &bind->same_port));
  if (key == "refuse-after") return Check(SetNumber(value, kMaxSize, &bind->refuse_after));
  if (key == "timeout") return Check(SetNumber(value, kMaxDelayMs, &bind->timeout_ms));
  if (key == "check") return Check(SetNumber(value, 1, &bind->check));
  if (key == "drop") return Check(SetNumber(value, 1, &bind->drop));
  if (key == "forward") {
    bind->forward_to_wanted = value == "wanted";
    return Check(bind->forward_to_wanted || value == "source");
  }
  if (key == "query") return Check(SetNumber(value, 1, &bind->query));
  if (key == "extension") return Check(SetNumber(value, 1, &bind->extension));
  return Outcome::kUnknownStep;
}

// A token (RFC 9110 section 5.6.2), or rather what is one in practice.
bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
  });
}

// Tokens with commas between them.
std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

Outcome ApplyToHttp(std::string_view key, std::string_view value, HttpScript* http) {
  if (key == "auth") {
    http->basic = value == "basic" || value == "both";
    http->digest = value == "digest" || value == "both";
    return Check(http->basic || http->digest || value == "none");
  }
  if (key == "algorithm") {
    http->algorithms = SplitList(value);
    return Check(std::ranges::all_of(http->algorithms, IsToken));
  }
  if (key == "qop") {
    http->qop = value == "none" ? "" : value;
    return Check(value == "none" || std::ranges::all_of(SplitList(value), [](const std::string& qop) {
                   return qop == "auth" || qop == "auth-int";
                 }));
  }
  if (key == "stale") return Check(SetNumber(value, kMaxSize, &http->stale));
  if (key == "joined") return Check(SetNumber(value, 1, &http->joined));
  if (key == "keep") return Check(SetNumber(value, 1, &http->keep));
  if (key == "chunked") return Check(SetNumber(value, 1, &http->chunked));
  if (key == "length") return Check(SetNumber(value, 1, &http->length));
  if (key == "body") return Check(SetNumber(value, kMaxSize, &http->body));
  if (key == "version") return Check(SetText(value, &http->version));
  if (key == "status") return Check(SetNumber(value, 999, &http->status));
  if (key == "headers") return Check(SetText(value, &http->headers));
  if (key == "continue") return Check(SetNumber(value, 1000, &http->interim));
  if (key == "lf") return Check(SetNumber(value, 1, &http->bare_lf));
  return Outcome::kUnknownStep;
}

Outcome SetBound(std::string_view value, std::optional<BoundAddress>* bound) {
  *bound = ParseHostPort(value);
  return Check(bound->has_value() && (*bound)->host.size() <= 255);
}

Outcome Apply(std::string_view key, std::string_view value, Script* script) {
  if (key == "close.at") return Check(SetNumber(value, kMaxSize, &script->close_at));
  if (key == "close.with") {
    script->close_with = value == "rst" ? CloseHow::kRst : CloseHow::kFin;
    return Check(value == "rst" || value == "fin");
  }
  if (key == "reply.bound") return SetBound(value, &script->bound);
  if (key == "second.bound") return SetBound(value, &script->second_bound);
  if (key == "method.code" && value == "none") value = "255";
  if (key.starts_with("method.")) return ApplyToStage(key.substr(7), value, &script->method);
  if (key.starts_with("auth.")) return ApplyToStage(key.substr(5), value, &script->auth);
  if (key.starts_with("reply.")) return ApplyToStage(key.substr(6), value, &script->reply);
  if (key.starts_with("second.")) return ApplyToStage(key.substr(7), value, &script->second);
  if (key.starts_with("bind.")) return ApplyToBind(key.substr(5), value, &script->bind);
  if (key.starts_with("http.")) return ApplyToHttp(key.substr(5), value, &script->http);
  if (key.starts_with("udp.")) return ApplyToUdp(key.substr(4), value, &script->udp);
  return Outcome::kUnknownStep;
}

}  // namespace

std::optional<uint64_t> ParseNumber(std::string_view text, uint64_t max) {
  const bool hexadecimal = text.starts_with("0x");
  if (hexadecimal) text.remove_prefix(2);
  uint64_t number = 0;
  const char* const first = text.data();
  const char* const last = first + text.size();
  const auto [end, error] = std::from_chars(first, last, number, hexadecimal ? 16 : 10);
  if (error != std::errc() || end != last || number > max) return std::nullopt;
  return number;
}

std::optional<BoundAddress> ParseHostPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::optional<uint64_t> port = ParseNumber(text.substr(colon + 1), 65535);
  if (!port) return std::nullopt;
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;  // An IPv6 address without brackets: which colon begins the port?
  }
  return BoundAddress{std::string(host), static_cast<uint16_t>(*port)};
}

std::expected<Script, std::string> ParseScript(std::string_view text) {
  Script script;
  while (true) {
    const size_t begin = text.find_first_not_of(" \t\n");
    if (begin == std::string_view::npos) return script;
    text.remove_prefix(begin);
    const std::string_view step = text.substr(0, text.find_first_of(" \t\n"));
    text.remove_prefix(step.size());
    const auto fail = [&](const char* why) {
      return std::unexpected("script: " + std::string(step) + ": " + why);
    };
    const size_t equals = step.find('=');
    if (equals == std::string_view::npos) return fail("expected STAGE.KEY=VALUE");
    switch (Apply(step.substr(0, equals), step.substr(equals + 1), &script)) {
      case Outcome::kGood: break;
      case Outcome::kUnknownStep: return fail("unknown step");
      case Outcome::kBadValue: return fail("the value cannot be read or is out of range");
    }
  }
}

}  // namespace socksify::testserver

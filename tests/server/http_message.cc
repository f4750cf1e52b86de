// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/http_message.h"

#include <algorithm>
#include <charconv>

#include "base/ip_address.h"
#include "base/text.h"

namespace socksify::testserver {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

// RFC 9110 section 5.6.2.
bool IsToken(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || kOthers.contains(c);
  });
}

bool HasControlByte(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f'; });
}

// Takes a line off the front of `head`; one that does not end as it should is all the rest.
std::string_view TakeLine(std::string_view* head) {
  const size_t size = head->find(kLineEnd);
  const std::string_view line = head->substr(0, size);
  head->remove_prefix(size == std::string_view::npos ? head->size() : size + kLineEnd.size());
  return line;
}

// METHOD TARGET HTTP/VERSION, with one blank in between.
std::expected<HttpRequest, HttpError> ParseRequestLine(std::string_view line) {
  if (HasControlByte(line)) return std::unexpected(HttpError{400, "a control character"});
  const size_t first = line.find(' ');
  const size_t second = line.find(' ', std::min(line.size(), first + 1));
  if (first == std::string_view::npos || second == std::string_view::npos) {
    return std::unexpected(HttpError{400, "a request line of less than three words"});
  }
  HttpRequest request;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, second - first - 1);
  const std::string_view protocol = line.substr(second + 1);
  if (!IsToken(request.method)) return std::unexpected(HttpError{400, "a method that is no token"});
  if (request.target.empty()) return std::unexpected(HttpError{400, "an empty target"});
  if (!protocol.starts_with("HTTP/")) return std::unexpected(HttpError{400, "another protocol than HTTP"});
  request.version = protocol.substr(5);
  if (request.version != "1.0" && request.version != "1.1") {
    return std::unexpected(HttpError{505, "another version than 1.0 and 1.1"});
  }
  return request;
}

const char* ReasonOf(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "Connection established";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 405: return "Method Not Allowed";
    case 407: return "Proxy Authentication Required";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Scripted";
  }
}

}  // namespace

const std::string* HttpRequest::Find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(headers, [&](const auto& header) { return EqualsIgnoreCase(header.first, name); });
  return found != headers.end() ? &found->second : nullptr;
}

bool HttpRequest::WantsToKeep() const {
  for (const char* name : {"Connection", "Proxy-Connection"}) {
    const std::string* value = Find(name);
    if (value != nullptr && EqualsIgnoreCase(*value, "close")) return false;
    if (value != nullptr && EqualsIgnoreCase(*value, "keep-alive")) return true;
  }
  return version == "1.1";
}

size_t HttpHeadSize(std::string_view bytes) {
  // A client that ends its lines in LF alone is to hear of it, not to wait for ever.
  for (size_t at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    const std::string_view rest = bytes.substr(at + 1);
    if (rest.starts_with('\n')) return at + 2;
    if (rest.starts_with(kLineEnd)) return at + 1 + kLineEnd.size();
  }
  return 0;
}

std::optional<HttpError> FindRequestLineFault(std::string_view bytes) {
  const size_t size = bytes.find(kLineEnd);
  if (size == std::string_view::npos) return std::nullopt;
  const std::expected<HttpRequest, HttpError> request = ParseRequestLine(bytes.substr(0, size));
  if (request) return std::nullopt;
  return request.error();
}

std::expected<HttpRequest, HttpError> ParseHttpHead(std::string_view head) {
  const auto bad = [](const char* why) { return std::unexpected(HttpError{400, why}); };
  std::expected<HttpRequest, HttpError> request = ParseRequestLine(TakeLine(&head));
  if (!request) return request;
  for (std::string_view line = TakeLine(&head); !line.empty(); line = TakeLine(&head)) {
    const size_t colon = line.find(':');
    if (HasControlByte(line)) return bad("a control character");
    if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) return bad("a bad header name");
    const std::string_view name = line.substr(0, colon);
    if (request->Find(name) != nullptr) return bad("a header twice");
    request->headers.emplace_back(name, Trim(line.substr(colon + 1)));
  }
  // RFC 9112 section 3.2.
  if (request->version == "1.1" && request->Find("Host") == nullptr) return bad("no Host");
  // A request body would make data of the tunnel doubtful (RFC 9110 section 9.3.6).
  if (request->Find("Content-Length") != nullptr || request->Find("Transfer-Encoding") != nullptr) {
    return bad("a body");
  }
  return request;
}

std::optional<BoundAddress> ParseHttpTarget(std::string_view target) {
  const size_t colon = target.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = target.substr(0, colon);
  const std::string_view digits = target.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    const std::optional<IpAddress> ip = IpAddress::Parse(host);
    if (!ip || !ip->is_v6()) return std::nullopt;
    return BoundAddress{ip->ToString(), port};
  }
  if (host.empty() || host.size() > 255 || host.find_first_of("/:@?#[]") != std::string_view::npos) {
    return std::nullopt;
  }
  return BoundAddress{std::string(host), port};
}

std::string MakeHttpAnswer(const HttpAnswer& answer, const HttpScript& script) {
  const std::string line_end = script.bare_lf ? "\n" : std::string(kLineEnd);
  const auto status_line = [&](int status) {
    return "HTTP/" + script.version + " " + std::to_string(status) + " " + ReasonOf(status) + line_end;
  };
  std::string bytes;
  for (uint32_t i = 0; i < script.interim; ++i) bytes += status_line(100) + line_end;
  bytes += status_line(answer.status);
  for (const std::string& header : answer.headers) bytes += header + line_end;
  if (!script.headers.empty()) bytes += script.headers + line_end;
  if (!answer.body) return bytes + line_end;
  const std::string body = script.body ? std::string(*script.body, 'x') : *answer.body;
  if (script.chunked) {
    bytes += "Transfer-Encoding: chunked" + line_end + line_end;
    // Two chunks, the first with an extension, so that there is something to get wrong.
    const size_t half = body.size() / 2;
    for (const std::string& chunk : {body.substr(0, half), body.substr(half)}) {
      if (chunk.empty()) continue;
      char size[16];
      char* const size_end = std::to_chars(size, size + sizeof size, chunk.size(), 16).ptr;
      bytes.append(size, size_end).append(";half").append(line_end).append(chunk).append(line_end);
    }
    return bytes + "0" + line_end + line_end;
  }
  if (script.length) bytes += "Content-Length: " + std::to_string(body.size()) + line_end;
  return bytes + line_end + body;
}

}  // namespace socksify::testserver

// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/origin.h"

#include "base/text.h"

namespace socksify::testserver {
namespace {

constexpr size_t kMaxHead = 64 << 10;
constexpr std::string_view kHeadEnd = "\r\n\r\n";

std::string MakeResponse(std::string_view status, std::string_view body, bool with_body, bool close) {
  std::string response = "HTTP/1.1 ";
  response.append(status);
  response += "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " + std::to_string(body.size());
  response += close ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n";
  if (with_body) response.append(body);
  return response;
}

}  // namespace

std::string BuiltInOrigin::Receive(std::string_view data) {
  switch (origin_.kind) {
    case OriginKind::kEcho: return std::string(data);
    case OriginKind::kPage: return ReceiveHttp(data);
    default: return {};
  }
}

// Answers every request head with the page, whatever its path; a request's body is not understood.
std::string BuiltInOrigin::ReceiveHttp(std::string_view data) {
  std::string answer;
  if (wants_close_) return answer;
  request_.append(data);
  for (size_t end = request_.find(kHeadEnd); end != std::string::npos; end = request_.find(kHeadEnd)) {
    const std::string head = ToLowerAscii(std::string_view(request_).substr(0, end));
    request_.erase(0, end + kHeadEnd.size());
    const std::string_view line = std::string_view(head).substr(0, head.find("\r\n"));
    const bool is_get = line.starts_with("get ");
    const bool is_head = line.starts_with("head ");
    wants_close_ = head.find("\r\nconnection: close") != std::string::npos || line.ends_with("http/1.0") ||
                   (!is_get && !is_head);
    answer += is_get || is_head ? MakeResponse("200 OK", origin_.text, is_get, wants_close_)
                                : MakeResponse("405 Method Not Allowed", "", true, true);
    if (wants_close_) return answer;
  }
  if (request_.size() > kMaxHead) {
    wants_close_ = true;
    answer += MakeResponse("431 Request Header Fields Too Large", "", true, true);
  }
  return answer;
}

}  // namespace socksify::testserver

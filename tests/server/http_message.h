// SPDX-License-Identifier: BSD-2-Clause
// HTTP/1 messages of a proxy (RFC 9112), without I/O: a client's head into an HttpRequest, answers into
// bytes. Strict where other servers put up with much, so that it shows what a client gets wrong.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/server/script.h"

namespace socksify::testserver {

struct HttpRequest {
  std::string method;
  std::string target;
  std::string version;                                       // "1.0" or "1.1"
  std::vector<std::pair<std::string, std::string>> headers;  // in their order, without the blanks around

  // The value of the only header of that name, compared without regard to case; null where there is none.
  const std::string* Find(std::string_view name) const;
  // Whether the client means to go on after this request (RFC 9112 section 9.3); Proxy-Connection counts
  // too.
  bool WantsToKeep() const;
};

// Bytes of the head at the start of `bytes`, its empty line included; 0 while it is incomplete.
size_t HttpHeadSize(std::string_view bytes);

struct HttpError {
  int status;
  const char* why;
};

// What is wrong with a request line that is whole, though the head is not.
std::optional<HttpError> FindRequestLineFault(std::string_view bytes);

// Reads a whole head.
std::expected<HttpRequest, HttpError> ParseHttpHead(std::string_view head);

// The target of a CONNECT (RFC 9110 section 9.3.6), HOST:PORT: the host without brackets.
std::optional<BoundAddress> ParseHttpTarget(std::string_view target);

struct HttpAnswer {
  int status = 0;
  std::vector<std::string> headers{};  // without line ends
  std::optional<std::string> body{};   // none where the status is 2xx
};

// The bytes of `answer`, and of the interim responses before it, as the script has them.
std::string MakeHttpAnswer(const HttpAnswer& answer, const HttpScript& script);

}  // namespace socksify::testserver

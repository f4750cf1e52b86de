// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/raw_http.h"

#include <charconv>

namespace socksify::testserver {
namespace {

// What stands in `text` behind `start`, up to `end`.
std::string Between(std::string_view text, std::string_view start, std::string_view end) {
  const size_t from = text.find(start);
  if (from == std::string_view::npos) return "";
  text.remove_prefix(from + start.size());
  return std::string(text.substr(0, text.find(end)));
}

}  // namespace

std::string ConnectRequest(std::string_view target, std::string_view headers) {
  const std::string text(target);
  return "CONNECT " + text + " HTTP/1.1\r\nHost: " + text + "\r\n" + std::string(headers) + "\r\n";
}

std::string ReadHead(RawClient* client) {
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    const std::string byte = client->Read(1);
    if (byte.empty()) break;
    head += byte;
  }
  return head;
}

std::string ReadAnswer(RawClient* client) {
  const std::string head = ReadHead(client);
  const std::string digits = Between(head, "Content-Length: ", "\r\n");
  size_t size = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), size);
  return head + client->Read(size);
}

std::string NonceOf(std::string_view answer) {
  return Between(answer, "nonce=\"", "\"");
}

DigestInput AnswerOfAlice(const std::string& nonce, const std::string& target) {
  return {.algorithm = "MD5",
          .user = "alice",
          .realm = "test server",
          .password = "secret",
          .nonce = nonce,
          .qop = "auth",
          .count = "00000001",
          .client_nonce = "abc",
          .method = "CONNECT",
          .uri = target};
}

std::string DigestLine(const DigestInput& input) {
  std::string line = "Proxy-Authorization: Digest username=\"" + input.user + "\", realm=\"" + input.realm +
                     "\", nonce=\"" + input.nonce + "\", uri=\"" + input.uri +
                     "\", algorithm=" + input.algorithm;
  if (!input.qop.empty()) line += ", qop=" + input.qop + ", nc=" + input.count;
  if (!input.client_nonce.empty()) line += ", cnonce=\"" + input.client_nonce + "\"";
  return line + ", opaque=\"a, b=c\", response=\"" + DigestResponse(input) + "\"\r\n";
}

}  // namespace socksify::testserver

// SPDX-License-Identifier: BSD-2-Clause
// What an HTTP client sends through a RawClient, and how it reads the answers.
#pragma once

#include <string>
#include <string_view>

#include "tests/server/http_digest.h"
#include "tests/server/raw_client.h"

namespace socksify::testserver {

constexpr std::string_view kEstablished = "HTTP/1.1 200 Connection established\r\n\r\n";
// alice, secret.
constexpr std::string_view kBasicOfAlice = "Proxy-Authorization: Basic YWxpY2U6c2VjcmV0\r\n";

// `headers` are whole lines.
std::string ConnectRequest(std::string_view target, std::string_view headers = "");

// Up to the empty line, or the end of the stream.
std::string ReadHead(RawClient* client);
// With the body that its Content-Length promises.
std::string ReadAnswer(RawClient* client);

// The value of the first nonce in a 407.
std::string NonceOf(std::string_view answer);

// The right answer to the usual challenge with this `nonce`, of alice with her secret; the members may be
// changed before it becomes a line.
DigestInput AnswerOfAlice(const std::string& nonce, const std::string& target);
std::string DigestLine(const DigestInput& input);

}  // namespace socksify::testserver

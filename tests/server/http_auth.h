// SPDX-License-Identifier: BSD-2-Clause
// What an HTTP proxy demands of its clients: challenges of the schemes Basic (RFC 7617) and Digest (RFC 7616,
// RFC 2069 where there is no qop), and whether the answers are right. Without I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/server/http_nonces.h"
#include "tests/server/record.h"
#include "tests/server/script.h"
#include "tests/server/settings.h"

namespace socksify::testserver {

struct HttpVerdict {
  enum class Kind : uint8_t {
    kGood,
    kMissing,  // no credentials came
    kBad,      // wrong ones, or not as the RFC has them
    kStale,    // right, but with a nonce that does not count any more
  };
  Kind kind;
  const char* why;          // for people, and the body of the 407
  uint32_t generation = 0;  // that the next nonce has to have (http_nonces.h)
};

// Judges the value of Proxy-Authorization, null where there is none, of a request with this `method` and
// `target`, and notes scheme, user and what else it says in `record`. Without `wanted` everything is good.
HttpVerdict CheckHttpCredentials(const std::string* value, std::string_view method, std::string_view target,
                                 const std::optional<Credentials>& wanted, const HttpScript& script,
                                 HttpNonces* nonces, RequestRecord* record);

// The header lines of a 407 after `verdict`.
std::vector<std::string> MakeHttpChallenges(const HttpVerdict& verdict, const HttpScript& script,
                                            HttpNonces* nonces);

}  // namespace socksify::testserver

// SPDX-License-Identifier: BSD-2-Clause
// MD5 (RFC 1321) and SHA-256 (FIPS 180-4), for the server's side of HTTP Digest. Slow, whole messages only,
// and on purpose not the clients' code: the two check each other.
#pragma once

#include <string>
#include <string_view>

namespace socksify::testserver {

// In lower-case hexadecimal digits.
std::string Md5Hex(std::string_view message);
std::string Sha256Hex(std::string_view message);

}  // namespace socksify::testserver

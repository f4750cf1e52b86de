// SPDX-License-Identifier: BSD-2-Clause
// The server's side of the SOCKS messages, without I/O: clients' messages into a RequestRecord, replies into
// bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tests/server/record.h"
#include "tests/server/script.h"

namespace socksify::testserver {

constexpr uint8_t kSocks4Version = 4;
constexpr uint8_t kSocks5Version = 5;
constexpr uint8_t kMethodNone = 0;
constexpr uint8_t kMethodUserPassword = 2;
constexpr uint8_t kMethodUnacceptable = 0xff;

// RFC 1928 section 4.
enum class Command : uint8_t { kConnect = 1, kBind = 2, kUdpAssociate = 3 };

// RFC 1928 section 6.
constexpr uint8_t kSucceeded = 0;
constexpr uint8_t kGeneralFailure = 1;
constexpr uint8_t kNotAllowed = 2;
constexpr uint8_t kNetworkUnreachable = 3;
constexpr uint8_t kHostUnreachable = 4;
constexpr uint8_t kConnectionRefused = 5;
constexpr uint8_t kTtlExpired = 6;
constexpr uint8_t kCommandNotSupported = 7;

// The SOCKS4 protocol: granted; rejected or failed; rejected because of the user id.
constexpr uint8_t kSocks4Granted = 90;
constexpr uint8_t kSocks4Rejected = 91;
constexpr uint8_t kSocks4BadUser = 93;

// The DST.ADDR of a BIND that asks for Dante's bind extension.
constexpr const char* kBindExtensionAddress = "255.255.255.255";

struct Parsed {
  size_t size = 0;              // bytes that the message takes; 0 while it is incomplete
  const char* error = nullptr;  // set when the bytes cannot be such a message
};

// Each reads one message from the start of `bytes` and fills its part of `record` only when it is complete.
Parsed ParseSocks4Request(std::string_view bytes, RequestRecord* record);
Parsed ParseSocks5Greeting(std::string_view bytes, RequestRecord* record);
Parsed ParseSocks5Credentials(std::string_view bytes, RequestRecord* record);  // RFC 1929
Parsed ParseSocks5Request(std::string_view bytes, RequestRecord* record);
// The header of a datagram (RFC 1928 section 7): its destination. A fragment is an error; `size` 0 without
// one says that the datagram ends in its header.
Parsed ParseUdpHeader(std::string_view bytes, DatagramRecord* record);

std::string MakeSocks4Reply(uint8_t version, uint8_t code, const BoundAddress& bound);
std::string MakeSocks5Reply(uint8_t version, uint8_t code, const BoundAddress& bound);
// With `address_type`, that ATYP before whatever `source` is.
std::string MakeUdpHeader(uint8_t fragment, std::optional<uint8_t> address_type, const BoundAddress& source);

// The SOCKS5 reply code that says `error`, an errno value of connect(2).
uint8_t ReplyCodeForErrno(int error);

}  // namespace socksify::testserver

// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/wire.h"

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>

#include "base/ip_address.h"

namespace socksify::testserver {
namespace {

// Neither a user id nor a name may be longer, so that a client cannot make the server buffer without end.
constexpr size_t kMaxSocks4Field = 512;

uint8_t ByteAt(std::string_view bytes, size_t offset) {
  return static_cast<uint8_t>(bytes[offset]);
}

uint16_t PortAt(std::string_view bytes, size_t offset) {
  return static_cast<uint16_t>(ByteAt(bytes, offset) << 8 | ByteAt(bytes, offset + 1));
}

uint32_t V4At(std::string_view bytes, size_t offset) {
  return uint32_t{PortAt(bytes, offset)} << 16 | PortAt(bytes, offset + 2);
}

void AppendPort(std::string* out, uint16_t port) {
  *out += static_cast<char>(port >> 8);
  *out += static_cast<char>(port & 0xff);
}

void AppendIp(std::string* out, const IpAddress& ip) {
  for (const uint8_t byte : ip.bytes()) *out += static_cast<char>(byte);
}

void AppendAddress(std::string* out, const BoundAddress& address) {
  if (const std::optional<IpAddress> ip = IpAddress::Parse(address.host)) {
    *out += ip->is_v4() ? '\x01' : '\x04';
    AppendIp(out, *ip);
  } else {
    *out += '\x03';
    *out += static_cast<char>(address.host.size());
    *out += address.host;
  }
  AppendPort(out, address.port);
}

struct Destination {
  AddressType type = AddressType::kNone;
  std::string host;
  uint16_t port = 0;
};

// ATYP DST.ADDR DST.PORT behind three other bytes, as in a request and before a datagram.
Parsed ParseDestination(std::string_view bytes, Destination* out) {
  if (bytes.size() < 5) return {};
  size_t begin = 4;
  size_t address_size = 0;
  switch (ByteAt(bytes, 3)) {
    case 1:
      out->type = AddressType::kV4;
      address_size = 4;
      break;
    case 3:
      out->type = AddressType::kName;
      address_size = ByteAt(bytes, 4);
      begin = 5;
      break;
    case 4:
      out->type = AddressType::kV6;
      address_size = 16;
      break;
    default: return {0, "unknown address type"};
  }
  const size_t size = begin + address_size + 2;
  if (bytes.size() < size) return {};
  if (out->type == AddressType::kName) {
    out->host = bytes.substr(begin, address_size);
  } else if (out->type == AddressType::kV4) {
    out->host = IpAddress::V4(V4At(bytes, begin)).ToString();
  } else {
    uint8_t v6[16];
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(begin), sizeof v6, v6);
    out->host = IpAddress::V6(v6).ToString();
  }
  out->port = PortAt(bytes, begin + address_size);
  return {size};
}

}  // namespace

//  +----+----+---------+-------+--------+------+
//  | VN | CD | DSTPORT | DSTIP | USERID | NULL |      and with DSTIP 0.0.0.x, x not 0 (4A): | NAME | NULL |
//  +----+----+---------+-------+--------+------+
//    1    1       2        4    variable    1
Parsed ParseSocks4Request(std::string_view bytes, RequestRecord* record) {
  constexpr size_t kFixed = 8;
  if (bytes.size() < kFixed) return {};
  const size_t user_end = bytes.find('\0', kFixed);
  if (user_end == std::string_view::npos) {
    return bytes.size() > kFixed + kMaxSocks4Field ? Parsed{0, "endless user id"} : Parsed{};
  }
  const uint32_t ip = V4At(bytes, 4);
  const bool has_name = ip != 0 && ip <= 0xff;
  size_t name_end = user_end;
  if (has_name) {
    name_end = bytes.find('\0', user_end + 1);
    if (name_end == std::string_view::npos) {
      return bytes.size() > user_end + kMaxSocks4Field ? Parsed{0, "endless host name"} : Parsed{};
    }
  }
  record->protocol = has_name ? "socks4a" : "socks4";
  record->command = ByteAt(bytes, 1);
  record->user = bytes.substr(kFixed, user_end - kFixed);
  record->address_type = has_name ? AddressType::kName : AddressType::kV4;
  record->host = has_name ? std::string(bytes.substr(user_end + 1, name_end - user_end - 1))
                          : IpAddress::V4(ip).ToString();
  record->port = PortAt(bytes, 2);
  return {name_end + 1};
}

// VER NMETHODS METHODS (RFC 1928 section 3).
Parsed ParseSocks5Greeting(std::string_view bytes, RequestRecord* record) {
  if (bytes.size() < 2) return {};
  const size_t size = size_t{2} + ByteAt(bytes, 1);
  if (bytes.size() < size) return {};
  record->protocol = "socks5";
  record->methods.clear();
  for (size_t i = 2; i < size; ++i) record->methods.push_back(ByteAt(bytes, i));
  return {size};
}

// VER ULEN UNAME PLEN PASSWD (RFC 1929 section 2); VER is 1.
Parsed ParseSocks5Credentials(std::string_view bytes, RequestRecord* record) {
  if (bytes.empty()) return {};
  if (ByteAt(bytes, 0) != 1) return {0, "credentials of another version than 1"};
  if (bytes.size() < 2) return {};
  const size_t user_size = ByteAt(bytes, 1);
  if (bytes.size() < 3 + user_size) return {};
  const size_t password_size = ByteAt(bytes, 2 + user_size);
  if (bytes.size() < 3 + user_size + password_size) return {};
  record->user = bytes.substr(2, user_size);
  record->password = bytes.substr(3 + user_size, password_size);
  return {3 + user_size + password_size};
}

// VER CMD RSV ATYP DST.ADDR DST.PORT (RFC 1928 section 4).
Parsed ParseSocks5Request(std::string_view bytes, RequestRecord* record) {
  if (bytes.empty()) return {};
  if (ByteAt(bytes, 0) != kSocks5Version) return {0, "request of another version than 5"};
  Destination destination;
  const Parsed parsed = ParseDestination(bytes, &destination);
  if (parsed.size == 0) return parsed;
  record->command = ByteAt(bytes, 1);
  record->address_type = destination.type;
  record->host = std::move(destination.host);
  record->port = destination.port;
  return parsed;
}

// RSV (2) FRAG ATYP DST.ADDR DST.PORT DATA (RFC 1928 section 7).
Parsed ParseUdpHeader(std::string_view bytes, DatagramRecord* record) {
  if (bytes.size() > 2 && ByteAt(bytes, 2) != 0) return {0, "a fragment"};
  Destination destination;
  const Parsed parsed = ParseDestination(bytes, &destination);
  if (parsed.size == 0) return parsed;
  record->address_type = destination.type;
  record->host = std::move(destination.host);
  record->port = destination.port;
  return parsed;
}

// VN CD DSTPORT DSTIP; VN is 0 in a reply.
std::string MakeSocks4Reply(uint8_t version, uint8_t code, const BoundAddress& bound) {
  const std::optional<IpAddress> ip = IpAddress::Parse(bound.host);
  const bool can_say = ip && ip->is_v4();
  std::string reply{static_cast<char>(version), static_cast<char>(code)};
  AppendPort(&reply, can_say ? bound.port : 0);
  AppendIp(&reply, can_say ? *ip : IpAddress());
  return reply;
}

// VER REP RSV ATYP BND.ADDR BND.PORT (RFC 1928 section 6).
std::string MakeSocks5Reply(uint8_t version, uint8_t code, const BoundAddress& bound) {
  std::string reply{static_cast<char>(version), static_cast<char>(code), 0};
  AppendAddress(&reply, bound);
  return reply;
}

std::string MakeUdpHeader(uint8_t fragment, std::optional<uint8_t> address_type, const BoundAddress& source) {
  std::string header{0, 0, static_cast<char>(fragment)};
  AppendAddress(&header, source);
  if (address_type) header[3] = static_cast<char>(*address_type);
  return header;
}

uint8_t ReplyCodeForErrno(int error) {
  switch (error) {
    case 0: return kSucceeded;
    case ECONNREFUSED: return kConnectionRefused;
    case ENETUNREACH: return kNetworkUnreachable;
    case EHOSTUNREACH: return kHostUnreachable;
    case ETIMEDOUT: return kTtlExpired;
    default: return kGeneralFailure;
  }
}

}  // namespace socksify::testserver

// SPDX-License-Identifier: BSD-2-Clause
// DNS messages (RFC 1035 section 4) as far as a stand-in for a name server needs them: queries are read,
// answers from the fake table are written, and answers of a real server are made to fit. Nothing here keeps
// state or owns a socket, and every function takes any bytes at all.
//
// Names are text: the labels joined by dots, without the last dot, bytes as they are; "" is the root. There
// are no escapes, so a label that holds a '.' or a NUL has no text. Numbers are in host order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ip_address.h"

namespace socksify {

// RFC 1035 section 4.1.1; the values are those of the wire. One that a server sent may be none of these.
enum class DnsRcode : uint8_t {
  kNoError = 0,
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
};

struct DnsType {
  static constexpr uint16_t kA = 1;
  static constexpr uint16_t kNs = 2;
  static constexpr uint16_t kCname = 5;
  static constexpr uint16_t kSoa = 6;
  static constexpr uint16_t kPtr = 12;
  static constexpr uint16_t kMx = 15;
  static constexpr uint16_t kTxt = 16;
  static constexpr uint16_t kAaaa = 28;  // RFC 3596
  static constexpr uint16_t kSrv = 33;
  static constexpr uint16_t kOpt = 41;  // RFC 6891
  static constexpr uint16_t kSvcb = 64;
  static constexpr uint16_t kHttps = 65;
  static constexpr uint16_t kAny = 255;  // any subset of the records is an answer (RFC 8482 section 4.1)
};

constexpr uint16_t kDnsClassIn = 1;
constexpr uint16_t kDnsClassAny = 255;

struct DnsQuery {
  uint16_t id = 0;
  uint16_t flags = 0;               // the second word of the header, as sent
  std::optional<std::string> name;  // nothing when no text stands for it
  uint16_t type = 0;
  uint16_t record_class = 0;
  // The question's own bytes in the message that was read, to be echoed as they are; valid as long as those.
  std::span<const uint8_t> question;
  bool has_edns = false;
  // What the asker takes in one datagram: 512 without EDNS, and at least 512 with it (RFC 6891
  // section 6.2.5).
  uint16_t edns_udp_size = 0;
  uint8_t edns_version = 0;
  bool wants_dnssec = false;  // the DO bit (RFC 6891 section 6.1.4)
};

// How a message is understood.
struct DnsReading {
  enum Kind : uint8_t {
    kQuery,        // `query` holds it
    kMalformed,    // deserves FORMERR; of `query` only id and flags count
    kUnsupported,  // an opcode other than QUERY (only id and flags count), or an EDNS version above 0
    kNotAQuery,    // shorter than a header, or a response: deserves no answer
  };
  Kind kind = kNotAQuery;
  DnsQuery query;
};

// Exactly one question, without compression, is a query; records behind it are checked for their form, and of
// those only OPT is looked at. Bytes behind the last record are ignored.
DnsReading ReadDnsQuery(std::span<const uint8_t> message);

// A record of class IN to be written, owned by the question's name.
struct DnsRecord {
  uint16_t type = 0;
  uint32_t ttl = 0;                    // seconds
  const IpAddress* address = nullptr;  // of A and AAAA, of the version that fits
  // Of PTR, CNAME and NS. Without the initializer g++ warns wherever it is left out.
  std::string_view name = {};  // NOLINT(readability-redundant-member-init)
};

// Writes the answer to `query` and returns its size. It echoes the question, copies RD and CD, sets RA, and
// has an OPT record where the query had one. An answer of more than `limit` bytes is replaced by one without
// records and with TC set (RFC 2181 section 9); 0 if not even that fits. SERVFAIL without records stands for
// records that cannot be written: a name that no label can hold, an address of the wrong version.
// `out` may be the buffer that holds the query, from its first byte on; elsewhere they may not overlap.
size_t WriteDnsResponse(const DnsQuery& query, DnsRcode rcode, std::span<const DnsRecord> answers,
                        size_t limit, std::span<uint8_t> out);

// Writes the answer to `message`, which was read as kMalformed (FORMERR) or kUnsupported (NOTIMP or, for an
// EDNS version, BADVERS with question and OPT), and returns its size; 0 when no answer is due or it does not
// fit. `out` may be the buffer of `message`, as above.
size_t WriteDnsRefusal(const DnsReading& reading, std::span<const uint8_t> message, std::span<uint8_t> out);

// Checks that `response` answers `query`, one that has a question (id, QR, and the question, compared without
// case; a server that could not do anything with the query may leave the question out) and makes it fit: a
// longer one becomes header, question and, for a query with EDNS, OPT, with TC set. Returns the new size; 0
// if it is no such response, or does not fit even so.
size_t FitDnsResponse(const DnsQuery& query, std::span<uint8_t> response, size_t limit);

// The address that d.c.b.a.in-addr.arpa or 32 nibbles under ip6.arpa stand for (RFC 1035 section 3.5, RFC
// 3596 section 2.5), in any case, with or without the last dot; nothing for any other name.
std::optional<IpAddress> AddressOfReverseName(std::string_view name);

// Writes a query with one question and RD set, with EDNS if `udp_size` is not 0, and returns its size; 0 when
// it does not fit or the name cannot be sent: a label of 0 or more than 63 bytes or with a NUL, more than 255
// bytes in all. One dot at the end is no label.
size_t WriteDnsQuery(uint16_t id, std::string_view name, uint16_t type, uint16_t record_class,
                     uint16_t udp_size, std::span<uint8_t> out);

struct DnsSummary {
  DnsRcode rcode = DnsRcode::kNoError;  // the four bits in the header
  uint16_t answers = 0;                 // as the header counts them
};

// Nothing for what is shorter than a header or no response.
std::optional<DnsSummary> SummarizeDnsResponse(std::span<const uint8_t> message);

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// The bytes of DNS messages: cursors that cannot leave their buffer, the header, the OPT record. For the
// sources of dns_message.h alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "resolver/dns_message.h"

namespace socksify {

constexpr size_t kDnsMaxMessage = 65'535;  // RFC 1035 section 4.2.2: two octets count a message
constexpr size_t kDnsMinUdpSize = 512;     // RFC 1035 section 4.2.1

// The second word of the header (RFC 1035 section 4.1.1, RFC 4035 section 3.2 for CD):
//
//     |QR|   opcode  |AA|TC|RD|RA| Z|AD|CD|   rcode   |
struct DnsFlags {
  static constexpr uint16_t kResponse = 0x8000;
  static constexpr uint16_t kOpcode = 0x7800;  // all zeroes: QUERY
  static constexpr uint16_t kTruncated = 0x0200;
  static constexpr uint16_t kRecursionDesired = 0x0100;
  static constexpr uint16_t kRecursionAvailable = 0x0080;
  static constexpr uint16_t kCheckingDisabled = 0x0010;
  static constexpr uint16_t kRcode = 0x000f;
};

struct DnsHeader {
  static constexpr size_t kSize = 12;

  uint16_t id = 0;
  uint16_t flags = 0;
  uint16_t questions = 0;
  uint16_t answers = 0;
  uint16_t authorities = 0;
  uint16_t additionals = 0;
};

// Reads from the front. A read past the end gives zeroes, and every one after it too; failed() tells.
class DnsReader {
 public:
  explicit DnsReader(std::span<const uint8_t> message) : message_(message) {}

  bool failed() const { return failed_; }
  size_t position() const { return position_; }

  uint8_t U8() {
    const std::span<const uint8_t> bytes = Take(1);
    return bytes.empty() ? uint8_t{0} : bytes[0];
  }
  uint16_t U16() {
    const unsigned high = U8();
    return static_cast<uint16_t>(high << 8 | U8());
  }
  uint32_t U32() {
    const uint32_t high = U16();
    return high << 16 | U16();
  }
  // The next `count` bytes; empty when there are fewer.
  std::span<const uint8_t> Take(size_t count) {
    if (failed_ || count > message_.size() - position_) {
      failed_ = true;
      return {};
    }
    const std::span<const uint8_t> bytes = message_.subspan(position_, count);
    position_ += count;
    return bytes;
  }

  DnsHeader Header() {
    DnsHeader header;
    for (uint16_t* word : {&header.id, &header.flags, &header.questions, &header.answers, &header.authorities,
                           &header.additionals}) {
      *word = U16();
    }
    return header;
  }

 private:
  std::span<const uint8_t> message_;
  size_t position_ = 0;
  bool failed_ = false;
};

// Writes from the front. What does not fit is not written, nor is anything after it; size() is then 0.
class DnsWriter {
 public:
  explicit DnsWriter(std::span<uint8_t> out) : out_(out) {}

  size_t size() const { return failed_ ? 0 : size_; }

  void U8(uint8_t value) { Bytes({&value, 1}); }
  void U16(uint16_t value) {
    U8(static_cast<uint8_t>(value >> 8));
    U8(static_cast<uint8_t>(value));
  }
  void U32(uint32_t value) {
    U16(static_cast<uint16_t>(value >> 16));
    U16(static_cast<uint16_t>(value));
  }
  // `bytes` may overlap what they are written over.
  void Bytes(std::span<const uint8_t> bytes) {
    failed_ = failed_ || bytes.size() > out_.size() - size_;
    if (failed_ || bytes.empty()) return;
    std::memmove(out_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }

  void Header(const DnsHeader& header) {
    for (const uint16_t word : {header.id, header.flags, header.questions, header.answers, header.authorities,
                                header.additionals}) {
      U16(word);
    }
  }

  // RFC 6891 section 6.1: the root's name, the type, what the sender takes in one datagram in place of the
  // class, and the extended rcode (the eight bits above the header's four), version 0 and DO in that of the
  // TTL.
  void Opt(uint16_t udp_size, uint8_t extended_rcode, bool dnssec_ok) {
    U8(0);
    U16(DnsType::kOpt);
    U16(udp_size);
    U8(extended_rcode);
    U8(0);
    U16(dnssec_ok ? kDnssecOk : uint16_t{0});
    U16(0);
  }
  static constexpr uint16_t kDnssecOk = 0x8000;

 private:
  std::span<uint8_t> out_;
  size_t size_ = 0;
  bool failed_ = false;
};

}  // namespace socksify

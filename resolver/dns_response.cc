// SPDX-License-Identifier: BSD-2-Clause
// Responses, written and made to fit.
#include <algorithm>

#include "base/text.h"
#include "resolver/dns_message.h"
#include "resolver/dns_name.h"
#include "resolver/dns_wire.h"

namespace socksify {
namespace {

// What we say that we take in one datagram: what crosses every IPv6 link unfragmented (DNS Flag Day 2020).
constexpr uint16_t kOurUdpSize = 1232;
// BADVERS is 16: in the header's four bits 0, and 1 above them (RFC 6891 section 9).
constexpr uint8_t kBadVersionExtended = 1;
// A pointer to the question's name (RFC 1035 section 4.1.4), which always follows the header.
constexpr uint16_t kQuestionName = 0xc000 | DnsHeader::kSize;
constexpr size_t kTypeAndClassSize = 4;

// The header of an answer to a query with `query_flags`, without any records yet. AA and AD stay clear:
// nobody with authority has spoken, and nobody has checked a signature.
DnsHeader ReplyHeader(uint16_t id, uint16_t query_flags, DnsRcode rcode) {
  constexpr uint16_t kCopied = DnsFlags::kOpcode | DnsFlags::kRecursionDesired | DnsFlags::kCheckingDisabled;
  const unsigned flags = DnsFlags::kResponse | DnsFlags::kRecursionAvailable | (query_flags & kCopied) |
                         static_cast<unsigned>(rcode);
  return {.id = id, .flags = static_cast<uint16_t>(flags)};
}

std::span<const uint8_t> AddressBytes(const DnsRecord& record) {
  const IpVersion version = record.type == DnsType::kA ? IpVersion::kV4 : IpVersion::kV6;
  if (record.address == nullptr || record.address->version() != version) return {};
  return record.address->bytes();
}

bool HasAddress(const DnsRecord& record) {
  return record.type == DnsType::kA || record.type == DnsType::kAaaa;
}

bool CanBeWritten(const DnsRecord& record) {
  if (HasAddress(record)) return !AddressBytes(record).empty();
  const bool has_name =
      record.type == DnsType::kPtr || record.type == DnsType::kCname || record.type == DnsType::kNs;
  return has_name && DnsNameSize(record.name).has_value();
}

void WriteRecord(const DnsRecord& record, DnsWriter* writer) {
  writer->U16(kQuestionName);
  writer->U16(record.type);
  writer->U16(kDnsClassIn);
  writer->U32(record.ttl);
  if (HasAddress(record)) {
    const std::span<const uint8_t> bytes = AddressBytes(record);
    writer->U16(static_cast<uint16_t>(bytes.size()));
    writer->Bytes(bytes);
  } else {
    writer->U16(static_cast<uint16_t>(DnsNameSize(record.name).value_or(0)));
    WriteDnsName(writer, record.name);
  }
}

// Header, question, records and, where the query had one, OPT; the counts are filled in here.
size_t WriteWhole(const DnsQuery& query, DnsHeader header, std::span<const DnsRecord> answers,
                  uint8_t extended_rcode, std::span<uint8_t> out) {
  DnsWriter writer(out);
  header.questions = 1;
  header.answers = static_cast<uint16_t>(answers.size());
  header.authorities = 0;
  header.additionals = query.has_edns ? 1 : 0;
  writer.Header(header);
  writer.Bytes(query.question);
  for (const DnsRecord& record : answers) WriteRecord(record, &writer);
  // It is there in truncated answers too (RFC 6891 section 7).
  if (query.has_edns) writer.Opt(kOurUdpSize, extended_rcode, query.wants_dnssec);
  return writer.size();
}

size_t WriteTruncated(const DnsQuery& query, DnsHeader header, std::span<uint8_t> out) {
  header.flags |= DnsFlags::kTruncated;
  return WriteWhole(query, header, {}, 0, out);
}

// Names without case (RFC 4343), type and class exactly. The counts of labels are below 'A', so that the
// bytes of a name can be compared as one text.
bool IsSameQuestion(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  if (a.size() != b.size() || a.size() < kTypeAndClassSize) return false;
  const size_t name_size = a.size() - kTypeAndClassSize;
  return EqualsIgnoreCase({reinterpret_cast<const char*>(a.data()), name_size},
                          {reinterpret_cast<const char*>(b.data()), name_size}) &&
         std::ranges::equal(a.subspan(name_size), b.subspan(name_size));
}

// A server that could not read or would not touch the query need not repeat its question.
bool IsBareError(const DnsHeader& header) {
  const auto rcode = static_cast<DnsRcode>(header.flags & DnsFlags::kRcode);
  return header.questions == 0 && header.answers == 0 && header.authorities == 0 &&
         rcode != DnsRcode::kNoError && rcode != DnsRcode::kNxDomain;
}

bool IsAnswerTo(const DnsQuery& query, const DnsHeader& header, DnsReader* reader) {
  constexpr uint16_t kKind = DnsFlags::kResponse | DnsFlags::kOpcode;
  if (query.question.empty() || header.id != query.id || (header.flags & kKind) != DnsFlags::kResponse)
    return false;
  if (IsBareError(header)) return true;
  return header.questions == 1 && IsSameQuestion(query.question, reader->Take(query.question.size()));
}

}  // namespace

size_t WriteDnsResponse(const DnsQuery& query, DnsRcode rcode, std::span<const DnsRecord> answers,
                        size_t limit, std::span<uint8_t> out) {
  out = out.first(std::min({limit, out.size(), kDnsMaxMessage}));
  if (!std::ranges::all_of(answers, CanBeWritten)) {
    answers = {};
    rcode = DnsRcode::kServFail;
  }
  const DnsHeader header = ReplyHeader(query.id, query.flags, rcode);
  const size_t size = WriteWhole(query, header, answers, 0, out);
  return size != 0 || answers.empty() ? size : WriteTruncated(query, header, out);
}

size_t WriteDnsRefusal(const DnsReading& reading, std::span<const uint8_t> message, std::span<uint8_t> out) {
  DnsReader reader(message);
  const DnsHeader query = reader.Header();
  const bool is_due = reading.kind == DnsReading::kMalformed || reading.kind == DnsReading::kUnsupported;
  if (!is_due || reader.failed()) return 0;
  if (reading.kind == DnsReading::kUnsupported && reading.query.edns_version > 0) {
    const DnsHeader header = ReplyHeader(query.id, query.flags, DnsRcode::kNoError);
    return WriteWhole(reading.query, header, {}, kBadVersionExtended, out);
  }
  const DnsRcode rcode = reading.kind == DnsReading::kMalformed ? DnsRcode::kFormErr : DnsRcode::kNotImp;
  DnsWriter writer(out);
  writer.Header(ReplyHeader(query.id, query.flags, rcode));
  return writer.size();
}

size_t FitDnsResponse(const DnsQuery& query, std::span<uint8_t> response, size_t limit) {
  DnsReader reader(response);
  const DnsHeader header = reader.Header();
  if (reader.failed() || !IsAnswerTo(query, header, &reader)) return 0;
  if (response.size() <= limit) return response.size();
  return WriteTruncated(query, header, response.first(limit));
}

std::optional<DnsSummary> SummarizeDnsResponse(std::span<const uint8_t> message) {
  DnsReader reader(message);
  const DnsHeader header = reader.Header();
  if (reader.failed() || (header.flags & DnsFlags::kResponse) == 0) return std::nullopt;
  return DnsSummary{.rcode = static_cast<DnsRcode>(header.flags & DnsFlags::kRcode),
                    .answers = header.answers};
}

}  // namespace socksify

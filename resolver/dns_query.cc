// SPDX-License-Identifier: BSD-2-Clause
// Queries, read and written. The rules for what is malformed are those of BIND, the server that most clients
// were tried against.
#include <algorithm>

#include "resolver/dns_message.h"
#include "resolver/dns_name.h"
#include "resolver/dns_wire.h"

namespace socksify {
namespace {

bool ReadQuestion(std::span<const uint8_t> message, DnsReader* reader, DnsQuery* query) {
  if (!ReadDnsName(reader, &query->name)) return false;
  query->type = reader->U16();
  query->record_class = reader->U16();
  if (reader->failed()) return false;
  query->question = message.subspan(DnsHeader::kSize, reader->position() - DnsHeader::kSize);
  return true;
}

// RFC 6891 section 6.1.2: each option is a code and a count of the bytes that follow.
bool AreOptions(std::span<const uint8_t> data) {
  DnsReader reader(data);
  while (!reader.failed() && reader.position() < data.size()) {
    reader.U16();
    reader.Take(reader.U16());
  }
  return !reader.failed();
}

// Reads one record of any section; false when it is malformed or an OPT out of place.
bool ReadRecord(bool may_be_opt, DnsReader* reader, DnsQuery* query) {
  const size_t start = reader->position();
  if (!SkipDnsName(reader)) return false;
  const bool is_root = reader->position() - start == 1;
  const uint16_t type = reader->U16();
  const uint16_t record_class = reader->U16();
  const uint32_t ttl = reader->U32();
  const std::span<const uint8_t> data = reader->Take(reader->U16());
  if (reader->failed()) return false;
  if (type != DnsType::kOpt) return true;
  if (!may_be_opt || query->has_edns || !is_root || !AreOptions(data)) return false;
  query->has_edns = true;
  query->edns_udp_size = std::max(record_class, query->edns_udp_size);
  query->edns_version = static_cast<uint8_t>(ttl >> 16);
  query->wants_dnssec = (ttl & DnsWriter::kDnssecOk) != 0;
  return true;
}

bool ReadRecords(const DnsHeader& header, DnsReader* reader, DnsQuery* query) {
  const unsigned without_opt = unsigned{header.answers} + header.authorities;
  for (unsigned i = 0; i < without_opt + header.additionals; ++i) {
    if (!ReadRecord(i >= without_opt, reader, query)) return false;
  }
  return true;
}

}  // namespace

DnsReading ReadDnsQuery(std::span<const uint8_t> message) {
  DnsReading reading;
  DnsReader reader(message);
  const DnsHeader header = reader.Header();
  if (reader.failed() || (header.flags & DnsFlags::kResponse) != 0) return reading;
  DnsQuery& query = reading.query;
  query.id = header.id;
  query.flags = header.flags;
  query.edns_udp_size = kDnsMinUdpSize;
  if ((header.flags & DnsFlags::kOpcode) != 0) {
    reading.kind = DnsReading::kUnsupported;
  } else if (header.questions != 1 || !ReadQuestion(message, &reader, &query) ||
             !ReadRecords(header, &reader, &query)) {
    reading.kind = DnsReading::kMalformed;
  } else {
    reading.kind = query.edns_version > 0 ? DnsReading::kUnsupported : DnsReading::kQuery;
  }
  return reading;
}

size_t WriteDnsQuery(uint16_t id, std::string_view name, uint16_t type, uint16_t record_class,
                     uint16_t udp_size, std::span<uint8_t> out) {
  if (!DnsNameSize(name)) return 0;
  DnsWriter writer(out);
  writer.Header({.id = id,
                 .flags = DnsFlags::kRecursionDesired,
                 .questions = 1,
                 .additionals = static_cast<uint16_t>(udp_size != 0 ? 1 : 0)});
  WriteDnsName(&writer, name);
  writer.U16(type);
  writer.U16(record_class);
  if (udp_size != 0) writer.Opt(udp_size, 0, false);
  return writer.size();
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// DNS messages: two octets count the query, which follows; the rest is what a server says to it. libc's
// reader (ns_initparse) has to understand what is written.
#include <arpa/nameser.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "resolver/dns_message.h"

using namespace socksify;

namespace {

using Bytes = std::span<const uint8_t>;

void Require(bool holds) {
  if (!holds) abort();
}

bool LibcReads(Bytes message) {
  ns_msg handle{};
  return ns_initparse(message.data(), static_cast<int>(message.size()), &handle) == 0;
}

// A response to a query, in a buffer of exactly `limit` bytes.
void CheckResponse(const DnsQuery& query, std::span<const DnsRecord> records, size_t limit) {
  std::vector<uint8_t> out(limit);
  const size_t size = WriteDnsResponse(query, DnsRcode::kNoError, records, limit, out);
  Require(size <= limit);
  if (size == 0) {
    Require(limit < 12 + query.question.size() + 11);
    return;
  }
  out.resize(size);
  Require(LibcReads(out));
  Require(ReadDnsQuery(out).kind == DnsReading::kNotAQuery);
  Require(SummarizeDnsResponse(out).has_value());
  Require(FitDnsResponse(query, out, size) == size);
}

void CheckName(const DnsQuery& query) {
  if (!query.name) return;
  std::vector<uint8_t> out(512);
  const size_t size = WriteDnsQuery(query.id, *query.name, query.type, query.record_class, 1232, out);
  const DnsReading again = ReadDnsQuery(std::span(out).first(size));
  Require(again.kind == DnsReading::kQuery && again.query.name == query.name);
  Require(std::ranges::equal(again.query.question, query.question));
  Require(LibcReads(std::span(out).first(size)));
  AddressOfReverseName(*query.name);
}

void CheckQuery(Bytes message, const DnsQuery& query) {
  Require(query.edns_udp_size >= 512 && (query.has_edns || query.edns_udp_size == 512));
  Require(query.question.data() == message.data() + 12 && query.question.size() <= message.size() - 12);
  CheckName(query);
  const IpAddress v4 = IpAddress::V4(0xc6120001);
  const std::string_view text(reinterpret_cast<const char*>(message.data()), message.size());
  const DnsRecord records[] = {{.type = DnsType::kA, .ttl = 1, .address = &v4},
                               {.type = DnsType::kPtr, .ttl = 1, .name = query.name ? *query.name : text}};
  for (const size_t limit : {size_t{12}, 12 + query.question.size(), size_t{64}, size_t{512}, size_t{1024}}) {
    CheckResponse(query, {}, limit);
    CheckResponse(query, records, limit);
  }
}

void CheckRefusal(Bytes message, const DnsReading& reading) {
  std::vector<uint8_t> out(512);
  const size_t size = WriteDnsRefusal(reading, message, out);
  const bool is_due = reading.kind == DnsReading::kMalformed || reading.kind == DnsReading::kUnsupported;
  Require((size != 0) == is_due);
  if (is_due) Require(LibcReads(std::span(out).first(size)) && SummarizeDnsResponse(out).has_value());
}

void CheckFit(const DnsQuery& query, Bytes response) {
  for (const size_t limit : {size_t{0}, size_t{40}, size_t{512}, response.size()}) {
    std::vector<uint8_t> bytes(response.begin(), response.end());
    const size_t size = FitDnsResponse(query, bytes, limit);
    Require(size <= std::min(limit, bytes.size()));
    if (size != 0 && size < response.size()) {
      bytes.resize(size);
      Require(LibcReads(bytes) && FitDnsResponse(query, bytes, size) == size);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const Bytes input(data + 2, size - 2);
  const size_t query_size = std::min<size_t>(data[0] << 8 | data[1], input.size());
  const Bytes message = input.first(query_size);
  const DnsReading reading = ReadDnsQuery(message);
  if (reading.kind == DnsReading::kQuery) CheckQuery(message, reading.query);
  CheckRefusal(message, reading);
  const Bytes response = input.subspan(query_size);
  CheckFit(reading.query, response);
  SummarizeDnsResponse(response);
  AddressOfReverseName({reinterpret_cast<const char*>(response.data()), response.size()});
  return 0;
}

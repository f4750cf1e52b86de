// SPDX-License-Identifier: BSD-2-Clause
#include "preload/name_queries.h"

#include <netdb.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/socket_address.h"
#include "preload/carried_queries.h"
#include "preload/names.h"
#include "preload/originals.h"
#include "preload/outbound.h"
#include "preload/real_names.h"
#include "resolver/dns_message.h"
#include "resolver/local_names.h"

namespace socksify {
namespace {

// How long an answer of ours may be kept, in seconds. A name keeps its fake address, but a configuration may
// change.
constexpr uint32_t kTtl = 60;
// What every program takes over UDP (RFC 1035 section 2.3.4).
constexpr size_t kPlainLimit = 512;

// One query on its way to an answer.
class Answering {
 public:
  Answering(Runtime* runtime, const DnsQuery& query, std::span<const uint8_t> message, const QueryPath& path,
            std::span<uint8_t> out)
      : runtime_(runtime), query_(query), message_(message), path_(path), out_(out) {
    limit_ = path.limit != 0 ? path.limit : query.has_edns ? query.edns_udp_size : kPlainLimit;
    limit_ = std::min(limit_, out.size());
  }

  QueryAnswer Answer();

 private:
  QueryAnswer AnswerName(const std::string& name);
  QueryAnswer AnswerReverse(const IpAddress& address);
  QueryAnswer AnswerLocally(const std::string& name);
  QueryAnswer AnswerFake(const std::string& name);
  QueryAnswer Carry(DnsRcode without_path);
  QueryAnswer CarryUnseen(DnsRcode without_path);
  QueryAnswer CarryReal();
  QueryAnswer CarryTo(std::span<const Endpoint> servers, DnsRcode without_path);
  bool AsksForAddress() const {
    const bool is_internet = query_.record_class == kDnsClassIn || query_.record_class == kDnsClassAny;
    return is_internet &&
           (query_.type == DnsType::kA || query_.type == DnsType::kAaaa || query_.type == DnsType::kAny);
  }
  QueryAnswer Write(DnsRcode rcode, std::span<const DnsRecord> answers);
  QueryAnswer Leave(DnsRcode without_path) {
    return path_.may_leave ? QueryAnswer{.kind = QueryAnswer::Kind::kLibc} : Carry(without_path);
  }

  Runtime* runtime_;
  const DnsQuery& query_;
  std::span<const uint8_t> message_;
  const QueryPath& path_;
  std::span<uint8_t> out_;
  size_t limit_ = 0;
};

QueryAnswer Answering::Answer() {
  // No text stands for it, so it is no name of a host; nor is an address.
  if (!query_.name || IsNumericHost(*query_.name)) return Write(DnsRcode::kNxDomain, {});
  if (query_.name->empty()) return Leave(DnsRcode::kServFail);
  if (const auto address = AddressOfReverseName(*query_.name)) return AnswerReverse(address->Unmapped());
  return AnswerName(*query_.name);
}

QueryAnswer Answering::AnswerReverse(const IpAddress& address) {
  const bool asks_for_name = query_.type == DnsType::kPtr || query_.type == DnsType::kAny;
  if (const std::optional<Endpoint> name = NameOfFake(runtime_, address)) {
    const DnsRecord record = {.type = DnsType::kPtr, .ttl = kTtl, .name = name->name()};
    return Write(DnsRcode::kNoError, {&record, asks_for_name ? size_t{1} : size_t{0}});
  }
  if (runtime_->IsFake(address)) return Write(DnsRcode::kNxDomain, {});
  return MayAskForNameOf(runtime_, address) ? Leave(DnsRcode::kServFail) : CarryUnseen(DnsRcode::kNxDomain);
}

QueryAnswer Answering::AnswerName(const std::string& name) {
  switch (WayFor(runtime_, name)) {
    case LookupWay::kRefuse: return Write(DnsRcode::kRefused, {});
    case LookupWay::kFake: return AnswerFake(name);
    case LookupWay::kReal: return CarryReal();
    case LookupWay::kLibc:
      // A name of this machine, which is nobody else's business.
      if (AsksForAddress() && IsNameOfThisMachine(name)) return AnswerLocally(name);
      return Leave(DnsRcode::kServFail);
    case LookupWay::kLibcThenFake: break;
  }
  if (!AsksForAddress()) return Leave(DnsRcode::kServFail);
  const QueryAnswer local = AnswerLocally(name);
  return local.kind == QueryAnswer::Kind::kNone ? AnswerFake(name) : local;
}

// By libc's getaddrinfo(3), which knows /etc/hosts; kNone when it knows no such name.
QueryAnswer Answering::AnswerLocally(const std::string& name) {
  const bool wants_v4 = query_.type == DnsType::kA || query_.type == DnsType::kAny;
  const bool wants_v6 = query_.type == DnsType::kAaaa || query_.type == DnsType::kAny;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (libc::getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0) return {};
  std::array<IpAddress, 16> addresses;
  std::array<DnsRecord, 16> records;
  size_t count = 0;
  for (const addrinfo* each = found; each != nullptr && count < records.size(); each = each->ai_next) {
    const auto endpoint = EndpointFromSockaddr(each->ai_addr, each->ai_addrlen);
    if (!endpoint || !(endpoint->ip().is_v4() ? wants_v4 : wants_v6)) continue;
    addresses[count] = endpoint->ip();
    const uint16_t type = endpoint->ip().is_v4() ? DnsType::kA : DnsType::kAaaa;
    records[count] = {.type = type, .ttl = 0, .address = &addresses[count], .name = {}};
    ++count;
  }
  freeaddrinfo(found);
  return Write(DnsRcode::kNoError, std::span(records).first(count));
}

QueryAnswer Answering::AnswerFake(const std::string& name) {
  if (!AsksForAddress()) return CarryUnseen(DnsRcode::kNoError);
  const bool wants_v4 = query_.type == DnsType::kA;
  // Of ANY the smallest answer that is none of the forbidden ones (RFC 8482 section 4.1).
  const bool wants_any = query_.type == DnsType::kAny;
  const IpVersion version = wants_v4 || wants_any ? IpVersion::kV4 : IpVersion::kV6;
  const auto address = FakeAddressFor(runtime_, name, version);
  if (!address) return Write(address.error() == EINVAL ? DnsRcode::kNxDomain : DnsRcode::kServFail, {});
  const uint16_t type = version == IpVersion::kV4 ? DnsType::kA : DnsType::kAaaa;
  const DnsRecord record = {.type = type, .ttl = kTtl, .address = &*address, .name = {}};
  return Write(DnsRcode::kNoError, {&record, 1});
}

QueryAnswer Answering::Carry(DnsRcode without_path) {
  return CarryTo(path_.servers, without_path);
}

// What asks about a name that is none of the local network's business. Where all servers are in that network
// there is no answer to be had; where one that could know does not answer, that is no "no".
QueryAnswer Answering::CarryUnseen(DnsRcode without_path) {
  std::vector<Endpoint> unseen;
  for (const Endpoint& server : path_.servers) {
    if (!MayGoDirect(runtime_, server)) unseen.push_back(server);
  }
  return CarryTo(unseen, unseen.empty() ? without_path : DnsRcode::kServFail);
}

// The name servers that real look-ups ask, whoever was asked here.
QueryAnswer Answering::CarryReal() {
  const std::vector<Endpoint> servers = NameServers(runtime_);
  return CarryTo(servers, DnsRcode::kServFail);
}

QueryAnswer Answering::CarryTo(std::span<const Endpoint> servers, DnsRcode without_path) {
  for (const Endpoint& server : servers) {
    const std::span<uint8_t> response = CarryQuery(runtime_, server, message_, out_);
    const size_t size = response.empty() ? 0 : FitDnsResponse(query_, response, limit_);
    if (size != 0) return {.kind = QueryAnswer::Kind::kAnswer, .size = size};
  }
  return Write(without_path, {});
}

QueryAnswer Answering::Write(DnsRcode rcode, std::span<const DnsRecord> answers) {
  const size_t size = WriteDnsResponse(query_, rcode, answers, limit_, out_);
  return {.kind = size != 0 ? QueryAnswer::Kind::kAnswer : QueryAnswer::Kind::kNone, .size = size};
}

}  // namespace

QueryAnswer AnswerQuery(Runtime* runtime, std::span<const uint8_t> query, const QueryPath& path,
                        std::span<uint8_t> out) {
  const DnsReading reading = ReadDnsQuery(query);
  if (reading.kind == DnsReading::kQuery) {
    return Answering(runtime, reading.query, query, path, out).Answer();
  }
  const size_t size = WriteDnsRefusal(reading, query, out);
  return {.kind = size != 0 ? QueryAnswer::Kind::kAnswer : QueryAnswer::Kind::kNone, .size = size};
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/dns_name.h"

#include <algorithm>
#include <cstdint>
#include <span>

namespace socksify {
namespace {

constexpr size_t kMaxLabel = 63;  // RFC 1035 section 2.3.4
constexpr size_t kMaxName = 255;  // likewise, with the counts and the last label of no bytes
// The two upper bits of a count: none for a label, both for a pointer; the others mean nothing (RFC 6891
// section 5).
constexpr uint8_t kPointer = 0xc0;

std::string_view WithoutLastDot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

void AppendLabel(std::span<const uint8_t> label, std::optional<std::string>* name) {
  const std::string_view text(reinterpret_cast<const char*>(label.data()), label.size());
  if (text.find_first_of(std::string_view(".\0", 2)) != std::string_view::npos) name->reset();
  if (!*name) return;
  if (!(*name)->empty()) (*name)->push_back('.');
  (*name)->append(text);
}

}  // namespace

bool ReadDnsName(DnsReader* reader, std::optional<std::string>* name) {
  const size_t start = reader->position();
  name->emplace();
  while (true) {
    const uint8_t count = reader->U8();
    if (reader->failed() || count > kMaxLabel) return false;
    const std::span<const uint8_t> label = reader->Take(count);
    if (reader->failed() || reader->position() - start > kMaxName) return false;
    if (count == 0) return true;
    AppendLabel(label, name);
  }
}

bool SkipDnsName(DnsReader* reader) {
  const size_t start = reader->position();
  while (true) {
    const uint8_t count = reader->U8();
    if (reader->failed()) return false;
    if ((count & kPointer) == kPointer) {
      const size_t target = static_cast<size_t>(count & ~kPointer) << 8 | reader->U8();
      return !reader->failed() && target >= DnsHeader::kSize && target < start;
    }
    if (count > kMaxLabel) return false;
    reader->Take(count);
    if (reader->failed() || reader->position() - start > kMaxName) return false;
    if (count == 0) return true;
  }
}

std::optional<size_t> DnsNameSize(std::string_view name) {
  name = WithoutLastDot(name);
  if (name.empty()) return 1;
  const size_t size = 1 + name.size() + 1;
  if (size > kMaxName || name.find('\0') != std::string_view::npos) return std::nullopt;
  while (true) {
    const size_t label = std::min(name.find('.'), name.size());
    if (label == 0 || label > kMaxLabel) return std::nullopt;
    if (label == name.size()) return size;
    name.remove_prefix(label + 1);
  }
}

void WriteDnsName(DnsWriter* writer, std::string_view name) {
  name = WithoutLastDot(name);
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    writer->U8(static_cast<uint8_t>(label.size()));
    writer->Bytes({reinterpret_cast<const uint8_t*>(label.data()), label.size()});
    name.remove_prefix(std::min(label.size() + 1, name.size()));
  }
  writer->U8(0);
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/peer_table.h"

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace socksify {
namespace {

PeerTableIdentity Identity() {
  PeerTableIdentity identity;
  identity.capacity = PeerTableStore::kCapacity;
  identity.entry_size = sizeof(PeerTableEntry);
  return identity;
}

// Makes a table of zeroed memory.
void WriteHeader(std::byte* memory) {
  (new (memory) PeerTableHeader{})->identity = Identity();
}

int CheckHeader(const std::byte* memory) {
  const auto* const header = reinterpret_cast<const PeerTableHeader*>(memory);
  const PeerTableIdentity identity = Identity();
  return std::memcmp(&header->identity, &identity, sizeof identity) == 0 ? 0 : EUCLEAN;
}

constexpr SharedMapping::Format kFormat = {.size = PeerTableStore::kMemorySize,
                                           .header_size = sizeof(PeerTableHeader),
                                           .check = CheckHeader,
                                           .write = WriteHeader};

}  // namespace

std::expected<std::unique_ptr<PeerTable>, int> PeerTable::Make(std::expected<SharedMapping, int> mapping) {
  if (!mapping) return std::unexpected(mapping.error());
  return std::unique_ptr<PeerTable>(new PeerTable(std::move(*mapping)));
}

std::expected<std::unique_ptr<PeerTable>, int> PeerTable::Open(const std::string& directory) {
  const std::string path = directory + "/peers-" + std::to_string(PeerTableIdentity{}.layout_version);
  return Make(SharedMapping::OpenOrMake(directory, path, kFormat));
}

std::expected<std::unique_ptr<PeerTable>, int> PeerTable::MakePrivate() {
  return Make(SharedMapping::MakePrivate(kFormat));
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/fake_table.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "resolver/fake_key.h"
#include "resolver/fake_table_file.h"
#include "resolver/fake_table_lock.h"
#include "resolver/host_name.h"

namespace socksify {

static_assert(FakeTable::kMaxNames <= 1U << FakeTableHolds::kSlotBits);

namespace {

FakeTableIdentity IdentityOf(const FakeRangeMap& range) {
  FakeTableIdentity identity;
  identity.capacity = range.capacity();
  identity.v4 = range.range().v4.v4_value();
  std::ranges::copy(range.range().v6.bytes(), identity.v6);
  identity.v4_bits = range.range().v4_bits;
  identity.v6_bits = range.range().v6_bits;
  return identity;
}

std::string PathOf(const std::string& directory, const FakeRangeMap& range) {
  return directory + "/names-" + std::to_string(FakeTableIdentity{}.layout_version) + '-' + range.ToString();
}

// Whether a new file in the place of the one that could not be opened may help.
bool IsReplaceable(int open_error) {
  return open_error == ENOENT || open_error == EUCLEAN;
}

std::expected<std::unique_ptr<FakeTableFile>, int> OpenOrReplace(const std::string& directory,
                                                                 const FakeRangeMap& range) {
  const FakeTableIdentity identity = IdentityOf(range);
  const std::string path = PathOf(directory, range);
  auto file = FakeTableFile::Open(path, identity);
  if (file || !IsReplaceable(file.error())) return file;
  const FakeTableLock lock(directory, nullptr);
  if (lock.error() != 0) return std::unexpected(lock.error());
  // Another process may have been faster.
  file = FakeTableFile::Open(path, identity);
  if (file || !IsReplaceable(file.error())) return file;
  return FakeTableFile::Replace(path, identity);
}

}  // namespace

FakeTable::FakeTable(const FakeRangeMap& range, std::string directory, std::unique_ptr<FakeTableFile> file)
    : range_(range),
      directory_(std::move(directory)),
      file_(std::move(file)),
      store_(file_->memory(), file_->layout()),
      holder_(store_.holds(), range.capacity()) {}

FakeTable::~FakeTable() = default;

std::expected<std::unique_ptr<FakeTable>, int> FakeTable::Open(const std::string& directory,
                                                               const FakeRange& range) {
  const std::optional<FakeRangeMap> map = FakeRangeMap::Make(range, kMaxNames);
  if (!map) return std::unexpected(EINVAL);
  if (directory.empty()) return std::unexpected(ENOENT);
  auto file = OpenOrReplace(directory, *map);
  if (!file) return std::unexpected(file.error());
  return std::unique_ptr<FakeTable>(new FakeTable(*map, directory, std::move(*file)));
}

std::expected<std::unique_ptr<FakeTable>, int> FakeTable::OpenExisting(const std::string& directory,
                                                                       const FakeRange& range) {
  const std::optional<FakeRangeMap> map = FakeRangeMap::Make(range, kMaxNames);
  if (!map) return std::unexpected(EINVAL);
  auto file = FakeTableFile::Open(PathOf(directory, *map), IdentityOf(*map));
  if (!file) return std::unexpected(file.error());
  return std::unique_ptr<FakeTable>(new FakeTable(*map, directory, std::move(*file)));
}

std::string FakeTable::PathIn(const std::string& directory, const FakeRange& range) {
  const std::optional<FakeRangeMap> map = FakeRangeMap::Make(range, kMaxNames);
  return map ? PathOf(directory, *map) : std::string();
}

std::expected<std::unique_ptr<FakeTable>, int> FakeTable::MakePrivate(const FakeRange& range) {
  const std::optional<FakeRangeMap> map = FakeRangeMap::Make(range, kMaxNames);
  if (!map) return std::unexpected(EINVAL);
  auto file = FakeTableFile::MakePrivate(IdentityOf(*map));
  if (!file) return std::unexpected(file.error());
  return std::unique_ptr<FakeTable>(new FakeTable(*map, std::string(), std::move(*file)));
}

std::expected<IpAddress, int> FakeTable::AddressFor(std::string_view name, IpVersion version) {
  FakeKey key;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by Assign.
  if (!key.Assign(name)) return std::unexpected(EINVAL);
  const FakeDigest digest = store_.DigestOf(key);
  if (const std::optional<uint32_t> slot = store_.FindAndUse(digest)) return range_.AddressOf(*slot, version);
  // Only now: a name that is in the table has been looked at.
  if (!IsHostName(name)) return std::unexpected(EINVAL);
  std::optional<uint32_t> begun;
  if (const std::optional<uint32_t> slot = store_.EnterFresh(key, digest, &begun))
    return range_.AddressOf(*slot, version);
  const FakeTableLock lock(directory_, &store_.header().owner);
  if (lock.error() != 0) return std::unexpected(lock.error());
  const std::expected<uint32_t, int> slot = store_.Enter(key, digest, begun, file_.get());
  if (!slot) return std::unexpected(slot.error());
  return range_.AddressOf(*slot, version);
}

std::optional<Endpoint> FakeTable::NameFor(const IpAddress& address, uint16_t port) const {
  const std::optional<uint32_t> slot = range_.SlotOf(address);
  FakeKey key;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by Read.
  if (!slot || !store_.Read(*slot, &key)) return std::nullopt;
  store_.Use(*slot);
  return Endpoint::FromName(key.name(), port);
}

void FakeTable::Hold(const IpAddress& address) {
  if (const std::optional<uint32_t> slot = range_.SlotOf(address)) holder_.Hold(*slot);
}

void FakeTable::Release(const IpAddress& address) {
  if (const std::optional<uint32_t> slot = range_.SlotOf(address)) holder_.Release(*slot);
}

void FakeTable::AfterFork() {
  holder_.AfterFork();
}

std::expected<uint32_t, int> FakeTable::Clear() {
  const FakeTableLock lock(directory_, &store_.header().owner);
  if (lock.error() != 0) return std::unexpected(lock.error());
  return store_.Clear();
}

std::optional<FakeTable::Entry> FakeTable::EntryAt(uint32_t slot) const {
  FakeKey key;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by Read.
  if (slot >= capacity() || !store_.Read(slot, &key)) return std::nullopt;
  return Entry{.v4 = range_.AddressOf(slot, IpVersion::kV4),
               .v6 = range_.AddressOf(slot, IpVersion::kV6),
               .name = std::string(key.name()),
               .last_use = store_.StampOf(slot)};
}

bool FakeTable::IsFake(const IpAddress& address) const {
  return range_.Contains(address);
}

uint32_t FakeTable::size() const {
  return store_.CountNames();
}

uint32_t FakeTable::capacity() const {
  return range_.capacity();
}

uint64_t FakeTable::NextTicket() {
  return store_.header().ticket.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
//
// The file keeps the rules that stand at the head of fake_table_file.cc. It is small enough to be allocated
// whole when it is made.
#include "resolver/peer_table.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

#include "resolver/fake_table_lock.h"
#include "resolver/state_file.h"

namespace socksify {
namespace {

// A clock that is further than this was not reached by counting.
constexpr uint64_t kMaxClock = uint64_t{1} << 62;

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

bool IsSound(const PeerTableHeader& header) {
  const PeerTableIdentity identity = Identity();
  return std::memcmp(&header.identity, &identity, sizeof identity) == 0 &&
         header.clock.load(std::memory_order_relaxed) < kMaxClock;
}

// Whether a new file in the place of the one that could not be opened may help.
bool IsReplaceable(int open_error) {
  return open_error == ENOENT || open_error == EUCLEAN;
}

}  // namespace

// Anonymous memory for fd -1.
std::expected<std::unique_ptr<PeerTable>, int> PeerTable::Map(int fd) {
  const int flags = fd < 0 ? MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
  void* const memory = mmap(nullptr, PeerTableStore::kMemorySize, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (memory == MAP_FAILED) return std::unexpected(errno);
  return std::unique_ptr<PeerTable>(new PeerTable(static_cast<std::byte*>(memory)));
}

std::expected<std::unique_ptr<PeerTable>, int> PeerTable::OpenFile(const std::string& path) {
  const RawDescriptor fd(OpenStateFile(path));
  if (!fd.valid()) return std::unexpected(errno);
  struct stat64 status{};
  int error = CheckStateFile(fd.get(), PeerTableStore::kMemorySize, &status);
  if (error != 0) return std::unexpected(error);
  PeerTableHeader header{};
  const ssize_t size = pread64(fd.get(), static_cast<void*>(&header), sizeof header, 0);
  if (size != sizeof header || !IsSound(header)) return std::unexpected(EUCLEAN);
  // A copy of a table may have lost its space to holes.
  if (static_cast<uint64_t>(status.st_blocks) * 512 < PeerTableStore::kMemorySize) {
    error = FillHoles(fd.get(), 0, PeerTableStore::kMemorySize);
    if (error != 0) return std::unexpected(error);
  }
  return Map(fd.get());
}

std::expected<std::unique_ptr<PeerTable>, int> PeerTable::ReplaceFile(const std::string& path) {
  const std::string fresh = path + ".new";
  const RawDescriptor fd(MakeStateFile(fresh, PeerTableStore::kMemorySize));
  if (!fd.valid()) return std::unexpected(errno);
  const int error = AllocateRange(fd.get(), 0, PeerTableStore::kMemorySize);
  std::expected<std::unique_ptr<PeerTable>, int> table = std::unexpected(error);
  if (error == 0) table = Map(fd.get());
  if (table) {
    WriteHeader((*table)->memory_);
    if (rename(fresh.c_str(), path.c_str()) != 0) table = std::unexpected(errno);
  }
  if (!table) unlink(fresh.c_str());
  return table;
}

std::expected<std::unique_ptr<PeerTable>, int> PeerTable::Open(const std::string& directory) {
  if (directory.empty()) return std::unexpected(ENOENT);
  const std::string path = directory + "/peers-" + std::to_string(PeerTableIdentity{}.layout_version);
  auto table = OpenFile(path);
  if (table || !IsReplaceable(table.error())) return table;
  // The names' lock serves for making this file as well.
  const FakeTableLock lock(directory, nullptr);
  if (lock.error() != 0) return std::unexpected(lock.error());
  // Another process may have been faster.
  table = OpenFile(path);
  if (table || !IsReplaceable(table.error())) return table;
  return ReplaceFile(path);
}

std::expected<std::unique_ptr<PeerTable>, int> PeerTable::MakePrivate() {
  auto table = Map(-1);
  if (table) WriteHeader((*table)->memory_);
  return table;
}

PeerTable::~PeerTable() {
  munmap(memory_, PeerTableStore::kMemorySize);
}

}  // namespace socksify

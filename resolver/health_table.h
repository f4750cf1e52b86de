// SPDX-License-Identifier: BSD-2-Clause
// HealthTable: how the proxy servers are, agreed between all processes of one user.
//
// One process's time-out spares all others theirs. An entry belongs to a text, such as
// "socks5 10.0.3.1:1080", or one that names a group of servers whose turns are counted. All processes of one
// user share the table; where no file can be had, an anonymous mapping is shared with children over fork. It
// is for one boot, as its times are.
//
//     header, 64 bytes | 1,024 entries of 192 bytes (health_entry.h)
//
// Every field has a fixed width and is aligned to 8, so 32- and 64-bit processes share one file. Numbers are
// in the machine's own byte order, which `byte_order` tells.
//
// Thread-safe. All but making, destroying and listing one is async-signal-safe, lock-free, bounded, allocates
// nothing, and is safe against any content of the memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/monotonic_clock.h"
#include "resolver/boot_id.h"
#include "resolver/health_entry.h"
#include "resolver/shared_mapping.h"

namespace socksify {

// What must be equal for two programs to use the same file; compared byte by byte, so there is no padding.
struct HealthTableIdentity {
  char magic[8] = {'S', 'O', 'C', 'K', 'H', 'L', 'T', 'H'};
  uint32_t byte_order = 0x01020304;
  uint32_t layout_version = 1;
  uint32_t capacity = 0;
  uint32_t entry_size = 0;
};
static_assert(sizeof(HealthTableIdentity) == 24);

struct alignas(64) HealthTableHeader {
  HealthTableIdentity identity;
  char boot_id[sizeof(BootId)] = {};
};
static_assert(sizeof(HealthTableHeader) == 64);

class HealthTable {
 public:
  static constexpr uint32_t kCapacity = 1024;
  // An entry stands among so many from the place that the hash of its key gives.
  static constexpr uint32_t kWindow = 16;
  // Of a longer key the whole counts, but only so much is shown.
  static constexpr size_t kMaxKeySize = 87;
  static constexpr size_t kMemorySize = sizeof(HealthTableHeader) + kCapacity * sizeof(HealthEntry);

  // Maps the table in `directory`, which must exist (see state_directory.h), making the file if need be. A
  // file that is not a valid table of this layout, or of another boot, is replaced. Fails with an errno
  // value.
  static std::expected<std::unique_ptr<HealthTable>, int> Open(const std::string& directory);
  // Likewise, but makes nothing and replaces nothing: ENOENT where there is no file or only one of another
  // boot, EUCLEAN for one that is not a table of this layout that belongs to the effective user alone.
  static std::expected<std::unique_ptr<HealthTable>, int> OpenExisting(const std::string& directory);
  // The path of that file.
  static std::string PathIn(const std::string& directory);
  // An anonymous shared mapping instead of a file.
  static std::expected<std::unique_ptr<HealthTable>, int> MakePrivate();

  HealthTable(const HealthTable&) = delete;
  HealthTable& operator=(const HealthTable&) = delete;

  // The entry of `key`, which is made if need be; where its window is full, the one that has been out of use
  // for longest makes way. Null only when others take every entry away at the same moment, or damage the
  // memory meanwhile. Valid as long as the table is; but what is noted by a pointer that was kept while the
  // entry was cleared, or made way, may count for another key, so ask anew for each connection.
  HealthEntry* Find(std::string_view key, int64_t now_ms = MonotonicMs());

  // Likewise, for those who keep the hash of their key instead of the text. Where `wants_name` is true it is
  // time for SetName(): about once a second, and as long as the entry has no name.
  struct Found {
    HealthEntry* entry = nullptr;
    bool wants_name = false;
  };
  static uint64_t TagOf(std::string_view key);
  Found FindByTag(uint64_t tag, int64_t now_ms);
  // Writes the key into the entry, for people, unless it stands there.
  void SetName(HealthEntry* entry, std::string_view key);

  // The entries in use, in no order.
  std::vector<HealthReport> List() const;

  // Frees all entries and returns how many they were. A note that comes at the same moment may be lost, or
  // stay.
  uint32_t Clear();

  // For tests: `steps` is called after each store of Find() and Clear(), and before an entry is taken away.
  void set_steps(const FakeTableSteps& steps) { step_ = steps; }
  // For tests: the place of the first entry that may belong to `key`.
  static uint32_t HomeOf(std::string_view key);

 private:
  explicit HealthTable(SharedMapping mapping);
  static std::expected<std::unique_ptr<HealthTable>, int> Make(std::expected<SharedMapping, int> mapping);
  HealthEntry* FindTag(uint64_t tag);
  HealthEntry* MakeRoom(uint64_t tag, int64_t now_ms);
  HealthEntry* Claim(uint64_t tag, int64_t now_ms);

  SharedMapping mapping_;
  HealthEntry* entries_;
  // The page of the entry that was looked for first, and most programs have one server (first_touch.h).
  std::atomic<bool> is_touched_ = false;
  FakeTableSteps step_;
};

}  // namespace socksify

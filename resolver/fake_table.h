// SPDX-License-Identifier: BSD-2-Clause
// FakeTable: names and the addresses that stand for them, agreed between all processes of one user.
//
// Slot i of the table stands for the i-th address of the fake IPv4 range and of the fake IPv6 range alike.
// The table is one mapped file; where none can be had, an anonymous shared mapping, which children inherit
// over fork. Reading takes no lock and makes no system call, nor does entering a name in most cases: while
// the table has room, one in 1,024 names finds that none has been allocated yet. That, and recycling, takes a
// lock that the kernel drops when its holder dies, and repairs what a killed writer left. When it is full,
// the least recently used name makes way, or in a large table one of those that were used longest ago, but
// none whose address a living process holds.
//
// Thread-safe; async-signal-safe for reading. Names are compared as DNS does: ASCII case does not count, nor
// does one trailing dot. The name of an address is the name in lower case without that dot, whichever
// spelling came first: what a proxy sees does not depend on what other programs have asked.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/endpoint.h"
#include "base/ip_address.h"
#include "resolver/fake_range.h"
#include "resolver/fake_table_holder.h"
#include "resolver/fake_table_store.h"

namespace socksify {

class FakeTableFile;

class FakeTable {
 public:
  static constexpr uint32_t kMaxNames = kFakeTableMaxSlots;

  // Maps the table in `directory`, which must exist (see state_directory.h), making the file if need be. A
  // file that is not a valid table of this layout is replaced. Fails with an errno value; EINVAL for a range
  // that is none.
  static std::expected<std::unique_ptr<FakeTable>, int> Open(const std::string& directory,
                                                             const FakeRange& range);
  // Likewise, but makes nothing and replaces nothing: ENOENT where there is no file, EUCLEAN for one that is
  // not a table of this layout and these ranges that belongs to the effective user alone.
  static std::expected<std::unique_ptr<FakeTable>, int> OpenExisting(const std::string& directory,
                                                                     const FakeRange& range);
  // The path of that file; empty for a range that is none.
  static std::string PathIn(const std::string& directory, const FakeRange& range);
  // An anonymous shared mapping instead of a file.
  static std::expected<std::unique_ptr<FakeTable>, int> MakePrivate(const FakeRange& range);

  ~FakeTable();
  FakeTable(const FakeTable&) = delete;
  FakeTable& operator=(const FakeTable&) = delete;

  // The address that stands for `name`, which is entered if it is new. Fails with EINVAL for what can be the
  // name of no host (host_name.h), or with an errno value when the table cannot be written: ENOSPC, EMFILE,
  // ETIMEDOUT when others kept it locked for two seconds. Async-signal-safe for a name that is known.
  std::expected<IpAddress, int> AddressFor(std::string_view name, IpVersion version);

  // The name that `address` stands for, and marks it as used; nothing for an address that stands for none.
  // `port` becomes the endpoint's port.
  std::optional<Endpoint> NameFor(const IpAddress& address, uint16_t port) const;

  // A connection to `address` has come about, or ended: until each Hold() of this process has been undone by
  // a Release(), or the process has ended, nobody recycles the address unless all others are held too. Calls
  // count: each connection makes one of either. A Release() too many, and an address that is not fake, do
  // nothing. In a child that has inherited connections AfterFork() holds their addresses for it; so does its
  // first Hold() or Release(). Not to be called in a child of vfork(2). Async-signal-safe.
  void Hold(const IpAddress& address);
  void Release(const IpAddress& address);
  void AfterFork();

  // Removes all names, also those of addresses that are held, and returns how many they were. Their addresses
  // then stand for nothing, for every process that has the table open, and new names are given others for as
  // long as there are any. Fails as AddressFor() does.
  std::expected<uint32_t, int> Clear();

  struct Entry {
    IpAddress v4;
    IpAddress v6;
    std::string name;
    uint64_t last_use = 0;  // a higher number is later
  };
  // What `slot` stands for, without marking it as used; nothing from capacity() on, or for an empty slot.
  std::optional<Entry> EntryAt(uint32_t slot) const;

  // Whether `address` lies in one of the ranges, in use or not.
  bool IsFake(const IpAddress& address) const;

  // How many names are in use; looks at them all.
  uint32_t size() const;
  uint32_t capacity() const;

  // The next value of a counter that all processes of the table share: the draw of `balance: roundrobin`.
  uint64_t NextTicket();

  // For tests: `steps` is called after each store of a writer.
  void set_steps(const FakeTableSteps& steps) { store_.set_steps(steps); }

 private:
  FakeTable(const FakeRangeMap& range, std::string directory, std::unique_ptr<FakeTableFile> file);

  const FakeRangeMap range_;
  const std::string directory_;  // empty for an anonymous mapping
  const std::unique_ptr<FakeTableFile> file_;
  FakeTableStore store_;
  FakeTableHolder holder_;
};

}  // namespace socksify

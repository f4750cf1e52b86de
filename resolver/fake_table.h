// SPDX-License-Identifier: BSD-2-Clause
// FakeTable: names and the addresses that stand for them, agreed between all processes of one user.
//
// Slot i of the table stands for the i-th address of the fake IPv4 range and of the fake IPv6 range alike.
// The table is one mapped file; where none can be had, an anonymous shared mapping, which children inherit
// over fork. Reading takes no lock and makes no system call. Writing takes a lock that the kernel drops when
// its holder dies, and repairs what a killed writer left. When it is full, the least recently used name makes
// way.
//
// Thread-safe; async-signal-safe for reading. Names are compared as DNS does: ASCII case does not count, nor
// does one trailing dot.
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
#include "resolver/fake_table_store.h"

namespace socksify {

class FakeTableFile;

class FakeTable {
 public:
  static constexpr uint32_t kMaxNames = 131'072;

  // Maps the table in `directory`, which must exist (see state_directory.h), making the file if need be. A
  // file that is not a valid table of this layout is replaced. Fails with an errno value; EINVAL for a range
  // that is none.
  static std::expected<std::unique_ptr<FakeTable>, int> Open(const std::string& directory,
                                                             const FakeRange& range);
  // An anonymous shared mapping instead of a file.
  static std::expected<std::unique_ptr<FakeTable>, int> MakePrivate(const FakeRange& range);

  ~FakeTable();
  FakeTable(const FakeTable&) = delete;
  FakeTable& operator=(const FakeTable&) = delete;

  // The address that stands for `name`, which is entered if it is new. Fails with EINVAL for a name that is
  // not 1 to 255 bytes or holds a NUL, or with an errno value when the table cannot be written: ENOSPC,
  // EMFILE, ETIMEDOUT when others kept it locked for two seconds. Async-signal-safe for a name that is known.
  std::expected<IpAddress, int> AddressFor(std::string_view name, IpVersion version);

  // The name that `address` stands for, and marks it as used; nothing for an address that stands for none.
  // `port` becomes the endpoint's port.
  std::optional<Endpoint> NameFor(const IpAddress& address, uint16_t port) const;

  // Whether `address` lies in one of the ranges, in use or not.
  bool IsFake(const IpAddress& address) const;

  // How many names are in use.
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
};

}  // namespace socksify

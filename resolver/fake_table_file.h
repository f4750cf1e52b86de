// SPDX-License-Identifier: BSD-2-Clause
// FakeTableFile: the memory of a fake table, mapped from a file or anonymous, and the disk space behind it.
//
// No descriptor stays open. Owns the mapping.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "resolver/fake_table_layout.h"
#include "resolver/fake_table_store.h"

namespace socksify {

class FakeTableFile final : public FakeTableStore::Allocator {
 public:
  // Maps the file at `path`, when it is a whole table with this identity that belongs to the effective user
  // alone. Fails with EUCLEAN when it is something else, or with what a system call failed with. Changes
  // nothing.
  static std::expected<std::unique_ptr<FakeTableFile>, int> Open(const std::string& path,
                                                                 const FakeTableIdentity& identity);
  // Makes a new file, puts it in the place of whatever is at `path`, and maps it. Needs the table's lock.
  static std::expected<std::unique_ptr<FakeTableFile>, int> Replace(const std::string& path,
                                                                    const FakeTableIdentity& identity);
  // Anonymous memory that children share.
  static std::expected<std::unique_ptr<FakeTableFile>, int> MakePrivate(const FakeTableIdentity& identity);

  ~FakeTableFile();
  FakeTableFile(const FakeTableFile&) = delete;
  FakeTableFile& operator=(const FakeTableFile&) = delete;

  std::byte* memory() const { return memory_; }
  const FakeTableLayout& layout() const { return layout_; }

  // Space, so that a store cannot meet a full disk. Fails with ENOSPC and the like, and with ESTALE when the
  // file is no longer at its path and the kernel is older than 5.14.
  int Allocate(std::span<const FakeTableExtent> extents) override;

 private:
  explicit FakeTableFile(const FakeTableLayout& layout) : layout_(layout) {}
  static std::expected<std::unique_ptr<FakeTableFile>, int> Map(int fd, const std::string& path,
                                                                const FakeTableLayout& layout);

  FakeTableLayout layout_;
  std::byte* memory_ = nullptr;
  std::string path_;  // empty for anonymous memory
  uint64_t device_ = 0;
  uint64_t inode_ = 0;
};

}  // namespace socksify

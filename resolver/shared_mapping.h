// SPDX-License-Identifier: BSD-2-Clause
// SharedMapping: memory of fixed size that the processes of a user share, from a small file in the state
// directory that is allocated whole, or anonymous and shared with children over fork.
//
// The file keeps the rules that stand at the head of fake_table_file.cc. No descriptor stays open. Errors are
// errno values.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <utility>

#include "resolver/first_touch.h"  // IWYU pragma: export

namespace socksify {

class SharedMapping {
 public:
  // What a file begins with, and who judges it.
  struct Format {
    size_t size;         // of the whole file
    size_t header_size;  // of its beginning; at most kMaxHeaderSize
    // 0 when the header is that of a sound file; EUCLEAN, or ENOENT where the file is as good as none.
    int (*check)(const std::byte* header);
    // Writes the header of a new file into zeroed memory.
    void (*write)(std::byte* header);
  };
  static constexpr size_t kMaxHeaderSize = 64;

  // Maps the file at `path`, which must be of that format and belong to the effective user alone, else
  // EUCLEAN, or what format.check() has returned. Changes nothing but holes.
  static std::expected<SharedMapping, int> Open(const std::string& path, const Format& format);
  // Likewise, but makes the file anew instead of failing with ENOENT or EUCLEAN, under the lock of the names'
  // table in `directory`, which must exist.
  static std::expected<SharedMapping, int> OpenOrMake(const std::string& directory, const std::string& path,
                                                      const Format& format);
  // Anonymous memory instead of a file.
  static std::expected<SharedMapping, int> MakePrivate(const Format& format);

  SharedMapping(SharedMapping&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)), size_(other.size_) {}
  SharedMapping& operator=(SharedMapping&&) = delete;
  ~SharedMapping();

  std::byte* memory() const { return memory_; }

 private:
  SharedMapping(std::byte* memory, size_t size) : memory_(memory), size_(size) {}
  static std::expected<SharedMapping, int> Map(int fd, const Format& format);
  static std::expected<SharedMapping, int> Replace(const std::string& path, const Format& format);

  std::byte* memory_;
  size_t size_;
};

}  // namespace socksify

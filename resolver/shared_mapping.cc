// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/shared_mapping.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>

#include "resolver/fake_table_lock.h"
#include "resolver/state_file.h"

namespace socksify {
namespace {

// Whether a new file in the place of the one that could not be opened may help.
bool IsReplaceable(int open_error) {
  return open_error == ENOENT || open_error == EUCLEAN;
}

}  // namespace

// Anonymous memory for fd -1.
std::expected<SharedMapping, int> SharedMapping::Map(int fd, const Format& format) {
  const int flags = fd < 0 ? MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
  void* const memory = mmap(nullptr, format.size, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (memory == MAP_FAILED) return std::unexpected(errno);
  return SharedMapping(static_cast<std::byte*>(memory), format.size);
}

std::expected<SharedMapping, int> SharedMapping::Open(const std::string& path, const Format& format) {
  const RawDescriptor fd(OpenStateFile(path));
  if (!fd.valid()) return std::unexpected(errno);
  struct stat64 status{};
  int error = CheckStateFile(fd.get(), format.size, &status);
  if (error != 0) return std::unexpected(error);
  alignas(64) std::byte header[kMaxHeaderSize];
  if (pread64(fd.get(), static_cast<void*>(header), format.header_size, 0) !=
      static_cast<ssize_t>(format.header_size)) {
    return std::unexpected(EUCLEAN);
  }
  error = format.check(header);
  // A copy of a file may have lost its space to holes.
  if (error == 0 && static_cast<uint64_t>(status.st_blocks) * 512 < format.size)
    error = FillHoles(fd.get(), 0, format.size);
  if (error != 0) return std::unexpected(error);
  return Map(fd.get(), format);
}

std::expected<SharedMapping, int> SharedMapping::Replace(const std::string& path, const Format& format) {
  const std::string fresh = path + ".new";
  const RawDescriptor fd(MakeStateFile(fresh, format.size));
  if (!fd.valid()) return std::unexpected(errno);
  int error = AllocateRange(fd.get(), 0, format.size);
  if (error == 0) {
    auto mapping = Map(fd.get(), format);
    if (mapping) {
      format.write(mapping->memory());
      if (rename(fresh.c_str(), path.c_str()) == 0) return mapping;
    }
    error = mapping ? errno : mapping.error();
  }
  unlink(fresh.c_str());
  return std::unexpected(error);
}

std::expected<SharedMapping, int> SharedMapping::OpenOrMake(const std::string& directory,
                                                            const std::string& path, const Format& format) {
  if (directory.empty()) return std::unexpected(ENOENT);
  auto mapping = Open(path, format);
  if (mapping || !IsReplaceable(mapping.error())) return mapping;
  const FakeTableLock lock(directory, nullptr);
  if (lock.error() != 0) return std::unexpected(lock.error());
  // Another process may have been faster.
  auto late = Open(path, format);
  if (late || !IsReplaceable(late.error())) return late;
  return Replace(path, format);
}

std::expected<SharedMapping, int> SharedMapping::MakePrivate(const Format& format) {
  auto mapping = Map(-1, format);
  if (mapping) format.write(mapping->memory());
  return mapping;
}

SharedMapping::~SharedMapping() {
  if (memory_ != nullptr) munmap(memory_, size_);
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
//
// A mapped file can kill the program that maps it: a page beyond the end of the file, or one that cannot get
// space on a full disk, raises SIGBUS. Hence these rules. The size is checked before the file is mapped, and
// nobody shrinks a table; a new one is made whole under another name and put in place by rename(2), so that
// old mappings stay what they were. A page is touched only when space has been allocated for it. The header
// is read through the descriptor before anything is mapped.
//
// What remains: somebody with the user's own rights truncates the file while it is mapped, or punches holes
// into it on a full disk. And file systems that write every change to a new place (btrfs, zfs) may run out of
// space all the same; state directories are on tmpfs, where allocated is allocated.
#include "resolver/fake_table_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <span>

#include "resolver/state_file.h"

namespace socksify {
namespace {

// A clock that is further than this was not reached by counting.
constexpr uint64_t kMaxClock = uint64_t{1} << 62;

// The parts of a table that have space when it has a level of the index and `count` slots.
class Allocated {
 public:
  Allocated(const FakeTableLayout& layout, uint32_t level, uint32_t count)
      : extents_{{{0, FakeTableLayout::LevelEnd(level)},
                  {layout.HoldsOffset(), layout.SlotsOffset() + FakeTableLayout::SlotPages(count)},
                  {layout.NamesOffset(), layout.NamesOffset() + FakeTableLayout::NamePages(count)},
                  {layout.TailsOffset(), layout.TailsOffset() + FakeTableLayout::TailPages(count)}}} {}

  size_t size() const {
    size_t size = 0;
    for (const FakeTableExtent& extent : extents_) size += extent.end - extent.begin;
    return size;
  }
  // Calls fill(begin, end) for each until one gives an error.
  template <typename Fill>
  int Each(Fill fill) const {
    int error = 0;
    for (const FakeTableExtent& extent : extents_) {
      if (error == 0) error = fill(extent.begin, extent.end);
    }
    return error;
  }

 private:
  std::array<FakeTableExtent, 4> extents_;
};

// Allocates pages of a mapped file that was removed or replaced under us: those who still map it go on with
// it.
int Populate(std::byte* memory, size_t size) {
#ifdef MADV_POPULATE_WRITE
  constexpr int kPopulateWrite = MADV_POPULATE_WRITE;
#else
  constexpr int kPopulateWrite = 23;
#endif
  if (madvise(memory, size, kPopulateWrite) == 0) return 0;
  return errno == EINVAL ? ESTALE : ENOSPC;
}

uint64_t RandomSeed() {
  uint64_t seed = 0;
  if (syscall(SYS_getrandom, &seed, sizeof seed, 1 /* GRND_NONBLOCK */) == sizeof seed) return seed;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_nsec) << 32 ^ static_cast<uint64_t>(now.tv_sec) ^
         static_cast<uint64_t>(getpid()) << 16;
}

// Makes a table of zeroed memory.
void WriteHeader(std::byte* memory, const FakeTableIdentity& identity, const FakeTableLayout& layout) {
  auto* const header = new (memory) FakeTableHeader{};
  header->identity = identity;
  header->index_size = layout.first_level();
  header->clock = 1;  // later than the stamp of a slot that was never used
  header->hash_seed = RandomSeed();
}

// Whether this is the header of the table that is asked for, with counters that a table can have.
bool IsSound(const FakeTableHeader& header, const FakeTableIdentity& identity,
             const FakeTableLayout& layout) {
  const uint32_t used = header.used.load(std::memory_order_relaxed);
  const uint32_t allocated = header.allocated.load(std::memory_order_relaxed);
  return std::memcmp(&header.identity, &identity, sizeof identity) == 0 && used <= allocated &&
         allocated <= layout.capacity() &&
         layout.IsLevel(header.index_size.load(std::memory_order_relaxed)) &&
         header.clock.load(std::memory_order_relaxed) < kMaxClock;
}

}  // namespace

std::expected<std::unique_ptr<FakeTableFile>, int> FakeTableFile::Map(int fd, const std::string& path,
                                                                      const FakeTableLayout& layout) {
  struct stat64 status{};
  if (fstat64(fd, &status) != 0) return std::unexpected(errno);
  void* const memory = mmap(nullptr, layout.FileSize(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return std::unexpected(errno);
  std::unique_ptr<FakeTableFile> file(new FakeTableFile(layout));
  file->memory_ = static_cast<std::byte*>(memory);
  file->path_ = path;
  file->device_ = status.st_dev;
  file->inode_ = status.st_ino;
  return file;
}

std::expected<std::unique_ptr<FakeTableFile>, int> FakeTableFile::Open(const std::string& path,
                                                                       const FakeTableIdentity& identity) {
  const FakeTableLayout layout(identity.capacity);
  const RawDescriptor fd(OpenStateFile(path));
  if (!fd.valid()) return std::unexpected(errno);
  struct stat64 status{};
  if (const int error = CheckStateFile(fd.get(), layout.FileSize(), &status); error != 0)
    return std::unexpected(error);

  FakeTableHeader header{};
  const ssize_t size = pread64(fd.get(), static_cast<void*>(&header), sizeof header, 0);
  if (size != sizeof header || !IsSound(header, identity, layout)) return std::unexpected(EUCLEAN);
  // A copy of a table may have lost its space to holes.
  const Allocated allocated(layout, header.index_size.load(std::memory_order_relaxed),
                            header.allocated.load(std::memory_order_relaxed));
  if (static_cast<uint64_t>(status.st_blocks) * 512 < allocated.size()) {
    const int error =
        allocated.Each([&](size_t begin, size_t end) { return FillHoles(fd.get(), begin, end); });
    if (error != 0) return std::unexpected(error);
  }
  return Map(fd.get(), path, layout);
}

std::expected<std::unique_ptr<FakeTableFile>, int> FakeTableFile::Replace(const std::string& path,
                                                                          const FakeTableIdentity& identity) {
  const FakeTableLayout layout(identity.capacity);
  const std::string fresh = path + ".new";
  const RawDescriptor fd(MakeStateFile(fresh, layout.FileSize()));
  if (!fd.valid()) return std::unexpected(errno);
  const int error = Allocated(layout, layout.first_level(), 0).Each([&](size_t begin, size_t end) {
    return begin != end ? AllocateRange(fd.get(), begin, end) : 0;
  });
  std::expected<std::unique_ptr<FakeTableFile>, int> file = std::unexpected(error);
  if (error == 0) file = Map(fd.get(), path, layout);
  if (file) {
    WriteHeader((*file)->memory(), identity, layout);
    if (rename(fresh.c_str(), path.c_str()) != 0) file = std::unexpected(errno);
  }
  if (!file) unlink(fresh.c_str());
  return file;
}

std::expected<std::unique_ptr<FakeTableFile>, int> FakeTableFile::MakePrivate(
    const FakeTableIdentity& identity) {
  const FakeTableLayout layout(identity.capacity);
  void* const memory = mmap(nullptr, layout.FileSize(), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return std::unexpected(errno);
  std::unique_ptr<FakeTableFile> file(new FakeTableFile(layout));
  file->memory_ = static_cast<std::byte*>(memory);
  WriteHeader(file->memory_, identity, layout);
  return file;
}

FakeTableFile::~FakeTableFile() {
  if (memory_ != nullptr) munmap(memory_, layout_.FileSize());
}

int FakeTableFile::Allocate(std::span<const FakeTableExtent> extents) {
  if (path_.empty()) return 0;
  const RawDescriptor fd(OpenStateFile(path_));
  struct stat64 status{};
  const bool is_ours =
      fd.valid() && fstat64(fd.get(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
  for (const auto& [begin, end] : extents) {
    if (begin == end) continue;
    const int error = is_ours ? AllocateRange(fd.get(), begin, end) : Populate(memory_ + begin, end - begin);
    if (error != 0) return error;
  }
  return 0;
}

}  // namespace socksify

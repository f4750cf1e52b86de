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
//
// Close goes by its system call: libc's is replaced in the preload.
#include "resolver/fake_table_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <utility>

namespace socksify {
namespace {

// A clock that is further than this was not reached by counting.
constexpr uint64_t kMaxClock = uint64_t{1} << 62;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) syscall(SYS_close, fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

// Allocates [begin, end) of a file, which holds nothing yet.
int AllocateRange(int fd, size_t begin, size_t end) {
  if (begin >= end) return 0;
  if (fallocate64(fd, 0, static_cast<off64_t>(begin), static_cast<off64_t>(end - begin)) == 0) return 0;
  if (errno != EOPNOTSUPP && errno != ENOSYS) return errno;
  static constexpr char kZeroes[4096] = {};
  for (size_t at = begin; at < end;) {
    const ssize_t written =
        pwrite64(fd, kZeroes, std::min(end - at, sizeof kZeroes), static_cast<off64_t>(at));
    if (written <= 0) return written < 0 ? errno : ENOSPC;
    at += static_cast<size_t>(written);
  }
  return 0;
}

// The parts of a table that have space when `count` slots do.
class Allocated {
 public:
  Allocated(const FakeTableLayout& layout, uint32_t count)
      : slots_end_(layout.SlotsOffset() + FakeTableLayout::SlotPages(count)),
        tails_(layout.TailsOffset()),
        tails_end_(layout.TailsOffset() + FakeTableLayout::TailPages(count)) {}

  size_t size() const { return slots_end_ + tails_end_ - tails_; }
  // Fails with EUCLEAN where a file system cannot do it.
  int FillHoles(int fd) const {
    for (const auto& [begin, end] : {std::pair(size_t{0}, slots_end_), std::pair(tails_, tails_end_)}) {
      if (begin == end ||
          fallocate64(fd, 0, static_cast<off64_t>(begin), static_cast<off64_t>(end - begin)) == 0) {
        continue;
      }
      return errno == EOPNOTSUPP ? EUCLEAN : errno;
    }
    return 0;
  }

 private:
  size_t slots_end_;
  size_t tails_;
  size_t tails_end_;
};

// Allocates pages of a mapped file that was removed or replaced under us: those who still map it go on with
// it.
int Populate(std::byte* memory, size_t size) {
#ifdef MADV_POPULATE_WRITE
  constexpr int kPopulateWrite = MADV_POPULATE_WRITE;
#else
  constexpr int kPopulateWrite = 23;
#endif
  if (size == 0 || madvise(memory, size, kPopulateWrite) == 0) return 0;
  return errno == EINVAL ? ESTALE : ENOSPC;
}

// Growing a file past RLIMIT_FSIZE raises SIGXFSZ, which ends the program.
bool IsFileSizeAllowed(size_t size) {
  rlimit64 limit{};
  return getrlimit64(RLIMIT_FSIZE, &limit) == 0 &&
         (limit.rlim_cur == RLIM64_INFINITY || size <= limit.rlim_cur);
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
void WriteHeader(std::byte* memory, const FakeTableIdentity& identity) {
  auto* const header = new (memory) FakeTableHeader{};
  header->identity = identity;
  header->hash_seed = RandomSeed();
}

// Whether this is the header of the table that is asked for, with counters that a table can have.
bool IsSound(const FakeTableHeader& header, const FakeTableIdentity& identity,
             const FakeTableLayout& layout) {
  const uint32_t used = header.used.load(std::memory_order_relaxed);
  const uint32_t allocated = header.allocated.load(std::memory_order_relaxed);
  return std::memcmp(&header.identity, &identity, sizeof identity) == 0 && used <= allocated &&
         allocated <= layout.capacity() && header.clock.load(std::memory_order_relaxed) < kMaxClock;
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
  const Descriptor fd(open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid())
    return std::unexpected(errno == ELOOP || errno == EACCES || errno == ENXIO ? EUCLEAN : errno);
  struct stat64 status{};
  if (fstat64(fd.get(), &status) != 0) return std::unexpected(errno);
  const bool is_ours = S_ISREG(status.st_mode) && status.st_uid == geteuid() && status.st_nlink == 1 &&
                       (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
  if (!is_ours || static_cast<uint64_t>(status.st_size) != layout.FileSize()) return std::unexpected(EUCLEAN);

  FakeTableHeader header{};
  const ssize_t size = pread64(fd.get(), static_cast<void*>(&header), sizeof header, 0);
  if (size != sizeof header || !IsSound(header, identity, layout)) return std::unexpected(EUCLEAN);
  // A copy of a table may have lost its space to holes.
  const Allocated allocated(layout, header.allocated.load(std::memory_order_relaxed));
  if (static_cast<uint64_t>(status.st_blocks) * 512 < allocated.size()) {
    const int error = allocated.FillHoles(fd.get());
    if (error != 0) return std::unexpected(error);
  }
  return Map(fd.get(), path, layout);
}

std::expected<std::unique_ptr<FakeTableFile>, int> FakeTableFile::Replace(const std::string& path,
                                                                          const FakeTableIdentity& identity) {
  const FakeTableLayout layout(identity.capacity);
  if (!IsFileSizeAllowed(layout.FileSize())) return std::unexpected(EFBIG);
  const std::string fresh = path + ".new";
  unlink(fresh.c_str());
  const Descriptor fd(
      open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!fd.valid()) return std::unexpected(errno);
  int error = ftruncate64(fd.get(), static_cast<off64_t>(layout.FileSize())) == 0 ? 0 : errno;
  if (error == 0) {
    error = AllocateRange(fd.get(), 0, layout.SlotsOffset());
  }
  std::expected<std::unique_ptr<FakeTableFile>, int> file = std::unexpected(error);
  if (error == 0) file = Map(fd.get(), path, layout);
  if (file) {
    WriteHeader((*file)->memory(), identity);
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
  WriteHeader(file->memory_, identity);
  return file;
}

FakeTableFile::~FakeTableFile() {
  if (memory_ != nullptr) munmap(memory_, layout_.FileSize());
}

int FakeTableFile::Allocate(uint32_t begin, uint32_t end) {
  if (path_.empty()) return 0;
  const size_t slots = layout_.SlotsOffset();
  const size_t tails = layout_.TailsOffset();
  const std::pair<size_t, size_t> parts[] = {
      {slots + FakeTableLayout::SlotPages(begin), slots + FakeTableLayout::SlotPages(end)},
      {tails + FakeTableLayout::TailPages(begin), tails + FakeTableLayout::TailPages(end)}};
  const Descriptor fd(open(path_.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat64 status{};
  const bool is_ours =
      fd.valid() && fstat64(fd.get(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
  for (const auto& [from, to] : parts) {
    const int error = is_ours ? AllocateRange(fd.get(), from, to) : Populate(memory_ + from, to - from);
    if (error != 0) return error;
  }
  return 0;
}

}  // namespace socksify

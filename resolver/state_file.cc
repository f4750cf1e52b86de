// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/state_file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace socksify {
namespace {

// Growing a file past RLIMIT_FSIZE raises SIGXFSZ, which ends the program.
bool IsFileSizeAllowed(size_t size) {
  rlimit64 limit{};
  return getrlimit64(RLIMIT_FSIZE, &limit) == 0 &&
         (limit.rlim_cur == RLIM64_INFINITY || size <= limit.rlim_cur);
}

}  // namespace

RawDescriptor::~RawDescriptor() {
  if (fd_ >= 0) syscall(SYS_close, fd_);
}

int OpenStateFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 && (errno == ELOOP || errno == EACCES || errno == ENXIO)) errno = EUCLEAN;
  return fd;
}

int CheckStateFile(int fd, size_t size, struct stat64* status) {
  if (fstat64(fd, status) != 0) return errno;
  const bool is_ours = S_ISREG(status->st_mode) && status->st_uid == geteuid() && status->st_nlink == 1 &&
                       (status->st_mode & (S_IRWXG | S_IRWXO)) == 0;
  return is_ours && static_cast<uint64_t>(status->st_size) == size ? 0 : EUCLEAN;
}

int MakeStateFile(const std::string& path, size_t size) {
  if (!IsFileSizeAllowed(size)) {
    errno = EFBIG;
    return -1;
  }
  unlink(path.c_str());
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0 || ftruncate64(fd, static_cast<off64_t>(size)) == 0) return fd;
  const int error = errno;
  syscall(SYS_close, fd);
  unlink(path.c_str());
  errno = error;
  return -1;
}

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

int FillHoles(int fd, size_t begin, size_t end) {
  if (begin >= end ||
      fallocate64(fd, 0, static_cast<off64_t>(begin), static_cast<off64_t>(end - begin)) == 0) {
    return 0;
  }
  return errno == EOPNOTSUPP ? EUCLEAN : errno;
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// Files in the state directory that are mapped by every process of a user: opening, making, disk space.
//
// Errors are errno values. EUCLEAN says that what is at a path is not a file of ours: make a new one.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace socksify {

// Owns a descriptor and closes it by its system call: libc's is replaced in the preload.
class RawDescriptor {
 public:
  explicit RawDescriptor(int fd) : fd_(fd) {}
  ~RawDescriptor();
  RawDescriptor(const RawDescriptor&) = delete;
  RawDescriptor& operator=(const RawDescriptor&) = delete;
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

// Opens what is at `path` for reading and writing, without following a link or waiting for a FIFO's other
// end. A descriptor, or -1 and errno; EUCLEAN for a link, and for what cannot be opened so.
int OpenStateFile(const std::string& path);
// 0 and *status, when `fd` is a regular file of `size` bytes with one name that belongs to the effective user
// alone; EUCLEAN when it is something else.
int CheckStateFile(int fd, size_t size, struct stat64* status);
// Makes a file of `size` bytes, all of it a hole, with mode 0600 in the place of whatever is at `path`. A
// descriptor, or -1 and errno; EFBIG rather than SIGXFSZ.
int MakeStateFile(const std::string& path, size_t size);

// Allocates [begin, end) of a file, which holds nothing yet. Returns 0 or an errno value.
int AllocateRange(int fd, size_t begin, size_t end);
// Allocates what of [begin, end) is a hole, and leaves the rest as it is. Returns 0 or an errno value;
// EUCLEAN where a file system cannot do it.
int FillHoles(int fd, size_t begin, size_t end);

}  // namespace socksify

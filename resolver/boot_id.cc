// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/boot_id.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "resolver/state_file.h"

namespace socksify {

BootId ReadBootId(const char* path) {
  BootId id{};
  const RawDescriptor fd(open(path, O_RDONLY | O_CLOEXEC));
  // libc's read is replaced in the preload.
  constexpr long kUuidSize = 36;
  if (!fd.valid() || syscall(SYS_read, fd.get(), id.data(), id.size() - 1) < kUuidSize) id.fill('\0');
  return id;
}

}  // namespace socksify

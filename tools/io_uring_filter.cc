// SPDX-License-Identifier: BSD-2-Clause
#include "tools/io_uring_filter.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <iterator>

namespace socksify {
namespace {

// System calls have had the same number on all machines since 403, so a process of the machine's other ABI
// (i386 on x86-64) needs no rule of its own. Only the x32 ABI marks its numbers, by this bit.
constexpr uint32_t kX32Bit = 0x4000'0000;
constexpr uint32_t kFirst = SYS_io_uring_setup;
constexpr uint32_t kLast = SYS_io_uring_register;
static_assert(kLast == kFirst + 2 && SYS_io_uring_enter == kFirst + 1);

bool Install() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~kX32Bit),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kFirst, 0, 2),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, kLast, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter = {.len = std::size(program), .filter = program};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0;
}

}  // namespace

int ApplyIoUring(IoUring choice) {
  if (choice == IoUring::kAllow || Install()) return 0;
  if (choice == IoUring::kDenyIfFree) return 0;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  return Install() ? 0 : errno;
}

}  // namespace socksify

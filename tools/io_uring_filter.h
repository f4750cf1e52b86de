// SPDX-License-Identifier: BSD-2-Clause
// Keeps io_uring from a program: what goes through a ring goes past libc, and so past the preload.
#pragma once

#include <cstdint>

namespace socksify {

enum class IoUring : uint8_t {
  kDenyIfFree,  // deny, unless it would cost the program its privileges to gain more
  kDeny,
  kAllow,
};

// Makes io_uring_setup(2), io_uring_enter(2) and io_uring_register(2) fail with ENOSYS in this process and
// all that it starts, for good, so that programs fall back to calls that libc makes. That takes CAP_SYS_ADMIN
// or no_new_privs (seccomp(2)). With no_new_privs, setuid programs and file capabilities have no effect any
// more; it is set only for kDeny. Returns 0 or an errno value.
int ApplyIoUring(IoUring choice);

}  // namespace socksify

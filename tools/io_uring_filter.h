// SPDX-License-Identifier: BSD-2-Clause
// The seccomp filter that keeps io_uring from a program, so that it falls back to calls that a preload sees.
//
// A ring connects and sends inside the kernel, and libraries set it up without libc (liburing has its own
// system calls). What the filter answers, ENOSYS, is what a kernel without io_uring answers, and that every
// user of io_uring has to live with.
#pragma once

#include <linux/filter.h>

#include <span>

namespace socksify {

// Whether PR_SET_NO_NEW_PRIVS (prctl(2)) may be set where the kernel demands it for a filter: of everybody
// without CAP_SYS_ADMIN in its user namespace. It cannot be taken back and takes from setuid programs and
// file capabilities their effect, in the program and all that it starts.
enum class NoNewPrivileges { kMayBeSet, kLeftAlone };

// The filter, a classic BPF program over struct seccomp_data (seccomp(2)): ENOSYS for io_uring_setup,
// io_uring_enter and io_uring_register by every system call interface of the machine, everything else
// allowed. Empty on architectures that it does not know.
std::span<const sock_filter> IoUringFilter();

// Puts the calling thread under the filter, with all that it forks and executes, for good. 0 or an errno
// value: EACCES where no_new_privs would have to be set but is left alone; EOPNOTSUPP where there is no
// filter for the architecture; what the kernel, or a sandbox around us, has against seccomp(2).
int InstallIoUringFilter(NoNewPrivileges no_new_privileges);

}  // namespace socksify

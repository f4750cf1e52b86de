// SPDX-License-Identifier: BSD-2-Clause
// A kernel may take calls by several interfaces from one program: on x86-64 also i386's (int 0x80, from
// 64-bit code too) and x32's. seccomp tells them apart by the audit architecture and, x32 from x86-64, by a
// bit of the number. A filter that knew only its own would be passed by the others.
//
// Only the number and the architecture are looked at: then the kernel finds out beforehand which numbers are
// always allowed, keeps them in a bitmap, and does not run the filter for them (since Linux 5.11). It does so
// by following the filter for each number of each interface when the filter is set, a thousand times: hence
// what nearly all of them have in common, a low number, is asked first.
#include "tools/io_uring_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace socksify {
namespace {

// One system call interface, by which io_uring_setup, _enter and _register have consecutive numbers.
struct CallInterface {
  uint32_t audit_arch;
  uint32_t setup_number;
};

static_assert(SYS_io_uring_enter == SYS_io_uring_setup + 1 &&
              SYS_io_uring_register == SYS_io_uring_setup + 2);

// The numbers from 424 on are the same for all architectures in Linux, but for an offset on few. A 32-bit
// launcher may start a 64-bit program, so a pair of architectures has the same table on both sides.
constexpr std::array kInterfaces = std::to_array<CallInterface>({
#if defined(__x86_64__) || defined(__i386__)
    {AUDIT_ARCH_X86_64, 425},
    {AUDIT_ARCH_X86_64, 0x40000000 | 425},  // x32: __X32_SYSCALL_BIT
    {AUDIT_ARCH_I386, 425},
#elif defined(__aarch64__) || defined(__arm__)
    {AUDIT_ARCH_AARCH64, 425},
    {AUDIT_ARCH_ARM, 425},
#elif defined(__riscv) && __riscv_xlen == 64
    {AUDIT_ARCH_RISCV64, SYS_io_uring_setup},
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
    {AUDIT_ARCH_PPC64LE, SYS_io_uring_setup},
#elif defined(__s390x__)
    {AUDIT_ARCH_S390X, SYS_io_uring_setup},
#elif defined(__loongarch64)
    {AUDIT_ARCH_LOONGARCH64, SYS_io_uring_setup},
#else
    {0, 0},  // no architecture's value: see IoUringFilter()
#endif
});

constexpr size_t kInstructionsAhead = 2;
constexpr size_t kInstructionsPerInterface = 6;
using Filter =
    std::array<sock_filter, kInstructionsAhead + (kInterfaces.size() * kInstructionsPerInterface) + 1>;

// Below it no interface has anything to deny.
constexpr uint32_t kLowestNumber =
    std::ranges::min(kInterfaces, {}, &CallInterface::setup_number).setup_number;

consteval sock_filter Load(size_t offset) {
  return {.code = BPF_LD | BPF_W | BPF_ABS, .jt = 0, .jf = 0, .k = static_cast<uint32_t>(offset)};
}

consteval sock_filter Return(uint32_t action) {
  return {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = action};
}

// Goes on after `if_true` or `if_false` further instructions.
consteval sock_filter Jump(uint16_t comparison, uint32_t value, uint8_t if_true, uint8_t if_false) {
  return {
      .code = static_cast<uint16_t>(BPF_JMP | comparison | BPF_K), .jt = if_true, .jf = if_false, .k = value};
}

consteval Filter MakeFilter() {
  Filter filter{};
  size_t at = 0;
  filter[at++] = Load(offsetof(seccomp_data, nr));
  filter[at++] = Jump(BPF_JGE, kLowestNumber, 0, filter.size() - 1 - kInstructionsAhead);  // else the end
  for (const CallInterface& interface : kInterfaces) {
    filter[at++] = Load(offsetof(seccomp_data, arch));
    filter[at++] = Jump(BPF_JEQ, interface.audit_arch, 0, 4);  // else the next interface
    filter[at++] = Load(offsetof(seccomp_data, nr));
    filter[at++] = Jump(BPF_JGE, interface.setup_number, 0, 2);      // else the next interface
    filter[at++] = Jump(BPF_JGT, interface.setup_number + 2, 1, 0);  // then the next interface
    filter[at++] = Return(SECCOMP_RET_ERRNO | ENOSYS);
  }
  filter[at++] = Return(SECCOMP_RET_ALLOW);
  return filter;
}

constexpr Filter kFilter = MakeFilter();

int SetFilter(unsigned flags) {
  const std::span<const sock_filter> filter = IoUringFilter();
  // The kernel copies the program and does not write to it.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
  const sock_fprog program = {.len = static_cast<uint16_t>(filter.size()),
                              .filter = const_cast<sock_filter*>(filter.data())};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0 ? 0 : errno;
}

// The filter protects nobody, so it is no reason to slow the program by the mitigations that older kernels
// give to what runs under seccomp. Before Linux 4.17 the flag was unknown.
int SetFilterWithoutMitigations() {
  const int error = SetFilter(SECCOMP_FILTER_FLAG_SPEC_ALLOW);
  return error == EINVAL ? SetFilter(0) : error;
}

}  // namespace

std::span<const sock_filter> IoUringFilter() {
  if constexpr (kInterfaces[0].audit_arch == 0) return {};
  return kFilter;
}

int InstallIoUringFilter(NoNewPrivileges no_new_privileges) {
  if (IoUringFilter().empty()) return EOPNOTSUPP;
  const int error = SetFilterWithoutMitigations();
  if (error != EACCES || no_new_privileges == NoNewPrivileges::kLeftAlone) return error;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  return SetFilterWithoutMitigations();
}

}  // namespace socksify

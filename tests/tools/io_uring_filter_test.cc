// SPDX-License-Identifier: BSD-2-Clause
// The filter as the kernel would run it, for interfaces that the kernel at hand need not have. That the
// kernel takes it is shown by tests/integration/io_uring_test.cc.
#include "tools/io_uring_filter.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace socksify {
namespace {

constexpr uint32_t kDenied = SECCOMP_RET_ERRNO | ENOSYS;
constexpr uint32_t kAllowed = SECCOMP_RET_ALLOW;

// What the filter returns; nothing where it leaves its own instructions or has one that it should not need.
std::optional<uint32_t> Evaluate(const seccomp_data& data) {
  const std::span<const sock_filter> filter = IoUringFilter();
  uint32_t accumulator = 0;
  for (size_t at = 0; at < filter.size(); ++at) {
    const sock_filter& instruction = filter[at];
    const auto jump = [&](bool taken) { at += taken ? instruction.jt : instruction.jf; };
    switch (instruction.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (instruction.k + sizeof accumulator > sizeof data) return std::nullopt;
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + instruction.k, sizeof accumulator);
        break;
      case BPF_JMP | BPF_JEQ | BPF_K: jump(accumulator == instruction.k); break;
      case BPF_JMP | BPF_JGE | BPF_K: jump(accumulator >= instruction.k); break;
      case BPF_JMP | BPF_JGT | BPF_K: jump(accumulator > instruction.k); break;
      case BPF_RET | BPF_K: return instruction.k;
      default: return std::nullopt;
    }
  }
  return std::nullopt;
}

std::optional<uint32_t> Evaluate(uint32_t arch, uint32_t number) {
  seccomp_data data = {};
  data.arch = arch;
  data.nr = static_cast<int>(number);
  return Evaluate(data);
}

// An architecture that the filter knows: the first that it compares with.
uint32_t KnownArchitecture() {
  for (const sock_filter& instruction : IoUringFilter())
    if (instruction.code == (BPF_JMP | BPF_JEQ | BPF_K)) return instruction.k;
  ADD_FAILURE() << "the filter does not look at the architecture";
  return 0;
}

class IoUringFilterTest : public testing::Test {
 protected:
  void SetUp() override {
    if (IoUringFilter().empty()) GTEST_SKIP() << "there is no filter for this architecture";
  }
};

#if defined(__x86_64__) || defined(__i386__)
TEST_F(IoUringFilterTest, DeniesByEveryInterfaceOfX86) {
  constexpr uint32_t kX32 = 0x40000000;
  const struct {
    uint32_t arch;
    uint32_t number;
    uint32_t action;
  } cases[] = {
      {AUDIT_ARCH_X86_64, 424, kAllowed},  // pidfd_send_signal
      {AUDIT_ARCH_X86_64, 425, kDenied},
      {AUDIT_ARCH_X86_64, 426, kDenied},
      {AUDIT_ARCH_X86_64, 427, kDenied},
      {AUDIT_ARCH_X86_64, 428, kAllowed},  // open_tree
      {AUDIT_ARCH_X86_64, kX32 | 424, kAllowed},
      {AUDIT_ARCH_X86_64, kX32 | 425, kDenied},
      {AUDIT_ARCH_X86_64, kX32 | 426, kDenied},
      {AUDIT_ARCH_X86_64, kX32 | 427, kDenied},
      {AUDIT_ARCH_X86_64, kX32 | 428, kAllowed},
      {AUDIT_ARCH_I386, 424, kAllowed},
      {AUDIT_ARCH_I386, 425, kDenied},
      {AUDIT_ARCH_I386, 426, kDenied},
      {AUDIT_ARCH_I386, 427, kDenied},
      {AUDIT_ARCH_I386, 428, kAllowed},
      {AUDIT_ARCH_X86_64, 0, kAllowed},
      {AUDIT_ARCH_I386, 0, kAllowed},
      {AUDIT_ARCH_X86_64, 0xffffffff, kAllowed},  // -1, which a tracer uses to skip a call
      {AUDIT_ARCH_I386, 0xffffffff, kAllowed},
      {AUDIT_ARCH_AARCH64, 425, kAllowed},  // no interface of this machine
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Evaluate(c.arch, c.number), c.action) << std::hex << c.arch << " " << c.number;
  }
}
#endif

TEST_F(IoUringFilterTest, DeniesByTheInterfaceOfTheBuild) {
  // Wherever the table has the build's own architecture, it comes first.
  const uint32_t arch = KnownArchitecture();
  for (const uint32_t number : {SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register}) {
    EXPECT_EQ(Evaluate(arch, number), kDenied) << number;
  }
  for (const uint32_t number : {SYS_socket, SYS_connect, SYS_execve, SYS_io_uring_setup - 1}) {
    EXPECT_EQ(Evaluate(arch, number), kAllowed) << number;
  }
}

TEST_F(IoUringFilterTest, DependsOnNumberAndArchitectureAlone) {
  seccomp_data data = {};
  data.arch = KnownArchitecture();
  data.instruction_pointer = ~uint64_t{0};
  for (auto& argument : data.args) argument = ~uint64_t{0};
  data.nr = SYS_io_uring_setup;
  EXPECT_EQ(Evaluate(data), kDenied);
  data.nr = SYS_connect;
  EXPECT_EQ(Evaluate(data), kAllowed);
}

}  // namespace
}  // namespace socksify

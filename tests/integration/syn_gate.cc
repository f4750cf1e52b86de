// SPDX-License-Identifier: BSD-2-Clause
#include "tests/integration/syn_gate.h"

#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <array>
#include <iterator>

namespace socksify {
namespace {

using namespace std::chrono_literals;

// Longer than the kernel's first interval of retransmission, shorter than two of them.
constexpr auto kLongestOpen = 1500ms;

// Byte 13 of the TCP header holds the flags (RFC 9293, section 3.1): SYN without ACK is dropped.
sock_filter g_drop_syn[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
                            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
                            BPF_STMT(BPF_RET | BPF_K, 0xffff)};

}  // namespace

void SynGate::Shut() {
  const sock_fprog program = {.len = std::size(g_drop_syn), .filter = g_drop_syn};
  setsockopt(listener_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
  is_open_ = false;
  expected_ = 0;
}

void SynGate::Open() {
  const int unused = 0;
  setsockopt(listener_, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
  is_open_ = true;
  opened_ = Clock::now();
}

uint32_t SynGate::CountDrops() const {
  std::array<uint32_t, SK_MEMINFO_VARS> values{};
  socklen_t size = sizeof values;
  getsockopt(listener_, SOL_SOCKET, SO_MEMINFO, values.data(), &size);
  return values[SK_MEMINFO_DROPS];
}

bool SynGate::Tick() {
  if (!is_listening_) return false;
  if (ending_ == Ending::kNever) return true;
  const uint32_t drops = CountDrops();
  if (drops != drops_) {
    expected_ += static_cast<int>(drops - drops_);
    drops_ = drops;
    if (ending_ == Ending::kRefuse) {
      shutdown(listener_, SHUT_RD);
      is_listening_ = false;
      return false;
    }
    Open();
  }
  if (is_open_ && (expected_ <= 0 || Clock::now() - opened_ > kLongestOpen)) Shut();
  return true;
}

}  // namespace socksify

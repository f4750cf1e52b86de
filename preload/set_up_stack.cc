// SPDX-License-Identifier: BSD-2-Clause
#include "preload/set_up_stack.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

namespace socksify {

namespace {

// Name service modules (nsswitch.conf(5)) may take any of it; what they do not take is never there.
constexpr size_t kSize = size_t{1} << 20;

// At the upper end of the stack, which grows down to the other.
struct Call {
  void (*body)(void*);
  void* argument;
  ucontext_t inside;
  ucontext_t outside;
};

// makecontext(3) hands on nothing but int.
void Start(unsigned high, unsigned low) {
  Call* const call = std::bit_cast<Call*>(static_cast<uintptr_t>(uint64_t{high} << 32 | low));
  call->body(call->argument);
}

// Sanitizers keep books of the stack that they know.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMaySwitch = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kMaySwitch = false;
#else
constexpr bool kMaySwitch = true;
#endif
#else
constexpr bool kMaySwitch = true;
#endif

// False if it has not been called.
bool CallOn(std::byte* memory, void (*body)(void*), void* argument) {
  constexpr size_t kRoom = kSize - (sizeof(Call) + 63) / 64 * 64;
  Call* const call =
      new (memory + kRoom) Call{.body = body, .argument = argument, .inside = {}, .outside = {}};
  if (getcontext(&call->inside) != 0) return false;
  call->inside.uc_stack.ss_sp = memory;
  call->inside.uc_stack.ss_size = kRoom;
  call->inside.uc_link = &call->outside;
  const auto address = uint64_t{reinterpret_cast<uintptr_t>(call)};
  makecontext(&call->inside, reinterpret_cast<void (*)()>(&Start), 2, static_cast<unsigned>(address >> 32),
              static_cast<unsigned>(address));
  return swapcontext(&call->outside, &call->inside) == 0;
}

}  // namespace

void RunOnOwnStack(void (*body)(void*), void* argument) {
  void* const memory = !kMaySwitch ? MAP_FAILED
                                   : mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  const bool is_done = memory != MAP_FAILED && CallOn(static_cast<std::byte*>(memory), body, argument);
  if (memory != MAP_FAILED) munmap(memory, kSize);
  if (!is_done) body(argument);
}

}  // namespace socksify

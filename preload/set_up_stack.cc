// SPDX-License-Identifier: BSD-2-Clause
#include "preload/set_up_stack.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>

#include "preload/descriptor_array.h"

// swapcontext(3) would do the same, with four system calls; but AddressSanitizer puts one in its place that
// prints a warning, and where the processor has a shadow stack that would be another one as well, which a
// plain call does not need.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SOCKSIFY_HAS_OWN_STACK 0  // sanitizers keep books of the stacks that they know
#elif defined(__x86_64__) || defined(__i386__) || defined(__aarch64__)
#define SOCKSIFY_HAS_OWN_STACK 1
#else
#define SOCKSIFY_HAS_OWN_STACK 0
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#undef SOCKSIFY_HAS_OWN_STACK
#define SOCKSIFY_HAS_OWN_STACK 0
#endif
#endif

#if SOCKSIFY_HAS_OWN_STACK
// Calls body(argument) with the stack pointer at `top`, which is aligned to 16 bytes.
extern "C" [[gnu::visibility("hidden")]] void SocksifyCallOnStack(void* top, void (*body)(void*),
                                                                  void* argument);
asm(R"(
        .pushsection .text.SocksifyCallOnStack, "ax", %progbits
        .globl  SocksifyCallOnStack
        .hidden SocksifyCallOnStack
        .type   SocksifyCallOnStack, %function
SocksifyCallOnStack:
        .cfi_startproc
)"
#if defined(__x86_64__)
    R"(
        pushq   %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        movq    %rsp, %rbp
        .cfi_def_cfa_register %rbp
        movq    %rdi, %rsp
        movq    %rdx, %rdi
        call    *%rsi
        leave
        .cfi_def_cfa %rsp, 8
        ret
)"
#elif defined(__i386__)
    R"(
        pushl   %ebp
        .cfi_def_cfa_offset 8
        .cfi_offset %ebp, -8
        movl    %esp, %ebp
        .cfi_def_cfa_register %ebp
        movl    8(%ebp), %esp
        subl    $12, %esp
        pushl   16(%ebp)
        call    *12(%ebp)
        leave
        .cfi_def_cfa %esp, 4
        ret
)"
#else
    R"(
        stp     x29, x30, [sp, #-16]!
        .cfi_def_cfa_offset 16
        .cfi_offset x29, -16
        .cfi_offset x30, -8
        mov     x29, sp
        .cfi_def_cfa_register x29
        mov     sp, x0
        mov     x0, x2
        blr     x1
        mov     sp, x29
        .cfi_def_cfa_register sp
        ldp     x29, x30, [sp], #16
        .cfi_def_cfa_offset 0
        .cfi_restore x29
        .cfi_restore x30
        ret
)"
#endif
    R"(
        .cfi_endproc
        .size   SocksifyCallOnStack, . - SocksifyCallOnStack
        .popsection
)");
#endif

namespace socksify {

void RunOnOwnStack(void (*body)(void*), void* argument) {
#if SOCKSIFY_HAS_OWN_STACK
  // Name service modules (nsswitch.conf(5)) may take any of it; what they do not take is never there.
  constexpr size_t kSize = size_t{1} << 20;
  void* const memory = ReserveMemory(kSize);
  if (memory != nullptr) {
    // Who needs more finds no memory of anybody else's.
    mprotect(memory, static_cast<size_t>(sysconf(_SC_PAGESIZE)), PROT_NONE);
    SocksifyCallOnStack(static_cast<std::byte*>(memory) + kSize, body, argument);
    munmap(memory, kSize);
    return;
  }
#endif
  body(argument);
}

}  // namespace socksify

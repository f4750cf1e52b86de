// SPDX-License-Identifier: BSD-2-Clause
// vfork(2): tells that memory is lent, and goes on in libc's with registers and stack as they were. The caller's
// return address is where libc's expects it.
#include "preload/vfork.h"

#if SOCKSIFY_SEES_VFORK

#ifdef __CET__
#include <cet.h>
#else
#define _CET_ENDBR
#endif

        .text
        .globl  vfork
        .globl  __vfork
        .type   vfork, %function
        .type   __vfork, %function
        .hidden SocksifyBeforeVfork
        .p2align 4
__vfork:
vfork:
        .cfi_startproc
#if defined(__x86_64__)
        _CET_ENDBR
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        call    SocksifyBeforeVfork
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        jmp     *%rax
#elif defined(__i386__)
        _CET_ENDBR
        subl    $12, %esp
        .cfi_adjust_cfa_offset 12
        call    SocksifyBeforeVfork
        addl    $12, %esp
        .cfi_adjust_cfa_offset -12
        jmp     *%eax
#elif defined(__aarch64__)
        hint    #34                     // bti c
        stp     x29, x30, [sp, #-16]!
        .cfi_adjust_cfa_offset 16
        .cfi_offset x29, -16
        .cfi_offset x30, -8
        bl      SocksifyBeforeVfork
        mov     x16, x0
        ldp     x29, x30, [sp], #16
        .cfi_adjust_cfa_offset -16
        .cfi_restore x29
        .cfi_restore x30
        br      x16
#endif
        .cfi_endproc
        .size   vfork, . - vfork
        .size   __vfork, . - __vfork

#endif

        .section .note.GNU-stack, "", %progbits

// SPDX-License-Identifier: BSD-2-Clause
// Where vfork(2) is seen. It returns twice on one stack, so what takes its place must leave that as it was,
// which only assembler can (vfork.S). Elsewhere each process counts as one that has called it.
#ifndef SOCKSIFY_PRELOAD_VFORK_H
#define SOCKSIFY_PRELOAD_VFORK_H

#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__)
#define SOCKSIFY_SEES_VFORK 1
#else
#define SOCKSIFY_SEES_VFORK 0
#endif

#ifndef __ASSEMBLER__
namespace socksify {
inline constexpr bool kSeesVfork = SOCKSIFY_SEES_VFORK != 0;
}
#endif

#endif

// SPDX-License-Identifier: BSD-2-Clause
// Pointers of the program's that lead nowhere for certain.
#pragma once

#include <cstdint>

namespace socksify {

// The first page is never mapped (vm.mmap_min_addr). The kernel says EFAULT of what is there, so that is to
// be left to it.
inline bool IsInFirstPage(const void* pointer) {
  return reinterpret_cast<uintptr_t>(pointer) < 4096;
}

}  // namespace socksify

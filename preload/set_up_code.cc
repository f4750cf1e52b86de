// SPDX-License-Identifier: BSD-2-Clause
#include "preload/set_up_code.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

// Where the linker has put them (set_up_code.ld.in); both are null in a program that is linked otherwise.
extern "C" {
[[gnu::weak, gnu::visibility("hidden")]] extern const char socksify_set_up_code_begin[];
[[gnu::weak, gnu::visibility("hidden")]] extern const char socksify_set_up_code_end[];
}

namespace socksify {

void GiveBackSetUpCode() {
  const auto page_size = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(socksify_set_up_code_begin);
  const auto end = reinterpret_cast<uintptr_t>(socksify_set_up_code_end) & -page_size;
  const size_t skipped = -begin & (page_size - 1);  // to the first page that is wholly ours
  if (begin + skipped >= end) return;
  // The pages are those of the file, unchanged. Where memory is locked it says EINVAL, and they stay.
  madvise(const_cast<char*>(socksify_set_up_code_begin) + skipped, end - begin - skipped, MADV_DONTNEED);
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// How a page of a shared file comes into a process. If its first access reads, the kernel maps the fifteen
// pages around it as well, and all of them are in the process's account; if it writes, that page alone.
#pragma once

#include <atomic>
#include <cstdint>

namespace socksify {

// For what is about to be changed anyway: has its page mapped by an access that counts as writing, and
// changes nothing. (Processors without such a compare-exchange read, which is no worse than to do without.)
inline void TouchToWrite(std::atomic<uint64_t>* word) {
  uint64_t nothing = 0;
  word->compare_exchange_strong(nothing, 0, std::memory_order_relaxed);
}

}  // namespace socksify

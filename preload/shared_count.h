// SPDX-License-Identifier: BSD-2-Clause
// SharedCount: how many of something there are in this process, for hooks to which it matters whether there
// is any at all. Thread-safe, lock-free.
#pragma once

#include <atomic>

#if defined(__SANITIZE_THREAD__)
#define SOCKSIFY_SEES_THREADS
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SOCKSIFY_SEES_THREADS
#endif
#endif

namespace socksify {

class SharedCount {
 public:
  constexpr SharedCount() = default;

  // A load that acquires. Compilers fetch an atomic into a register before they compare it, which is half of
  // all that a hook with nothing to do has to do; on x86-64, where each load acquires, it is compared where
  // it lies. ThreadSanitizer knows what it means only if the compiler does.
  bool is_any() const {
#if defined(__x86_64__) && !defined(SOCKSIFY_SEES_THREADS)
    bool is_any = false;
    asm volatile("cmpl $0, %1" : "=@ccne"(is_any) : "m"(count_) : "memory");
    return is_any;
#else
    return count_.load(std::memory_order_acquire) != 0;
#endif
  }
  void Add() { count_.fetch_add(1); }
  void Remove() { count_.fetch_sub(1); }

 private:
  std::atomic<unsigned> count_ = 0;
};

}  // namespace socksify

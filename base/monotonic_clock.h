// SPDX-License-Identifier: BSD-2-Clause
// CLOCK_MONOTONIC in milliseconds and microseconds (clock_gettime(2); no system call where the vDSO has it),
// for limits of time.
#pragma once

#include <ctime>

namespace socksify {

inline long long MonotonicMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<long long>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

// The same in microseconds.
inline long long MonotonicUs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace socksify

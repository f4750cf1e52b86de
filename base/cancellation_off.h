// SPDX-License-Identifier: BSD-2-Clause
// CancellationOff: holds thread cancellation off for a scope (pthread_setcancelstate(3)). For calls that are
// cancellation points where an unwinding would have nowhere to go: destructors, and functions declared
// noexcept.
#pragma once

#include <pthread.h>

namespace socksify {

class CancellationOff {
 public:
  CancellationOff() { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &previous_); }
  ~CancellationOff() { pthread_setcancelstate(previous_, nullptr); }
  CancellationOff(const CancellationOff&) = delete;
  CancellationOff& operator=(const CancellationOff&) = delete;

 private:
  int previous_ = PTHREAD_CANCEL_ENABLE;
};

}  // namespace socksify

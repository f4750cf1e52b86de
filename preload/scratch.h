// SPDX-License-Identifier: BSD-2-Clause
// Scratch: an array for the time of one call. Short ones are on the stack, long ones in a mapping of their
// own: malloc(3) must not be called where the program may be in a signal handler.
#pragma once

#include <sys/mman.h>

#include <cstddef>

#include "preload/descriptor_array.h"

namespace socksify {

template <typename T, size_t kShort>
class Scratch {
 public:
  explicit Scratch(size_t count)
      : count_(count), data_(count <= kShort ? short_ : static_cast<T*>(ReserveMemory(count * sizeof(T)))) {}
  ~Scratch() {
    if (data_ != short_ && data_ != nullptr) munmap(data_, count_ * sizeof(T));
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() { return data_; }  // null when there is no memory

 private:
  size_t count_;
  T short_[kShort];
  T* data_;
};

}  // namespace socksify

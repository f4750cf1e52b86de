// SPDX-License-Identifier: BSD-2-Clause
// ErrnoKeeper: puts errno back at the end of a scope, for work that a program must not notice.
#pragma once

#include <cerrno>

namespace socksify {

class ErrnoKeeper {
 public:
  ErrnoKeeper() : saved_(errno) {}
  ~ErrnoKeeper() { errno = saved_; }
  ErrnoKeeper(const ErrnoKeeper&) = delete;
  ErrnoKeeper& operator=(const ErrnoKeeper&) = delete;

 private:
  int saved_;
};

}  // namespace socksify

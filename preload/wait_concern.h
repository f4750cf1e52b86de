// SPDX-License-Identifier: BSD-2-Clause
// WaitConcern: how many things of one kind there are that the program's waits (poll(2), select(2),
// epoll_wait(2)) have to heed beyond what the kernel says.
//
// There are a few kinds, each of which matters to some of the waits. One number tells whether there is
// anything of any kind, so that a wait looks at that alone while there is nothing, which is most of the time.
#pragma once

#include "preload/shared_count.h"

namespace socksify {

// The sum of all kinds, or more for a moment: it is raised first and lowered last, so that neither a thread
// that comes upon something nor a child that is forked in between takes it for nothing.
inline constinit SharedCount g_wait_concerns;

class WaitConcern {
 public:
  constexpr WaitConcern() = default;

  bool is_any() const { return count_.is_any(); }
  void Add() {
    g_wait_concerns.Add();
    count_.Add();
  }
  void Remove() {
    count_.Remove();
    g_wait_concerns.Remove();
  }

 private:
  SharedCount count_;
};

}  // namespace socksify

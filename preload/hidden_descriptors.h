// SPDX-License-Identifier: BSD-2-Clause
// Descriptors of our own that stay open between calls of the program: the connections that UDP relays live
// on, the helpers that answer for name servers. They have high numbers, since programs expect low ones for
// themselves, end with exec(2), and are shared with the child of a fork(2). To the program they are closed:
// close(2) says EBADF, closefrom(3) and close_range(2) leave them out. Who keeps one remembers its SO_COOKIE:
// a program that calls the kernel by itself can still end it.
#pragma once

#include "preload/connections.h"

namespace socksify {

// Gives `fd` a high number and hides it. Returns the number.
int Hide(int fd);
// Closes it, if it is still the socket with that cookie.
void CloseHidden(int fd, uint64_t cookie);

// For the calls of the program. Nobody but us knows of such a descriptor.
[[gnu::always_inline]] inline bool IsHidden(int fd) {
  return (g_descriptors.Flags(fd) & kHidden) != 0;
}
// Something else is in its place, or about to be.
void GiveUpHidden(int fd);
// Whether it is hidden still: a program that calls the kernel by itself may have put something of its own
// there.
bool IsStillHidden(int fd);

// close_range(2) with `flags`, but for what is hidden.
int CloseRange(unsigned first, unsigned last, int flags);

}  // namespace socksify

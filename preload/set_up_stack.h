// SPDX-License-Identifier: BSD-2-Clause
// A stack of our own for what runs once. Reading a configuration takes a dozen KiB: a thread or a coroutine
// of the program's may have less than that left, and the pages would stay in its process for good.
#pragma once

namespace socksify {

// Calls `body` with `argument`, on the caller's stack where there is no memory for another. The caller has
// blocked all signals: a handler of the program's may look where its stack is, as garbage collectors do.
// `body` throws nothing. Changes errno.
void RunOnOwnStack(void (*body)(void*), void* argument);

}  // namespace socksify

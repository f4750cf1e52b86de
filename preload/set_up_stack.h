// SPDX-License-Identifier: BSD-2-Clause
// A stack of our own for what runs once. Reading a configuration takes a dozen KiB: a thread or a coroutine
// of the program's may have less than that left, and the pages would stay in its process for good.
#pragma once

#include <exception>

namespace socksify {

// Calls `body` with `argument`, on the caller's stack where there is no memory for another. The caller sees
// to it that no handler of the program's can run: one may look where its stack is, as garbage collectors do.
// `body` throws nothing. Changes errno.
void RunOnOwnStack(void (*body)(void*), void* argument);

// Likewise, of what may throw. The caller has turned cancellation off.
template <typename Body>
void CallOnOwnStack(Body body) {
  struct Call {
    Body& body;
    std::exception_ptr failure;
  } call = {body, nullptr};
  const auto run = [](void* argument) {
    auto* const the_call = static_cast<Call*>(argument);
    try {
      the_call->body();
    } catch (...) {
      the_call->failure = std::current_exception();
    }
  };
  RunOnOwnStack(run, &call);
  if (call.failure != nullptr) std::rethrow_exception(call.failure);
}

}  // namespace socksify

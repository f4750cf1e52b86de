// SPDX-License-Identifier: BSD-2-Clause
// Forgetting a secret.
#pragma once

#include <string.h>

#include <string>

namespace socksify {

// Overwrites what `secret` holds, which the compiler may not leave out, and empties it. Its copies elsewhere,
// and what it held before it grew, are the caller's to avoid.
inline void Wipe(std::string* secret) {
  explicit_bzero(secret->data(), secret->size());
  secret->clear();
}

}  // namespace socksify

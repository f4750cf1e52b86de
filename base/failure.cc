// SPDX-License-Identifier: BSD-2-Clause
#include "base/failure.h"

#include <cstring>

namespace socksify {

const char* ErrnoName(int error) {
  const char* const name = strerrorname_np(error);
  return name != nullptr ? name : "E?";
}

}  // namespace socksify

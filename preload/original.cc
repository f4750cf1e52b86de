// SPDX-License-Identifier: BSD-2-Clause
#include "preload/original.h"

#include <dlfcn.h>

#include "base/errno_keeper.h"

namespace socksify {

void* FindOriginal(const char* name) noexcept {
  const ErrnoKeeper keeper;
  void* found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) {
    // Loaded by dlopen() ahead of libc in its own scope: ask libc by its name.
    void* const libc_handle = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    if (libc_handle != nullptr) found = dlsym(libc_handle, name);
  }
  return found;
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "preload/received_descriptors.h"

#include <cstring>

#include "preload/connections.h"

namespace socksify {

void NoteReceivedDescriptors(msghdr* message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(message); part != nullptr; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS || part->cmsg_len < CMSG_LEN(0))
      continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      if (g_descriptors.Flags(fd) != 0) ForgetDescriptor(fd);
    }
  }
}

}  // namespace socksify

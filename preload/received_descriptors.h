// SPDX-License-Identifier: BSD-2-Clause
// Descriptors that come in messages (SCM_RIGHTS, unix(7)).
#pragma once

#include <sys/socket.h>

namespace socksify {

// Forgets what was known under the numbers that a received message has brought.
void NoteReceivedDescriptors(msghdr* message);

}  // namespace socksify

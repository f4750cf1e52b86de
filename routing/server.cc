// SPDX-License-Identifier: BSD-2-Clause
#include "routing/server.h"

namespace socksify {

std::string PasswordKey(const Server& server) {
  return server.address.ToString() + ' ' + server.username;
}

}  // namespace socksify

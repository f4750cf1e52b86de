// SPDX-License-Identifier: BSD-2-Clause
// Where the state that all processes of one user share lives.
#pragma once

#include <expected>
#include <string>

namespace socksify {

// The state directory of the effective user, made with mode 0700 if need be: $SOCKSIFY_STATE_DIR, else
// $XDG_RUNTIME_DIR/socksify, else /run/user/UID/socksify, else /tmp/socksify-UID. A directory is used only
// when it is no symbolic link, belongs to that user and gives nobody else any right. A SOCKSIFY_STATE_DIR
// that cannot be used is an error; each of the others leads to the next. Fails with the errno value of the
// last one tried: ENOTDIR for something that is no directory, EPERM for one that belongs to another or is
// open to others.
//
// `get_env` is secure_getenv or the like: it returns null for a variable that is not set. An empty value
// counts as not set.
std::expected<std::string, int> StateDirectory(const char* (*get_env)(const char*));

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// The passwords that a configuration does not hold: got from commands and from the user, and handed on to the
// preload (resolver/handed_passwords.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "routing/server.h"
#include "tools/trouble.h"

namespace socksify {

enum class AskPassword : uint8_t {
  kIfUnknown,  // not when one was handed on before
  kAlways,
};

// Runs each distinct command of `servers` once, asks once for each server and user, and hands on what it got.
// The user is asked by the program in $SOCKSIFY_ASKPASS, which gets the prompt as its argument and writes the
// password, else on the terminal. A server of a `-p` URL goes without a password where nobody can be asked or
// the answer is empty.
// `get_env` is getenv(3) or the like. Passwords are in no message.
std::optional<Trouble> ProvidePasswords(std::span<const std::unique_ptr<const Server>> servers,
                                        AskPassword ask, const char* (*get_env)(const char* name));

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// What loading a configuration may ask of the machine, for the launcher, which is linked statically where
// that can be done.
//
// libc looks users and services up by modules that /etc/nsswitch.conf names, and loads them into the program.
// Into a static one it would load another libc with them, of whatever version is there. So the launcher reads
// the files, and asks getent(1) for what they do not hold: that is libc's own look-up, in a process of its
// own.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "routing/config.h"

namespace socksify {

// As LocalConfigHost(), which is the preload's.
ConfigHost LauncherConfigHost();

// The user id that `text`, in the format of passwd(5), has for a login name.
std::optional<uint32_t> FindUserId(std::string_view text, std::string_view name);

// Whether `text`, likewise, has an entry for a user id.
bool HasUserId(std::string_view text, uint32_t id);

// The port that `text`, in the format of services(5), has for a name or alias and a transport, "tcp" or
// "udp".
std::optional<uint16_t> FindServicePort(std::string_view text, std::string_view name,
                                        std::string_view transport);

}  // namespace socksify

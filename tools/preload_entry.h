// SPDX-License-Identifier: BSD-2-Clause
// What LD_PRELOAD has to have for a program, by the installation that this process belongs to.
#pragma once

#include <expected>
#include <string>

#include "tools/trouble.h"

namespace socksify {

// For the program at `path`, which messages call `name`. Fails also for a program that a preload does not
// reach.
std::expected<std::string, Trouble> PreloadEntryFor(const std::string& name, const std::string& path);

// For programs of this process's own architecture, whichever they are.
std::expected<std::string, Trouble> OwnPreloadEntry();

}  // namespace socksify

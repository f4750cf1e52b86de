// SPDX-License-Identifier: BSD-2-Clause
// What `socksctl --help` says.
#pragma once

namespace socksify {

extern const char kControlHelp[];

}  // namespace socksify

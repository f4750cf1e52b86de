// SPDX-License-Identifier: BSD-2-Clause
// Half of the library is there to read a configuration, once. Its pages belong to the file and are in memory
// once for all processes, but each process that has touched them has them in its account, and the kernel's
// tables for them.
#pragma once

namespace socksify {

// Takes all code but that which every connection needs, and the tables that tell how exceptions unwind, out
// of the memory of this process; they come back page by page when they are needed again. May be called at any
// time. Changes errno.
void GiveBackSetUpCode();

}  // namespace socksify

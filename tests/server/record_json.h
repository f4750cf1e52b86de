// SPDX-License-Identifier: BSD-2-Clause
// A RequestRecord as one line of JSON, for the program's --record file.
#pragma once

#include <string>

#include "tests/server/record.h"

namespace socksify::testserver {

// Ends with a newline. Members that have no value yet are left out; `raw` is hexadecimal and only there if
// `with_raw`; the `head` of a datagram is hexadecimal too. Bytes that are not UTF-8 come out as U+FFFD.
std::string ToJsonLine(const RequestRecord& record, bool with_raw);

}  // namespace socksify::testserver

// SPDX-License-Identifier: BSD-2-Clause
// CLI11, without what would make a launcher slow: whoever includes it includes it from here.
#pragma once

#include <ostream>

// CLI11 asks for <iostream>, and who has that sets eight streams and their locale up before main(), which
// takes longer than parsing. None of the functions that we use writes to a stream; for those that would, the
// names are enough.
#ifdef __GLIBCXX__
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,cert-dcl58-cpp)
#define _GLIBCXX_IOSTREAM 1
namespace std {
extern ostream cout;
extern ostream cerr;
}  // namespace std
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,cert-dcl58-cpp)
#endif

#include <CLI/CLI.hpp>

namespace socksify {

// An App without the option -h that every other one is born with.
class BareApp final : public CLI::App {
 public:
  BareApp() : App("", "", nullptr) {}
};

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// CLI11, without what would make a launcher slow: whoever includes it includes it from here.
//
// As it comes it sets eight streams up before main(), and then std::locale, to find out whether a byte of an
// option's name is a blank; both take as long as all the rest of the parsing. What CLI11 calls `std` is
// therefore a namespace of its own, which is the real one but for that.
#pragma once

#include <cctype>
#include <ostream>

namespace CLI::std {  // NOLINT(cert-dcl58-cpp): this is not ::std.

using namespace ::std;  // NOLINT(google-build-using-namespace)

// The "C" locale, of which nothing has to be made.
struct locale {};
template <typename Char>
bool isspace(Char c, const locale&) {
  return ::std::isspace(static_cast<unsigned char>(c)) != 0;
}
template <typename Char>
bool isalpha(Char c, const locale&) {
  return ::std::isalpha(static_cast<unsigned char>(c)) != 0;
}
template <typename Char>
Char tolower(Char c, const locale&) {
  return static_cast<Char>(::std::tolower(static_cast<unsigned char>(c)));
}

// Nothing that we use writes to them, so that they need not be there.
extern ::std::ostream cout;
extern ::std::ostream cerr;

}  // namespace CLI::std

// <iostream>, which CLI11 includes, is what sets the streams up; of what it declares nothing else is wanted.
#ifdef __GLIBCXX__
#define _GLIBCXX_IOSTREAM 1  // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
#endif
#include <CLI/CLI.hpp>

namespace socksify {

// An App without the option -h that every other one is born with.
class BareApp final : public CLI::App {
 public:
  BareApp() : App("", "", nullptr) {}
};

}  // namespace socksify

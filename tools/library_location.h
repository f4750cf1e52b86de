// SPDX-License-Identifier: BSD-2-Clause
// LibraryLocation: where libsocksify.so lies for a program of some architecture, and how LD_PRELOAD says so.
//
// The launcher finds the library relative to itself: PREFIX/bin/socksify, PREFIX/lib/TRIPLET/libsocksify.so.
// LD_PRELOAD gets `PREFIX/$LIB/libsocksify.so`, whose $LIB each program's own loader replaces (ld.so(8)), so
// that the 32-bit children of a 64-bit program find theirs.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/elf_image.h"

namespace socksify {

inline constexpr std::string_view kLibraryName = "libsocksify.so";

class LibraryLocation {
 public:
  // `prefix` is the absolute directory above bin/. `own_directory` is that of the library for `own` below it.
  LibraryLocation(std::string prefix, std::string own_directory, const ElfIdentity& own)
      : prefix_(std::move(prefix)), own_directory_(std::move(own_directory)), own_(own) {}

  // The installation that this program belongs to; fails with a message when it cannot be told.
  static std::expected<LibraryLocation, std::string> OfThisProgram();

  // The installation that the program at the absolute `path` belongs to.
  static std::expected<LibraryLocation, std::string> OfProgram(std::string_view path);

  const std::string& prefix() const { return prefix_; }

  // Why LD_PRELOAD cannot name this place, or nothing: ld.so splits at blanks and colons and replaces $.
  std::optional<std::string> Unspeakable() const;

  // Absolute paths at which the library for `identity` may lie, the likeliest first.
  std::vector<std::string> Candidates(const ElfIdentity& identity) const;

  // What stands in LD_PRELOAD for the library at `path`, one of Candidates(). `dollar_lib` is whether the
  // loader of the program makes of $LIB the directory of `path`.
  std::string PreloadEntry(const std::string& path, bool dollar_lib) const;

 private:
  std::string prefix_;
  std::string own_directory_;
  ElfIdentity own_;
};

// Whether a loader makes of $LIB the directory of `path`, which is PREFIX/DIRECTORY/libsocksify.so. `loader`
// is the loader's file: the replacement is a string of its own in it.
bool IsDollarLibOf(std::span<const uint8_t> loader, std::string_view path, std::string_view prefix);

// `inherited`, the value of LD_PRELOAD, with `entry` at its end: sanitizers and allocators want to come
// first, and what else replaces connect() then calls ours. An entry for another copy of the library gives way
// to ours.
std::string ExtendPreload(std::string_view inherited, std::string_view entry);

// `inherited` without any copy of the library.
std::string ReducePreload(std::string_view inherited);

}  // namespace socksify

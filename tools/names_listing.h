// SPDX-License-Identifier: BSD-2-Clause
// NamesListing: the table of fake addresses of this user, as `socksctl names` shows it.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "resolver/fake_table.h"

namespace socksify {

struct NamesListing {
  std::string path;
  bool exists = false;  // an absent table has no names
  uint32_t capacity = 0;
  std::vector<FakeTable::Entry> names;  // the one used last comes first
};

// Reads the table in `directory` without marking anything as used; makes nothing. The error is a sentence
// that names the path.
std::expected<NamesListing, std::string> ListNames(const std::string& directory, const FakeRange& range);

// Removes all names, and returns how many they were; 0 where there is no table.
std::expected<uint32_t, std::string> ClearNames(const std::string& directory, const FakeRange& range);

// One line for each name: IPv4 address, IPv6 address, name. Names are escaped (AppendEscaped in base/text.h).
std::string ToText(const NamesListing& listing);
// The JSON object that socksctl(1) documents, on one line.
std::string ToJson(const NamesListing& listing);

}  // namespace socksify

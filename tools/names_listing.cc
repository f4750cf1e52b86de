// SPDX-License-Identifier: BSD-2-Clause
#include "tools/names_listing.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>

#include "base/text.h"
#include "tools/json_text.h"

namespace socksify {
namespace {

using OpenedTable = std::expected<std::unique_ptr<FakeTable>, std::string>;

// Null where there is no table.
OpenedTable OpenTable(const std::string& directory, const FakeRange& range) {
  auto table = FakeTable::OpenExisting(directory, range);
  if (table) return std::move(*table);
  if (table.error() == ENOENT) return nullptr;
  const std::string path = FakeTable::PathIn(directory, range);
  if (table.error() == EUCLEAN) {
    return std::unexpected(path +
                           " is not a table of this version that belongs to you alone; the next program that "
                           "needs one will replace it");
  }
  return std::unexpected("cannot open " + path + ": " + std::strerror(table.error()));
}

std::string Escaped(const std::string& name) {
  std::string text;
  AppendEscaped(&text, name);
  return text;
}

void AppendPadded(std::string* line, const std::string& text, size_t width) {
  *line += text;
  line->append(std::max(width, text.size()) - text.size() + 2, ' ');
}

}  // namespace

std::expected<NamesListing, std::string> ListNames(const std::string& directory, const FakeRange& range) {
  const OpenedTable table = OpenTable(directory, range);
  if (!table) return std::unexpected(table.error());
  NamesListing listing;
  listing.path = FakeTable::PathIn(directory, range);
  if (*table == nullptr) return listing;
  listing.exists = true;
  listing.capacity = (*table)->capacity();
  for (uint32_t slot = 0; slot < listing.capacity; ++slot) {
    if (auto entry = (*table)->EntryAt(slot)) listing.names.push_back(std::move(*entry));
  }
  std::ranges::sort(listing.names, std::greater(), &FakeTable::Entry::last_use);
  return listing;
}

std::expected<uint32_t, std::string> ClearNames(const std::string& directory, const FakeRange& range) {
  const OpenedTable table = OpenTable(directory, range);
  if (!table) return std::unexpected(table.error());
  if (*table == nullptr) return 0;
  const auto removed = (*table)->Clear();
  if (removed) return *removed;
  const std::string path = FakeTable::PathIn(directory, range);
  if (removed.error() == ETIMEDOUT)
    return std::unexpected("cannot clear " + path + ": it stayed locked for two seconds");
  return std::unexpected("cannot clear " + path + ": " + std::strerror(removed.error()));
}

std::string ToText(const NamesListing& listing) {
  size_t v4_width = 0;
  size_t v6_width = 0;
  for (const FakeTable::Entry& entry : listing.names) {
    v4_width = std::max(v4_width, entry.v4.ToString().size());
    v6_width = std::max(v6_width, entry.v6.ToString().size());
  }
  std::string text;
  for (const FakeTable::Entry& entry : listing.names) {
    AppendPadded(&text, entry.v4.ToString(), v4_width);
    AppendPadded(&text, entry.v6.ToString(), v6_width);
    text += Escaped(entry.name) + '\n';
  }
  return text;
}

std::string ToJson(const NamesListing& listing) {
  auto names = nlohmann::ordered_json::array();
  for (const FakeTable::Entry& entry : listing.names) {
    names.push_back(
        {{"ipv4", entry.v4.ToString()}, {"ipv6", entry.v6.ToString()}, {"name", Escaped(entry.name)}});
  }
  nlohmann::ordered_json object;
  object["table"] = listing.path;
  object["exists"] = listing.exists;
  object["capacity"] = listing.capacity;
  object["names"] = std::move(names);
  return ToLine(object);
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "tools/local_names.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "base/text.h"

namespace socksify {
namespace {

// Takes the next word off the front of `line`; empty at its end.
std::string_view TakeWord(std::string_view* line) {
  *line = Trim(*line);
  const size_t end = std::min(line->find_first_of(" \t"), line->size());
  const std::string_view word = line->substr(0, end);
  line->remove_prefix(end);
  return word;
}

}  // namespace

std::vector<IpAddress> FindInHosts(std::string_view hosts, std::string_view name) {
  std::vector<IpAddress> addresses;
  while (!hosts.empty()) {
    const size_t end = std::min(hosts.find('\n'), hosts.size());
    std::string_view line = hosts.substr(0, end);
    hosts.remove_prefix(std::min(end + 1, hosts.size()));
    line = line.substr(0, line.find('#'));
    const std::optional<IpAddress> address = IpAddress::Parse(TakeWord(&line));
    if (!address) continue;
    for (std::string_view word = TakeWord(&line); !word.empty(); word = TakeWord(&line)) {
      if (!EqualsIgnoreCase(word, name)) continue;
      addresses.push_back(*address);
      break;
    }
  }
  return addresses;
}

std::vector<IpAddress> FindLocalName(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::ifstream file("/etc/hosts");
  const std::string hosts{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<IpAddress> addresses = FindInHosts(hosts, name);
  const bool is_localhost =
      EqualsIgnoreCase(name, "localhost") ||
      (name.size() > 10 && EqualsIgnoreCase(name.substr(name.size() - 10), ".localhost"));
  if (addresses.empty() && is_localhost) addresses.push_back(IpAddress::V4(0x7f000001));
  return addresses;
}

}  // namespace socksify

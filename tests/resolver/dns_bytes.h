// SPDX-License-Identifier: BSD-2-Clause
// DNS messages as tests write and see them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace socksify {

using DnsBytes = std::vector<uint8_t>;

// Pairs of hexadecimal digits and 'text' as it is; blanks mean nothing.
inline DnsBytes Wire(std::string_view text) {
  DnsBytes bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    if (text[i] == '\'') {
      const size_t end = text.find('\'', i + 1);
      bytes.insert(bytes.end(), text.begin() + i + 1, text.begin() + end);
      i = end;
    } else {
      bytes.push_back(
          static_cast<uint8_t>(std::strtoul(std::string(text.substr(i++, 2)).c_str(), nullptr, 16)));
    }
  }
  return bytes;
}

inline std::string Hex(std::span<const uint8_t> bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    char digits[4];
    std::snprintf(digits, sizeof digits, "%02x ", byte);
    text += digits;
  }
  return text;
}

inline DnsBytes operator+(DnsBytes a, const DnsBytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// A name of 255 bytes on the wire, the most there can be: labels of 63, 63, 63 and 61 bytes.
inline std::string LongestName() {
  const std::string label(63, 'x');
  return label + '.' + label + '.' + label + '.' + std::string(61, 'y');
}

// `name` as counted labels, each as long as it is.
inline DnsBytes WireName(std::string_view name) {
  DnsBytes bytes;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    bytes.push_back(static_cast<uint8_t>(label.size()));
    bytes.insert(bytes.end(), label.begin(), label.end());
    name.remove_prefix(label.size() < name.size() ? label.size() + 1 : label.size());
  }
  bytes.push_back(0);
  return bytes;
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "preload/host_entry.h"

#include <sys/socket.h>

#include <cstring>
#include <memory>

namespace socksify {
namespace {

// The pointers that a hostent leads to; they lead the buffer, the address and the name follow.
struct Pointers {
  char* aliases[1];
  char* addresses[2];
};

}  // namespace

bool FillHostEntry(std::string_view name, const IpAddress& address, std::span<char> buffer, hostent* entry) {
  void* place = buffer.data();
  size_t space = buffer.size();
  if (std::align(alignof(Pointers), sizeof(Pointers), place, space) == nullptr) return false;
  const std::span<const uint8_t> bytes = address.bytes();
  if (space < sizeof(Pointers) + bytes.size() + name.size() + 1) return false;
  auto* const pointers = static_cast<Pointers*>(place);
  char* const address_bytes = static_cast<char*>(place) + sizeof(Pointers);
  char* const name_text = address_bytes + bytes.size();
  std::memcpy(address_bytes, bytes.data(), bytes.size());
  std::memcpy(name_text, name.data(), name.size());
  name_text[name.size()] = '\0';
  pointers->aliases[0] = nullptr;
  pointers->addresses[0] = address_bytes;
  pointers->addresses[1] = nullptr;
  entry->h_name = name_text;
  entry->h_aliases = pointers->aliases;
  entry->h_addrtype = address.is_v4() ? AF_INET : AF_INET6;
  entry->h_length = static_cast<int>(bytes.size());
  entry->h_addr_list = pointers->addresses;
  return true;
}

}  // namespace socksify

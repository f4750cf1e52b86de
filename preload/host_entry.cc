// SPDX-License-Identifier: BSD-2-Clause
#include "preload/host_entry.h"

#include <sys/socket.h>

#include <cstring>
#include <memory>

namespace socksify {

bool FillHostEntry(std::string_view name, std::span<const IpAddress> addresses, std::span<char> buffer,
                   hostent* entry) {
  // The pointers lead the buffer: no alias, the addresses, a null. The addresses and the name follow.
  void* place = buffer.data();
  size_t space = buffer.size();
  const size_t pointers_size = (addresses.size() + 2) * sizeof(char*);
  if (std::align(alignof(char*), pointers_size, place, space) == nullptr) return false;
  const size_t address_size = addresses.front().bytes().size();
  if (space < pointers_size + addresses.size() * address_size + name.size() + 1) return false;
  auto* const pointers = static_cast<char**>(place);
  char* text = static_cast<char*>(place) + pointers_size;
  pointers[0] = nullptr;
  for (size_t i = 0; i < addresses.size(); ++i) {
    std::memcpy(text, addresses[i].bytes().data(), address_size);
    pointers[i + 1] = text;
    text += address_size;
  }
  pointers[addresses.size() + 1] = nullptr;
  std::memcpy(text, name.data(), name.size());
  text[name.size()] = '\0';
  entry->h_name = text;
  entry->h_aliases = pointers;
  entry->h_addrtype = addresses.front().is_v4() ? AF_INET : AF_INET6;
  entry->h_length = static_cast<int>(address_size);
  entry->h_addr_list = pointers + 1;
  return true;
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "preload/host_entry.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <vector>

namespace socksify {
namespace {

TEST(HostEntryTest, FitsExactlyOrNotAtAll) {
  for (const char* text : {"198.18.0.5", "2001:2::5"}) {
    const IpAddress address = *IpAddress::Parse(text);
    hostent entry{};
    size_t needed = 0;
    for (; needed < 512; ++needed) {
      std::vector<char> buffer(needed);  // a heap block of its own, so that ASan sees one byte too many
      if (FillHostEntry("web.test", {&address, 1}, buffer, &entry)) break;
    }
    ASSERT_LT(needed, 512U);
    std::vector<char> buffer(needed);
    ASSERT_TRUE(FillHostEntry("web.test", {&address, 1}, buffer, &entry));
    EXPECT_STREQ(entry.h_name, "web.test");
    EXPECT_EQ(entry.h_aliases[0], nullptr);
    EXPECT_EQ(entry.h_addrtype, address.is_v4() ? AF_INET : AF_INET6);
    EXPECT_EQ(entry.h_length, address.is_v4() ? 4 : 16);
    EXPECT_EQ(std::memcmp(entry.h_addr_list[0], address.bytes().data(), address.bytes().size()), 0);
    EXPECT_EQ(entry.h_addr_list[1], nullptr);
  }
}

TEST(HostEntryTest, TakesAnUnalignedBuffer) {
  alignas(16) char buffer[256];
  hostent entry{};
  const IpAddress address = IpAddress::V4(0xc6120005);
  for (size_t offset = 0; offset < 8; ++offset) {
    ASSERT_TRUE(FillHostEntry("web.test", {&address, 1}, std::span(buffer).subspan(offset), &entry));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(entry.h_addr_list) % alignof(char*), 0U);
    EXPECT_STREQ(entry.h_name, "web.test");
  }
}

TEST(HostEntryTest, TakesSeveralAddresses) {
  char buffer[256];
  hostent entry{};
  const IpAddress addresses[] = {IpAddress::V4(0x0a000001), IpAddress::V4(0x0a000002)};
  ASSERT_TRUE(FillHostEntry("web.test", addresses, buffer, &entry));
  EXPECT_EQ(std::string(entry.h_addr_list[1], 4), std::string("\x0a\0\0\2", 4));
  EXPECT_EQ(entry.h_addr_list[2], nullptr);
  EXPECT_EQ(entry.h_aliases[0], nullptr);
}

}  // namespace
}  // namespace socksify

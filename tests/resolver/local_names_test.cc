// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/local_names.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/resolver/fake_table_fixture.h"

namespace socksify {
namespace {

constexpr std::string_view kHosts =
    "# comment 9.9.9.9 commented.test\n"
    "127.0.0.1\tlocalhost Box.test box # box.commented\n"
    "\n"
    "  10.0.0.5   indented.test\r\n"
    "fe80::1%eth0 scoped.test\n"
    "::ffff:10.0.0.6 mapped.test\n"
    "not-an-address orphan.test\n"
    "10.0.0.7#nothing.test\n"
    "10.0.0.8 dotted.test.\n"
    "2001:db8::1 last.test";

TEST(LocalNamesTest, OwnNames) {
  for (const char* name :
       {"localhost", "LOCALHOST", "localhost.", "a.localhost", "a.b.LocalHost.", "box", "BOX."}) {
    EXPECT_TRUE(IsOwnName(name, "Box")) << name;
  }
  for (const char* name :
       {"", ".", "localhost.test", "notlocalhost", ".localhost", "boxer", "localhost..", "box.test"}) {
    EXPECT_FALSE(IsOwnName(name, "box")) << name;
  }
  EXPECT_FALSE(IsOwnName("", ""));
  EXPECT_FALSE(IsOwnName("box", ""));
}

TEST(LocalNamesTest, NumericHosts) {
  for (const char* name : {"127.0.0.1", "127.1", "0x7f000001", "0177.0.0.1", "2130706433", "1.2.3", "0",
                           "::1", "::", "fe80::1%eth0", "fe80::1%2", "::ffff:1.2.3.4", "2001:DB8::1"}) {
    EXPECT_TRUE(IsNumericHost(name)) << name;
  }
  for (const char* name : {"", "web.test", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", "1.2.3.4 x", "0x",
                           "09.1.1.1", ":", "[::1]", "127.0.0.1%lo", "1.2.3.4.", "%eth0", "::1::", "a"}) {
    EXPECT_FALSE(IsNumericHost(name)) << name;
  }
  EXPECT_FALSE(IsNumericHost(std::string_view("1.2.3.4\0x", 9)));
  EXPECT_FALSE(IsNumericHost(std::string(300, '1')));
}

TEST(LocalNamesTest, HostsHaveNameInAnyField) {
  for (const char* name : {"localhost", "box.test", "BOX.TEST", "box", "box.", "indented.test", "scoped.test",
                           "mapped.test", "dotted.test", "last.test"}) {
    EXPECT_TRUE(HostsHaveName(kHosts, name)) << name;
  }
  for (const char* name : {"", ".", "commented.test", "box.commented", "orphan.test", "nothing.test",
                           "10.0.0.5", "127.0.0.1", "last.tes", "ast.test", "#", "comment"}) {
    EXPECT_FALSE(HostsHaveName(kHosts, name)) << name;
  }
  EXPECT_FALSE(HostsHaveName("", "a"));
}

TEST(LocalNamesTest, HostsHaveAddressOfNamedLines) {
  for (const char* address :
       {"127.0.0.1", "::ffff:127.0.0.1", "10.0.0.5", "fe80::1", "10.0.0.6", "2001:db8::1"}) {
    EXPECT_TRUE(HostsHaveAddress(kHosts, *IpAddress::Parse(address))) << address;
  }
  for (const char* address : {"9.9.9.9", "10.0.0.7", "::1", "0.0.0.0"}) {
    EXPECT_FALSE(HostsHaveAddress(kHosts, *IpAddress::Parse(address))) << address;
  }
}

TEST(LocalNamesTest, ReadsHostsAnew) {
  const TemporaryDirectory directory;
  const std::string path = directory.File("hosts");
  EXPECT_EQ(ReadHosts(path.c_str()), "");
  std::ofstream(path) << "10.0.0.1 a.test\n";
  EXPECT_TRUE(HostsHaveName(ReadHosts(path.c_str()), "a.test"));
  std::ofstream(path) << "10.0.0.1 b.test\n";
  EXPECT_FALSE(HostsHaveName(ReadHosts(path.c_str()), "a.test"));
  EXPECT_EQ(ReadHosts(directory.path().c_str()), "");
}

TEST(LocalNamesTest, ReadsLongListsAndNoMoreThanSixteenMebibytes) {
  const TemporaryDirectory directory;
  const std::string path = directory.File("hosts");
  std::ofstream(path) << std::string(6'000'000, '\n') << "10.0.0.1 a.test\n";
  EXPECT_TRUE(HostsHaveName(ReadHosts(path.c_str()), "a.test"));
  std::ofstream(path) << std::string(20'000'000, '\n');
  EXPECT_EQ(ReadHosts(path.c_str()).size(), size_t{1} << 24);
}

TEST(LocalNamesTest, WhatIsNeverFaked) {
  for (const char* name : {"127.1", "::1", "localhost", "mybox", "box.test"}) {
    EXPECT_TRUE(IsNeverFaked(name, "mybox", kHosts)) << name;
  }
  for (const char* name : {"web.test", "mybox.test"})
    EXPECT_FALSE(IsNeverFaked(name, "mybox", kHosts)) << name;
}

}  // namespace
}  // namespace socksify

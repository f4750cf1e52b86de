// SPDX-License-Identifier: BSD-2-Clause
// `socksctl names` as its user sees it.
#include <sys/stat.h>

#include <string>

#include "resolver/fake_table.h"
#include "tests/tools/table_command_fixture.h"

namespace socksify {
namespace {

using testing::ToolResult;

class SocksctlNamesTest : public testing::TableCommandTest {
 protected:
  SocksctlNamesTest() : TableCommandTest("names", {"SOCKS5_SERVER=127.0.0.1:1080"}) {}

  // 198.18.0.0/15 2001:2::/96 is what programs use when the configuration says nothing.
  static FakeRange Range(const char* v4 = "198.18.0.0", unsigned v4_bits = 15) {
    return {
        .v4 = *IpAddress::Parse(v4), .v4_bits = v4_bits, .v6 = *IpAddress::Parse("2001:2::"), .v6_bits = 96};
  }
  void Enter(const std::string& name, const FakeRange& range) const {
    auto table = FakeTable::Open(state_, range);
    ASSERT_TRUE(table);
    ASSERT_TRUE((*table)->AddressFor(name, IpVersion::kV6));
  }

  const std::string path_ = state_ + "/names-5-198.18.0.0-15-2001:2::-96";
};

TEST_F(SocksctlNamesTest, ListsTheTableOfTheConfigurationInForce) {
  Enter("default.test", Range());
  Enter("other.test", Range("10.128.0.0", 16));
  const ToolResult usual = Run({});
  EXPECT_EQ(usual.exit_code, 0);
  EXPECT_EQ(usual.err, "");
  EXPECT_EQ(usual.out, "198.18.0.0  2001:2::  default.test\n");
  const std::string file = directory_.Write(
      "a.conf", "fakerange: 10.128.0.0/16\nroute { from: 0/0 to: 0/0 via: socks5://127.0.0.1:1080 }\n");
  EXPECT_EQ(Run({"-f", file}).out, "10.128.0.0  2001:2::  other.test\n");
  EXPECT_EQ(Run({"-p", "socks5://127.0.0.1:1080"}).out, usual.out);
}

TEST_F(SocksctlNamesTest, JsonHasTheSame) {
  Enter("a.test", Range());
  const auto listing = RunForJson({});
  EXPECT_EQ(listing, nlohmann::json(
                         {{"table", path_},
                          {"exists", true},
                          {"capacity", 131'072},
                          {"names", {{{"ipv4", "198.18.0.0"}, {"ipv6", "2001:2::"}, {"name", "a.test"}}}}}));
}

TEST_F(SocksctlNamesTest, NoTableAndAnEmptyOneAreWell) {
  const ToolResult none = Run({});
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_EQ(none.out, "");
  EXPECT_EQ(none.err, "there is no table of names yet: " + path_ + "\n");
  EXPECT_EQ(RunForJson({})["exists"], false);
  EXPECT_EQ(Run({"--clear"}).out, "0 names removed from " + path_ + "\n");
  ASSERT_TRUE(FakeTable::Open(state_, Range()));
  const ToolResult empty = Run({});
  EXPECT_EQ(empty.exit_code, 0);
  EXPECT_EQ(empty.out, "");
  EXPECT_EQ(empty.err, "there are no names in " + path_ + "\n");
}

TEST_F(SocksctlNamesTest, ClearSaysHowMany) {
  Enter("a.test", Range());
  EXPECT_EQ(Run({"--clear"}).out, "1 name removed from " + path_ + "\n");
  Enter("a.test", Range());
  Enter("b.test", Range());
  const ToolResult result = Run({"--clear", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "{\"table\":\"" + path_ + "\",\"removed\":2}\n");
  EXPECT_EQ(Run({}).out, "");
}

TEST_F(SocksctlNamesTest, WhatIsNoTableIsSaid) {
  ExpectNoTable(path_);
}

TEST_F(SocksctlNamesTest, AStateDirectoryThatCannotBeUsedIsSaid) {
  chmod(state_.c_str(), 0755);
  const ToolResult result = Run({});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(
      result.err,
      "socksctl: no state directory can be used (EPERM): programs have tables of their own, which cannot be "
      "seen from outside\n");
}

TEST_F(SocksctlNamesTest, AnErrorInTheConfigurationIsSaidAsCheckSaysIt) {
  ExpectConfigurationErrorAsCheckSaysIt();
}

}  // namespace
}  // namespace socksify

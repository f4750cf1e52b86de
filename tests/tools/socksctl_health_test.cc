// SPDX-License-Identifier: BSD-2-Clause
// `socksctl health` as its user sees it.
#include <cerrno>
#include <string>

#include "resolver/health_table.h"
#include "tests/tools/table_command_fixture.h"

namespace socksify {
namespace {

using ::testing::HasSubstr;
using testing::ToolResult;

class SocksctlHealthTest : public testing::TableCommandTest {
 protected:
  SocksctlHealthTest() : TableCommandTest("health") {}

  void NoteFailures(const std::string& key, int count) const {
    auto table = HealthTable::Open(state_);
    ASSERT_TRUE(table);
    for (int i = 0; i < count; ++i) (*table)->Find(key)->NoteFailure(MonotonicMs(), ECONNREFUSED);
  }

  const std::string path_ = HealthTable::PathIn(state_);
};

TEST_F(SocksctlHealthTest, ListsWithoutAConfiguration) {
  NoteFailures("socks5 127.0.0.1:1080", 1);
  const ToolResult result = Run({});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, HasSubstr("\nsocks5 127.0.0.1:1080  bad for another "));
  const auto listing = RunForJson({});
  EXPECT_EQ(listing["table"], path_);
  EXPECT_EQ(listing["maxfail"], 1);
  EXPECT_EQ(listing["badexpire"], 300);
  EXPECT_EQ(listing["servers"][0]["name"], nullptr);
}

TEST_F(SocksctlHealthTest, TheConfigurationJudgesAndNames) {
  NoteFailures("socks5 127.0.0.1:1080", 2);
  const std::string file = directory_.Write("a.conf",
                                            "route.maxfail: 3\nroute.badexpire: 7\n"
                                            "server s1 { address: 127.0.0.1 port = 1080 }\n"
                                            "route { from: 0/0 to: 0/0 via: s1 }\n");
  EXPECT_THAT(Run({"-f", file}).out, HasSubstr("\nsocks5 127.0.0.1:1080 (s1)  good "));
  const auto listing = RunForJson({"-f", file});
  EXPECT_EQ(listing["maxfail"], 3);
  EXPECT_EQ(listing["badexpire"], 7);
  EXPECT_EQ(listing["servers"][0]["name"], "s1");
}

TEST_F(SocksctlHealthTest, NoTableAndAnEmptyOneAreWell) {
  const ToolResult none = Run({});
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_EQ(none.out, "");
  EXPECT_EQ(none.err, "there is no table of servers yet: " + path_ + "\n");
  EXPECT_EQ(RunForJson({})["exists"], false);
  ASSERT_TRUE(HealthTable::Open(state_));
  const ToolResult empty = Run({});
  EXPECT_EQ(empty.exit_code, 0);
  EXPECT_EQ(empty.out, "");
  EXPECT_EQ(empty.err, "there are no servers in " + path_ + "\n");
}

TEST_F(SocksctlHealthTest, ClearSaysHowMany) {
  EXPECT_EQ(Run({"--clear"}).out, "0 servers removed from " + path_ + "\n");
  NoteFailures("socks5 127.0.0.1:1080", 1);
  EXPECT_EQ(Run({"--clear"}).out, "1 server removed from " + path_ + "\n");
  EXPECT_EQ(Run({}).out, "");
  NoteFailures("socks5 127.0.0.1:1080", 1);
  NoteFailures("socks5 127.0.0.1:1081", 1);
  EXPECT_EQ(Run({"--clear", "--json"}).out, "{\"table\":\"" + path_ + "\",\"removed\":2}\n");
}

TEST_F(SocksctlHealthTest, WhatIsNoTableIsSaid) {
  ExpectNoTable(path_);
}

TEST_F(SocksctlHealthTest, AnErrorInTheConfigurationIsSaidAsCheckSaysIt) {
  ExpectConfigurationErrorAsCheckSaysIt();
}

}  // namespace
}  // namespace socksify

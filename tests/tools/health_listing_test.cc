// SPDX-License-Identifier: BSD-2-Clause
#include "tools/health_listing.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>

#include "tests/tools/tool_runner.h"

namespace socksify {
namespace {

using testing::TemporaryDirectory;
using State = HealthItem::State;

constexpr int64_t kNow = 1'000'000'000;

class HealthListingTest : public ::testing::Test {
 protected:
  HealthListingTest() : table_(std::move(HealthTable::Open(directory_.path()).value())) {}

  HealthEntry* Entry(const std::string& key) { return table_->Find(key, kNow); }
  HealthListing List() const {
    auto listing = ListHealth(directory_.path(), view_, kNow);
    EXPECT_TRUE(listing) << listing.error();
    return listing.value_or(HealthListing());
  }
  // The state of the only server, in words.
  std::string StateInWords() const {
    const std::string text = ToText(List());
    const size_t line = text.find('\n') + 1;
    const size_t begin = text.find("  ", line) + 2;
    return text.substr(begin, text.find("  ", begin) - begin);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<HealthTable> table_;
  const std::string path_ = HealthTable::PathIn(directory_.path());
  HealthView view_;
};

TEST_F(HealthListingTest, ServersOfTheConfigurationComeFirst) {
  view_.servers = {{.key = "socks5 10.0.3.1:1080", .name = "int1"},
                   {.key = "socks4 [2001:db8::1]:1080", .name = ""}};
  for (int i = 0; i < 4; ++i) Entry("socks5 10.0.3.1:1080")->NoteFailure(kNow - 900'000, ECONNREFUSED);
  Entry("socks5 10.0.3.1:1080")->NoteSuccess(kNow - 600'000, 2000);
  Entry("socks5 10.0.3.1:1080")->NoteFailure(kNow - 60'000, ETIMEDOUT);
  Entry("socks4 [2001:db8::1]:1080")->NoteSuccess(kNow - 10'999, 450);
  Entry("http b.test:8080");
  Entry("http a.test:8080")->NoteSuccess(kNow - 119'000, 0);
  Entry("turn socks5 10.0.3.1:1080 http a.test:8080")->NextTurn();
  EXPECT_EQ(ToText(List()),
            "server                       state                  in a row  failed  worked  connect"
            "  last worked  last error\n"
            "socks5 10.0.3.1:1080 (int1)  bad for another 240 s         1       5       1   2.0 ms"
            "  10 min ago   Connection timed out, 60 s ago\n"
            "socks4 [2001:db8::1]:1080    good                          -       -       1  0.45 ms"
            "  10 s ago     -\n"
            "http a.test:8080             good                          -       -       1        -"
            "  119 s ago    -\n"
            "http b.test:8080             good                          -       -       -        -"
            "  -            -\n");
}

TEST_F(HealthListingTest, StatesAreJudgedByThePolicy) {
  HealthEntry* const entry = Entry("socks5 a.test:1080");
  entry->NoteFailure(kNow - 120'500, ECONNREFUSED);
  entry->NoteFailure(kNow - 120'500, ECONNREFUSED);
  const struct {
    unsigned max_fail;
    unsigned bad_expire_s;
    State state;
    int64_t bad_for_s;
    const char* words;
  } cases[] = {
      {1, 300, State::kBad, 180, "bad for another 180 s"},
      {2, 121, State::kBad, 1, "bad for another 1 s"},
      {2, 0, State::kBad, 0, "bad until it works"},
      {2, 120, State::kDue, 0, "to be tried again"},
      {3, 300, State::kGood, 0, "good"},
      {0, 300, State::kGood, 0, "good"},
  };
  for (const auto& c : cases) {
    view_.policy = {.max_fail = c.max_fail, .bad_expire_s = c.bad_expire_s};
    const HealthListing listing = List();
    ASSERT_EQ(listing.servers.size(), 1U);
    EXPECT_EQ(listing.servers[0].state, c.state) << c.words;
    EXPECT_EQ(listing.servers[0].bad_for_s, c.bad_for_s) << c.words;
    EXPECT_EQ(StateInWords(), c.words);
  }
}

TEST_F(HealthListingTest, AProbeAndAWaitAreTold) {
  HealthEntry* const entry = Entry("socks5 a.test:1080");
  EXPECT_TRUE(entry->NoteWaiting(kNow - 1000));
  EXPECT_EQ(StateInWords(), "waited for");
  entry->NoteFailure(kNow - 301'000, ECONNREFUSED);
  ASSERT_EQ(entry->Admit(view_.policy, kNow - 1000), HealthEntry::Admission::kProbe);
  EXPECT_EQ(StateInWords(), "being tried by pid " + std::to_string(getpid()));
  EXPECT_EQ(List().servers[0].bad_for_s, 0);
}

TEST_F(HealthListingTest, AgesHaveUnitsThatFit) {
  const struct {
    int64_t ago_s;
    const char* words;
  } cases[] = {{-5, "0 s ago"},   {119, "119 s ago"},    {120, "2 min ago"},     {7199, "119 min ago"},
               {7200, "2 h ago"}, {172'799, "47 h ago"}, {172'800, "2 days ago"}};
  HealthEntry* const entry = Entry("socks5 a.test:1080");
  for (const auto& c : cases) {
    entry->NoteFailure(kNow - c.ago_s * 1000, EHOSTUNREACH);
    const std::string text = ToText(List());
    EXPECT_TRUE(text.ends_with(std::string("  No route to host, ") + c.words + "\n")) << text;
  }
}

TEST_F(HealthListingTest, JsonHasEverything) {
  view_.servers = {{.key = "socks5 a.test:1080", .name = "a"}};
  view_.policy = {.max_fail = 2, .bad_expire_s = 100};
  HealthEntry* const entry = Entry("socks5 a.test:1080");
  entry->NoteSuccess(kNow - 70'000, 1000);
  entry->NoteSuccess(kNow - 60'000, 2600);
  entry->NoteFailure(kNow - 50'000, ECONNREFUSED);
  entry->NoteFailure(kNow - 40'000, EACCES);
  Entry("http b.test:8080");
  EXPECT_EQ(ToJson(List()),
            "{\"table\":\"" + path_ +
                "\",\"exists\":true,\"maxfail\":2,\"badexpire\":100,\"servers\":["
                "{\"server\":\"socks5 a.test:1080\",\"name\":\"a\",\"state\":\"bad\",\"bad_for_s\":60,"
                "\"tried_by\":null,\"failures_in_a_row\":2,\"failures\":2,\"successes\":2,"
                "\"last_error\":\"EACCES\",\"last_error_text\":\"Permission denied\","
                "\"last_failure_ms_ago\":40000,\"last_success_ms_ago\":60000,\"connect_ms\":1.2,"
                "\"last_connect_ms\":2.6},"
                "{\"server\":\"http b.test:8080\",\"name\":null,\"state\":\"good\",\"bad_for_s\":null,"
                "\"tried_by\":null,\"failures_in_a_row\":0,\"failures\":0,\"successes\":0,"
                "\"last_error\":null,\"last_error_text\":null,"
                "\"last_failure_ms_ago\":null,\"last_success_ms_ago\":null,\"connect_ms\":null,"
                "\"last_connect_ms\":null}]}\n");
}

TEST_F(HealthListingTest, WhatIsInAKeyCannotSpeakToATerminal) {
  Entry("socks5 a\x1b[2J b:1");
  EXPECT_EQ(List().servers[0].report.key, "socks5 a\x1b[2J b:1");
  EXPECT_NE(ToText(List()).find("socks5 a\\027[2J\\032b:1  good"), std::string::npos);
  EXPECT_NE(ToJson(List()).find("\"server\":\"socks5 a\\\\027[2J\\\\032b:1\""), std::string::npos);
}

TEST_F(HealthListingTest, ALongKeyIsKnownByItsFirstPart) {
  const std::string key = "socks5 " + std::string(200, 'a') + ":1080";
  view_.servers = {{.key = key, .name = "long"}};
  Entry(key);
  EXPECT_NE(ToText(List()).find(std::string(HealthTable::kMaxKeySize - 7, 'a') + "... (long)  good"),
            std::string::npos);
}

TEST_F(HealthListingTest, ClearForgetsServersAndTurns) {
  HealthEntry* const turns = Entry("turn socks5 a.test:1080");
  turns->NextTurn();
  Entry("socks5 a.test:1080");
  Entry("socks5 b.test:1080");
  EXPECT_EQ(ClearHealth(directory_.path()), 2U);
  EXPECT_TRUE(List().exists);
  EXPECT_EQ(ToText(List()), "");
  EXPECT_EQ(Entry("turn socks5 a.test:1080")->NextTurn(), 0U);
}

TEST_F(HealthListingTest, AnAbsentTableHasNoServers) {
  ASSERT_TRUE(std::filesystem::remove(path_));
  EXPECT_EQ(ToText(List()), "");
  EXPECT_EQ(ToJson(List()), "{\"table\":\"" + path_ +
                                "\",\"exists\":false,\"maxfail\":1,\"badexpire\":300,\"servers\":[]}\n");
  EXPECT_EQ(ClearHealth(directory_.path()), 0U);
  EXPECT_FALSE(std::filesystem::exists(path_)) << "nothing was made";
}

TEST_F(HealthListingTest, WhatIsNoTableIsSaid) {
  std::filesystem::resize_file(path_, 10);
  const std::string error =
      path_ +
      " is not a table of this version that belongs to you alone; the next program that "
      "needs one will replace it";
  EXPECT_EQ(ListHealth(directory_.path(), view_, kNow).error(), error);
  EXPECT_EQ(ClearHealth(directory_.path()).error(), error);
  EXPECT_EQ(std::filesystem::file_size(path_), 10U);
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/health_table.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <set>
#include <string>
#include <vector>

#include "tests/resolver/health_table_fixture.h"

namespace socksify {
namespace {

class HealthTableTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(table_); }
  static std::vector<std::string> KeysOf(const HealthTable& table) {
    std::vector<std::string> keys;
    for (const HealthReport& report : table.List()) keys.push_back(report.key);
    std::ranges::sort(keys);
    return keys;
  }
  std::vector<std::string> Keys() const { return KeysOf(*table_); }

  const std::unique_ptr<HealthTable> table_ = MakePrivateHealth();
};

TEST_F(HealthTableTest, KeyFindsItsEntryAgain) {
  HealthEntry* const first = table_->Find("socks5 10.0.3.1:1080", kNowMs);
  HealthEntry* const second = table_->Find("socks5 10.0.3.1:1081", kNowMs);
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  EXPECT_NE(first, second);
  EXPECT_EQ(table_->Find("socks5 10.0.3.1:1080", kNowMs), first);
  EXPECT_EQ(table_->Find("socks5 10.0.3.1:1081", kNowMs), second);
  EXPECT_EQ(Keys(), (std::vector<std::string>{"socks5 10.0.3.1:1080", "socks5 10.0.3.1:1081"}));
}

TEST_F(HealthTableTest, AnyBytesAreAKey) {
  const std::string kAll[] = {"", std::string(1, '\0'), std::string(2, '\0'), "a", "A", "a ", "\xff\n\x80"};
  std::set<HealthEntry*> entries;
  for (const std::string& key : kAll) entries.insert(table_->Find(key, kNowMs));
  EXPECT_EQ(entries.size(), std::size(kAll));
  for (const std::string& key : kAll) EXPECT_TRUE(ReportOf(*table_, key)) << key;
}

TEST_F(HealthTableTest, LongKeyIsCutForShowAlone) {
  const std::string longest(HealthTable::kMaxKeySize, 'x');
  const std::string cut_keys[] = {longest + 'a', longest + 'b', longest + std::string(1, '\0'),
                                  longest + std::string(10'000, 'c')};
  std::set<HealthEntry*> entries{table_->Find(longest, kNowMs)};
  for (const std::string& key : cut_keys) entries.insert(table_->Find(key, kNowMs));
  EXPECT_EQ(entries.size(), 5U);
  for (const std::string& key : cut_keys) {
    EXPECT_TRUE(entries.contains(table_->Find(key, kNowMs)));
  }
  EXPECT_EQ(entries.size(), 5U);
  int cut = 0;
  for (const HealthReport& report : table_->List()) {
    EXPECT_EQ(report.key, longest);
    if (report.is_key_cut) ++cut;
  }
  EXPECT_EQ(cut, 4);
}

TEST_F(HealthTableTest, HalfOfItsCapacityFindsRoom) {
  constexpr uint32_t kCount = HealthTable::kCapacity / 2;
  std::set<HealthEntry*> entries;
  for (uint32_t i = 0; i < kCount; ++i)
    entries.insert(table_->Find("http 10.0." + std::to_string(i) + ".1:3128", kNowMs));
  EXPECT_EQ(entries.size(), kCount);
  EXPECT_FALSE(entries.contains(nullptr));
  EXPECT_EQ(Keys().size(), kCount);
}

TEST_F(HealthTableTest, LongestUnusedOfAFullWindowMakesWay) {
  const auto keys = KeysOfOneWindow(HealthTable::kWindow + 2);
  for (uint32_t i = 0; i < HealthTable::kWindow; ++i) {
    HealthEntry* const entry = table_->Find(keys[i], kNowMs + i * 1000);
    entry->NoteFailure(kNowMs, ECONNREFUSED);
    entry->NoteWaiting(kNowMs);
    entry->NoteSuccess(kNowMs, 5);
    entry->NoteFailure(kNowMs, ECONNREFUSED);
    entry->NoteWaiting(kNowMs);
    entry->NextTurn();
    entry->Admit({.max_fail = 1, .bad_expire_s = 1}, kNowMs + 1000);
  }
  // The first has been used since; the next are the second and the third.
  table_->Find(keys[0], kNowMs + 100'000);
  for (uint32_t i = 0; i < 2; ++i) {
    const std::string& key = keys[HealthTable::kWindow + i];
    ASSERT_NE(table_->Find(key, kNowMs + 100'000 + i), nullptr);
    EXPECT_FALSE(ReportOf(*table_, keys[1 + i])) << i;
    const auto report = ReportOf(*table_, key);
    ASSERT_TRUE(report) << i;
    EXPECT_EQ(report->failures_in_a_row, 0U);
    EXPECT_EQ(report->failures, 0U);
    EXPECT_EQ(report->successes, 0U);
    EXPECT_EQ(report->last_error, 0);
    EXPECT_EQ(report->failed_ms, 0);
    EXPECT_EQ(report->succeeded_ms, 0);
    EXPECT_EQ(report->latency_us, 0U);
    EXPECT_EQ(report->last_latency_us, 0U);
    EXPECT_EQ(report->probe_until_ms, 0);
    EXPECT_EQ(report->probe_pid, 0U);
    EXPECT_EQ(report->suspect_since_ms, 0);
    EXPECT_EQ(report->turns, 0U);
    EXPECT_EQ(report->used_ms, kNowMs + 100'000 + i);
  }
  for (const uint32_t i : {0U, 3U, HealthTable::kWindow - 1}) {
    const auto report = ReportOf(*table_, keys[i]);
    ASSERT_TRUE(report) << i;
    EXPECT_EQ(report->failures, 2U) << i;
    EXPECT_EQ(report->turns, 1U) << i;
  }
}

TEST_F(HealthTableTest, UseIsStampedOncePerSecond) {
  const std::pair<int64_t, int64_t> kCases[] = {{kNowMs, kNowMs},
                                                {kNowMs + 999, kNowMs},
                                                {kNowMs + 1000, kNowMs + 1000},
                                                {kNowMs + 500, kNowMs + 1000},
                                                {kNowMs - 9000, kNowMs + 1000},
                                                // Nobody can have stamped it so far in the future.
                                                {kNowMs - 9001, kNowMs - 9001}};
  for (const auto& [now_ms, expected_ms] : kCases) {
    table_->Find("key", now_ms);
    EXPECT_EQ(ReportOf(*table_, "key")->used_ms, expected_ms) << now_ms;
  }
}

TEST_F(HealthTableTest, DefaultTimeIsTheClocks) {
  const int64_t before_ms = MonotonicMs();
  table_->Find("key");
  const auto report = ReportOf(*table_, "key");
  ASSERT_TRUE(report);
  EXPECT_GE(report->used_ms, before_ms);
  EXPECT_LE(report->used_ms, MonotonicMs());
}

TEST_F(HealthTableTest, ClearFreesEverything) {
  EXPECT_EQ(table_->Clear(), 0U);
  HealthEntry* const kept = table_->Find("a", kNowMs);
  kept->NoteFailure(kNowMs, EIO);
  kept->NextTurn();
  table_->Find("b", kNowMs);
  EXPECT_EQ(table_->Clear(), 2U);
  EXPECT_EQ(Keys(), std::vector<std::string>{});
  // For those as well who have the entry in their hands.
  EXPECT_FALSE(kept->IsBad({.max_fail = 1, .bad_expire_s = 0}, kNowMs));
  EXPECT_EQ(kept->NextTurn(), 0U);
  EXPECT_EQ(table_->Clear(), 0U);
  // What they note afterwards is not inherited.
  kept->NoteFailure(kNowMs, EIO);
  table_->Find("a", kNowMs);
  EXPECT_EQ(ReportOf(*table_, "a")->failures, 0U);
  EXPECT_EQ(ReportOf(*table_, "a")->turns, 0U);
}

// Another process takes an entry for the same key at every step of ours: one entry is left.
TEST_F(HealthTableTest, KeyHasOneEntryWhoeverComesBetween) {
  struct Meddler {
    HealthTable* table;
    const std::string* key;
    int countdown;
    static void Step(void* context) {
      auto& meddler = *static_cast<Meddler*>(context);
      if (--meddler.countdown != 0) return;
      meddler.table->set_steps({});
      meddler.table->Find(*meddler.key, kNowMs + 50'000);
    }
  };
  const auto keys = KeysOfOneWindow(2 * size_t{HealthTable::kWindow});
  for (const uint32_t before : {0U, HealthTable::kWindow - 1, HealthTable::kWindow}) {
    int steps = 0;
    for (;; ++steps) {
      const auto table = MakePrivateHealth();
      ASSERT_TRUE(table);
      for (uint32_t i = 0; i < before; ++i) table->Find(keys[i], kNowMs + i);
      Meddler meddler{table.get(), &keys.back(), steps + 1};
      table->set_steps({.hook = Meddler::Step, .context = &meddler});
      HealthEntry* const entry = table->Find(keys.back(), kNowMs + 50'000);
      table->set_steps({});
      ASSERT_NE(entry, nullptr);
      EXPECT_EQ(entry, table->Find(keys.back(), kNowMs + 50'000));
      uint32_t with_key = 0;
      for (const std::string& key : KeysOf(*table)) with_key += key == keys.back() ? 1 : 0;
      EXPECT_EQ(with_key, 1U) << before << ' ' << steps;
      if (meddler.countdown > 0) break;
    }
    EXPECT_GE(steps, 13) << "claim, eleven words, check";
  }
}

// Others free an entry before the one that a key is about to take, and take it for the same key: the first of
// the two counts, and the second is freed.
TEST_F(HealthTableTest, SecondEntryOfAKeyIsFreed) {
  struct Meddler {
    HealthTable* table;
    const std::string* key;
    HealthEntry* first;
    int calls;
    static void Step(void* context) {
      auto& meddler = *static_cast<Meddler*>(context);
      if (++meddler.calls != 2) return;  // the tag of the oldest
      meddler.table->set_steps({});
      meddler.table->Clear();
      meddler.first = meddler.table->Find(*meddler.key, kNowMs);
      meddler.first->NextTurn();
    }
  };
  const auto keys = KeysOfOneWindow(size_t{HealthTable::kWindow} + 1);
  // The last of the window is the oldest, and so makes way.
  for (uint32_t i = 0; i < HealthTable::kWindow; ++i)
    table_->Find(keys[i], kNowMs - (i == HealthTable::kWindow - 1 ? 2000 : 0));
  Meddler meddler{table_.get(), &keys.back(), nullptr, 0};
  table_->set_steps({.hook = Meddler::Step, .context = &meddler});
  HealthEntry* const entry = table_->Find(keys.back(), kNowMs);
  EXPECT_EQ(entry, meddler.first);
  EXPECT_EQ(entry->NextTurn(), 1U);
  EXPECT_EQ(Keys(), std::vector<std::string>{keys.back()});
  EXPECT_EQ(table_->Clear(), 1U);
}

// Two keys find the same one unused for longest: it makes way for the first, and the next one for the second.
TEST_F(HealthTableTest, EntryIsNotTakenFromWhoeverWasFaster) {
  struct Rival {
    HealthTable* table;
    const std::string* key;
    int calls;
    static void Step(void* context) {
      auto& rival = *static_cast<Rival*>(context);
      if (++rival.calls == 1) rival.table->Find(*rival.key, kNowMs + 100'000);
    }
  };
  const auto keys = KeysOfOneWindow(size_t{HealthTable::kWindow} + 2);
  for (uint32_t i = 0; i < HealthTable::kWindow; ++i) table_->Find(keys[i], kNowMs + i * 1000);
  Rival rival{table_.get(), &keys[HealthTable::kWindow], 0};
  table_->set_steps({.hook = Rival::Step, .context = &rival});
  EXPECT_NE(table_->Find(keys.back(), kNowMs + 100'000), nullptr);
  std::vector<std::string> expected(keys.begin() + 2, keys.end());
  std::ranges::sort(expected);
  EXPECT_EQ(Keys(), expected);
}

TEST_F(HealthTableTest, UseInTheFutureCountsAsNone) {
  const auto keys = KeysOfOneWindow(size_t{HealthTable::kWindow} + 1);
  for (uint32_t i = 0; i < HealthTable::kWindow; ++i) table_->Find(keys[i], kNowMs + (i == 7 ? 20'000 : 0));
  table_->Find(keys.back(), kNowMs);
  EXPECT_FALSE(ReportOf(*table_, keys[7]));
  EXPECT_EQ(table_->List().size(), HealthTable::kWindow);
}

// What is being taken does not look as unused as what made way for it.
TEST_F(HealthTableTest, EntryThatIsBeingTakenDoesNotMakeWay) {
  struct Meddler {
    HealthTable* table;
    const std::string* key;
    int calls;
    static void Step(void* context) {
      auto& meddler = *static_cast<Meddler*>(context);
      // The look at the oldest, its tag, the check of its name, and the new tag.
      if (++meddler.calls == 4) meddler.table->Find(*meddler.key, kNowMs + 100'000);
    }
  };
  const auto keys = KeysOfOneWindow(size_t{HealthTable::kWindow} + 2);
  HealthEntry* const oldest = table_->Find(keys[0], kNowMs);
  for (uint32_t i = 1; i < HealthTable::kWindow; ++i) table_->Find(keys[i], kNowMs + i * 1000);
  Meddler meddler{table_.get(), &keys[HealthTable::kWindow], 0};
  table_->set_steps({.hook = Meddler::Step, .context = &meddler});
  EXPECT_EQ(table_->Find(keys.back(), kNowMs + 100'000), oldest);
  EXPECT_TRUE(ReportOf(*table_, keys.back()));
  EXPECT_TRUE(ReportOf(*table_, keys[HealthTable::kWindow]));
}

// Threads that come and go with more keys than there is room for, on the same few entries. Run under
// ThreadSanitizer as well.
struct Crowd {
  static constexpr uint32_t kThreads = 8;
  static constexpr uint32_t kRounds = kIsSanitized ? 2000 : 20'000;

  HealthTable* table;
  std::vector<std::string> keys;
  std::atomic<uint32_t> next_thread;
  std::atomic<uint32_t> missing;
  std::atomic<uint32_t> foreign;

  static void* Run(void* context) {
    auto& crowd = *static_cast<Crowd*>(context);
    const std::set<std::string> known(crowd.keys.begin(), crowd.keys.end());
    const uint32_t thread = crowd.next_thread.fetch_add(1);
    for (uint32_t round = 0; round < kRounds; ++round) {
      const int64_t now_ms = kNowMs + round * 1000;
      HealthEntry* const entry =
          crowd.table->Find(crowd.keys[(round * 7 + thread) % crowd.keys.size()], now_ms);
      if (entry == nullptr) {
        crowd.missing.fetch_add(1);
        continue;
      }
      if (round % 3 == 0) entry->NoteFailure(now_ms, EIO);
      if (round % 5 == 0) entry->NoteSuccess(now_ms, round);
      if (round % 7 == 0) entry->NoteWaiting(now_ms);
      entry->Admit({.max_fail = 1, .bad_expire_s = 1, .probe_ms = 2000}, now_ms);
      if (round % 997 == 0) crowd.table->Clear();
      if (round % 101 != 0) continue;
      for (const HealthReport& report : crowd.table->List()) {
        if (!known.contains(report.key)) crowd.foreign.fetch_add(1);
      }
    }
    return nullptr;
  }
};

TEST_F(HealthTableTest, ConcurrentThreadsNeverListAMixture) {
  Crowd crowd{.table = table_.get(),
              .keys = KeysOfOneWindow(HealthTable::kWindow + 4),
              .next_thread = 0,
              .missing = 0,
              .foreign = 0};
  std::array<pthread_t, Crowd::kThreads> threads{};
  for (pthread_t& thread : threads) ASSERT_EQ(pthread_create(&thread, nullptr, Crowd::Run, &crowd), 0);
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  EXPECT_EQ(crowd.foreign.load(), 0U);
  EXPECT_LT(crowd.missing.load(), Crowd::kThreads * Crowd::kRounds / 100);
}

struct Counters {
  static constexpr uint32_t kRounds = kIsSanitized ? 2000 : 20'000;

  HealthTable* table;
  std::atomic<uint64_t> sum;

  static void* Run(void* context) {
    auto& counters = *static_cast<Counters*>(context);
    for (uint32_t round = 0; round < kRounds; ++round) {
      HealthEntry* const entry = counters.table->Find("one", kNowMs);
      entry->NoteFailure(kNowMs, EIO);
      counters.sum.fetch_add(entry->NextTurn());
    }
    return nullptr;
  }
};

// All threads count failures and take turns at one entry: none is lost, and no turn comes twice.
TEST_F(HealthTableTest, ConcurrentCountsAreComplete) {
  Counters counters{table_.get(), 0};
  std::array<pthread_t, 8> threads{};
  for (pthread_t& thread : threads) ASSERT_EQ(pthread_create(&thread, nullptr, Counters::Run, &counters), 0);
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  constexpr uint64_t kCount = 8 * uint64_t{Counters::kRounds};
  const auto report = ReportOf(*table_, "one");
  ASSERT_TRUE(report);
  EXPECT_EQ(report->failures, kCount);
  EXPECT_EQ(report->failures_in_a_row, kCount);
  EXPECT_EQ(report->turns, kCount);
  EXPECT_EQ(counters.sum.load(), kCount * (kCount - 1) / 2);
  EXPECT_EQ(table_->List().size(), 1U);
}

}  // namespace
}  // namespace socksify

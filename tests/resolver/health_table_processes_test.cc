// SPDX-License-Identifier: BSD-2-Clause
//
// Several processes, some of which die in the middle of a note.
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "resolver/fake_table_lock.h"
#include "tests/resolver/health_table_fixture.h"

namespace socksify {
namespace {

using Admission = HealthEntry::Admission;

constexpr HealthPolicy kPolicy{.max_fail = 1, .bad_expire_s = 300, .probe_ms = 30'000};
constexpr int64_t kExpiredMs = kNowMs + 300'000;
constexpr int kFarTooManySteps = 100;

TEST(HealthTableProcessesTest, FileIsSharedByWhoeverOpensIt) {
  const TemporaryDirectory directory;
  const pid_t child = StartChild([&] {
    const auto table = HealthTable::Open(directory.path());
    if (!table) return 1;
    (*table)->Find("server", kNowMs)->NoteFailure(kNowMs, ETIMEDOUT);
    return 0;
  });
  ASSERT_EQ(Reap(child), 0);
  const auto table = HealthTable::Open(directory.path());
  ASSERT_TRUE(table) << table.error();
  EXPECT_TRUE((*table)->Find("server", kNowMs)->IsBad(kPolicy, kNowMs));
}

TEST(HealthTableProcessesTest, PrivateTableIsSharedOverFork) {
  const auto table = MakePrivateHealth();
  ASSERT_TRUE(table);
  HealthEntry* const entry = table->Find("server", kNowMs);
  const pid_t child = StartChild([&] {
    table->Find("server", kNowMs)->NoteFailure(kNowMs, ETIMEDOUT);
    return 0;
  });
  EXPECT_EQ(Reap(child), 0);
  EXPECT_TRUE(entry->IsBad(kPolicy, kNowMs));
}

// Fifty processes at once make the file, note a failure of each server, and take turns; when all have done
// so, each asks whether to use it.
TEST(HealthTableProcessesTest, OneOfFiftyIsTheProber) {
  constexpr uint32_t kProcesses = 50;
  constexpr uint32_t kServers = 200;
  const TemporaryDirectory directory;
  SharedArray<std::atomic<uint32_t>> waiting(3);
  SharedArray<std::atomic<uint32_t>> probes(kServers);
  SharedArray<std::atomic<uint32_t>> turns(kServers);
  const auto meet = [&](size_t round) {
    waiting[round].fetch_add(1);
    while (waiting[round].load() < kProcesses) sched_yield();
  };
  const auto key_of = [](uint32_t server) { return "server " + std::to_string(server); };
  std::vector<pid_t> children;
  for (uint32_t process = 0; process < kProcesses; ++process) {
    children.push_back(StartChild([&] {
      alarm(60);  // should one of them never come
      meet(0);
      const auto table = HealthTable::Open(directory.path());
      if (!table) return 1;
      // While entries are being taken notes may be lost (health_table.cc).
      for (uint32_t server = 0; server < kServers; ++server) (*table)->Find(key_of(server), kNowMs);
      meet(1);
      for (uint32_t server = 0; server < kServers; ++server) {
        HealthEntry* const entry = (*table)->Find(key_of(server), kNowMs);
        entry->NoteFailure(kNowMs, ECONNREFUSED);
        turns[server].fetch_add(static_cast<uint32_t>(entry->NextTurn()));
      }
      meet(2);
      for (uint32_t server = 0; server < kServers; ++server) {
        switch ((*table)->Find(key_of(server), kExpiredMs)->Admit(kPolicy, kExpiredMs)) {
          case Admission::kGood: return 2;
          case Admission::kProbe: probes[server].fetch_add(1); break;
          case Admission::kBad: break;
        }
      }
      return 0;
    }));
  }
  for (const pid_t child : children) EXPECT_EQ(Reap(child), 0);
  const auto table = HealthTable::OpenExisting(directory.path());
  ASSERT_TRUE(table) << table.error();
  EXPECT_EQ((*table)->List().size(), kServers);
  for (uint32_t server = 0; server < kServers; ++server) {
    EXPECT_EQ(probes[server].load(), 1U) << server;
    EXPECT_EQ(turns[server].load(), kProcesses * (kProcesses - 1) / 2) << server;
    const auto report = ReportOf(**table, key_of(server));
    ASSERT_TRUE(report) << server;
    EXPECT_EQ(report->failures, kProcesses);
    EXPECT_EQ(report->failures_in_a_row, kProcesses);
    EXPECT_EQ(report->turns, kProcesses);
    EXPECT_NE(std::ranges::find(children, static_cast<pid_t>(report->probe_pid)), children.end());
  }
}

// A process that has found no file waits for the lock while another one makes it: that one is taken.
TEST(HealthTableProcessesTest, FileThatWasMadeMeanwhileIsNotReplaced) {
  const TemporaryDirectory directory;
  const TemporaryDirectory elsewhere;
  HealthTable::Open(elsewhere.path()).value()->Find("server", kNowMs)->NextTurn();
  pid_t child = -1;
  {
    const FakeTableLock lock(directory.path(), nullptr);
    ASSERT_EQ(lock.error(), 0);
    child = StartChild([&] {
      const auto table = HealthTable::Open(directory.path());
      return table && (*table)->Find("server", kNowMs)->NextTurn() == 1 ? 0 : 1;
    });
    // It has the second lock file open as long as it waits.
    const std::string descriptors = "/proc/" + std::to_string(child) + "/fd";
    const auto is_lock = [](const std::filesystem::directory_entry& entry) {
      std::error_code ignored;
      return read_symlink(entry.path(), ignored).filename() == "names-processes.lock";
    };
    const int64_t deadline_ms = MonotonicMs() + 60'000;
    for (bool is_waiting = false; !is_waiting && MonotonicMs() < deadline_ms;) {
      // The parent's own, which the child has inherited, is closed by nobody.
      std::error_code ignored;
      std::filesystem::directory_iterator entries(descriptors, ignored);
      is_waiting = std::count_if(begin(entries), end(entries), is_lock) == 2;
    }
    rename(HealthTable::PathIn(elsewhere.path()).c_str(), HealthTable::PathIn(directory.path()).c_str());
  }
  EXPECT_EQ(Reap(child), 0);
}

// A process dies after each store of a look-up: in an empty table, and where another key makes way.
TEST(HealthTableProcessesTest, DeathAtEveryStoreOfALookUpLeavesTheTableUsable) {
  const auto keys = KeysOfOneWindow(size_t{HealthTable::kWindow} + 1);
  const std::string& killed = keys.back();
  // Claim, twelve words, check; before that, of the key that makes way, the look at it, the tag
  // and ten words.
  const std::pair<uint32_t, int> kCases[] = {{0, 13}, {HealthTable::kWindow, 25}};
  for (const auto& [before, expected_deaths] : kCases) {
    int deaths = 0;
    for (int step = 1; step < kFarTooManySteps; ++step) {
      const std::string where = std::to_string(before) + " before, step " + std::to_string(step);
      const auto table = MakePrivateHealth();
      ASSERT_TRUE(table);
      for (uint32_t i = 0; i < before; ++i) {
        HealthEntry* const entry = table->Find(keys[i], kNowMs + i);
        entry->NoteFailure(kNowMs, EIO);
        entry->NoteSuccess(kNowMs, 1);
        entry->NoteFailure(kNowMs, EIO);
        entry->NoteWaiting(kNowMs);
        entry->NextTurn();
        ASSERT_EQ(entry->Admit({.max_fail = 1, .bad_expire_s = 1}, kNowMs + 1000), Admission::kProbe);
      }
      const int status = Reap(StartChild([&] {
        DeathAtStep death{step};
        table->set_steps(death.steps());
        table->Find(killed, kNowMs + 1000);
        return 0;
      }));
      if (!WIFSIGNALED(status)) break;
      ++deaths;

      // One key has gone, the others are as they were.
      for (const HealthReport& report : table->List()) {
        if (report.key == killed) continue;
        EXPECT_EQ(report.failures_in_a_row, 1U) << where;
        EXPECT_EQ(report.failures, 2U) << where;
        EXPECT_EQ(report.turns, 1U) << where;
      }
      // The new one has inherited nothing, and is whole when it is asked for again.
      ASSERT_NE(table->Find(killed, kNowMs + 1000), nullptr) << where;
      const auto report = ReportOf(*table, killed);
      ASSERT_TRUE(report) << where;
      EXPECT_EQ(report->failures_in_a_row, 0U) << where;
      EXPECT_EQ(report->failures, 0U) << where;
      EXPECT_EQ(report->successes, 0U) << where;
      EXPECT_EQ(report->probe_until_ms, 0) << where;
      EXPECT_EQ(report->suspect_since_ms, 0) << where;
      EXPECT_EQ(report->latency_us, 0U) << where;
      EXPECT_EQ(report->turns, 0U) << where;
      EXPECT_EQ(table->List().size(), before == 0 ? 1U : before) << where;
    }
    EXPECT_EQ(deaths, expected_deaths) << before << " before";
  }
}

// A process dies after each store of a note. Whatever it got done, the server can be judged, probed once the
// time is over, and found good.
TEST(HealthTableProcessesTest, DeathAtEveryStoreOfANoteLeavesTheEntryUsable) {
  struct Case {
    const char* what;
    std::function<void(HealthEntry*, const FakeTableSteps&)> note;
    int expected_deaths;
  } const kCases[] = {
      {"failure of a probe",
       [](HealthEntry* entry, const FakeTableSteps& steps) { entry->NoteFailure(kExpiredMs, EIO, steps); },
       5},
      {"success of a probe",
       [](HealthEntry* entry, const FakeTableSteps& steps) { entry->NoteSuccess(kExpiredMs, 5, steps); }, 6},
      {"waiting",
       [](HealthEntry* entry, const FakeTableSteps& steps) { entry->NoteWaiting(kExpiredMs, steps); }, 1},
  };
  for (const auto& [what, note, expected_deaths] : kCases) {
    int deaths = 0;
    for (int step = 1; step < kFarTooManySteps; ++step) {
      const std::string where = std::string(what) + ", step " + std::to_string(step);
      const auto table = MakePrivateHealth();
      ASSERT_TRUE(table);
      HealthEntry* const entry = table->Find("server", kNowMs);
      entry->NoteFailure(kNowMs, EIO);
      entry->NoteWaiting(kNowMs);
      const int status = Reap(StartChild([&] {
        if (entry->Admit(kPolicy, kExpiredMs) != Admission::kProbe) return 1;
        DeathAtStep death{step};
        note(entry, death.steps());
        return 0;
      }));
      if (!WIFSIGNALED(status)) {
        EXPECT_EQ(status, 0) << where;
        break;
      }
      ++deaths;

      // Long after: good, or bad with a probe to be had, and that exactly once.
      constexpr int64_t kLaterMs = kExpiredMs + 300'000;
      const Admission admission = entry->Admit(kPolicy, kLaterMs);
      const bool has_succeeded = std::string(what) == "success of a probe";
      EXPECT_EQ(admission, has_succeeded ? Admission::kGood : Admission::kProbe) << where;
      if (!has_succeeded) {
        EXPECT_EQ(entry->Admit(kPolicy, kLaterMs), Admission::kBad) << where;
      }
      entry->NoteSuccess(kLaterMs, 1);
      EXPECT_EQ(entry->Admit(kPolicy, kLaterMs), Admission::kGood) << where;
      EXPECT_FALSE(entry->IsSuspect(kLaterMs)) << where;
    }
    EXPECT_EQ(deaths, expected_deaths) << what;
  }
}

// A prober that dies having just been admitted: another one comes when its time is over.
TEST(HealthTableProcessesTest, DeadProberIsSucceeded) {
  const auto table = MakePrivateHealth();
  ASSERT_TRUE(table);
  HealthEntry* const entry = table->Find("server", kNowMs);
  entry->NoteFailure(kNowMs, EIO);
  const int status = Reap(StartChild([&] {
    DeathAtStep death{2};
    entry->Admit(kPolicy, kExpiredMs, nullptr, death.steps());
    return 0;
  }));
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(entry->Admit(kPolicy, kExpiredMs + 29'999), Admission::kBad);
  EXPECT_EQ(entry->Admit(kPolicy, kExpiredMs + 30'000), Admission::kProbe);
  EXPECT_EQ(entry->Admit(kPolicy, kExpiredMs + 30'000), Admission::kBad);
}

TEST(HealthTableProcessesTest, DeathAmidAClearLeavesTheTableUsable) {
  for (int step = 1; step <= 12; ++step) {
    const auto table = MakePrivateHealth();
    ASSERT_TRUE(table);
    HealthEntry* const entry = table->Find("server", kNowMs);
    entry->NoteFailure(kNowMs, EIO);
    entry->NextTurn();
    const uint32_t stores_before = HealthTable::HomeOf("server");
    const int status = Reap(StartChild([&] {
      DeathAtStep death{static_cast<int>(stores_before) + step};
      table->set_steps(death.steps());
      table->Clear();
      return 0;
    }));
    ASSERT_TRUE(WIFSIGNALED(status));
    ASSERT_NE(table->Find("server", kNowMs), nullptr);
    EXPECT_EQ(ReportOf(*table, "server")->failures_in_a_row, 0U) << step;
    EXPECT_EQ(ReportOf(*table, "server")->turns, 0U) << step;
  }
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
//
// Several processes, some of which die or stand still in the middle of a record.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "tests/resolver/peer_table_fixture.h"

namespace socksify {
namespace {

constexpr int kFarTooManySteps = 100;
constexpr uint32_t kWays = PeerTableStore::kWays;

// Stops this process at the given store of a writer, counted from 1.
struct StopAtStep {
  int countdown;

  static void Step(void* context) {
    if (--static_cast<StopAtStep*>(context)->countdown == 0) kill(getpid(), SIGSTOP);
  }
  FakeTableSteps steps() { return {.hook = Step, .context = this}; }
};

TEST(PeerTableProcessesTest, FileIsSharedByWhoeverOpensIt) {
  const TemporaryDirectory directory;
  const pid_t child = StartChild([&] {
    const auto table = PeerTable::Open(directory.path());
    if (!table) return 1;
    for (uint32_t i = 0; i < 100; ++i) (*table)->Record(i, MakePeer(i));
    return 0;
  });
  ASSERT_EQ(Reap(child), 0);
  const auto table = PeerTable::Open(directory.path());
  ASSERT_TRUE(table) << table.error();
  for (uint32_t i = 0; i < 100; ++i) EXPECT_EQ(FindLike(**table, i, MakePeer(i)), MakePeer(i));
}

TEST(PeerTableProcessesTest, PrivateTableIsSharedOverFork) {
  const auto table = PeerTable::MakePrivate();
  ASSERT_TRUE(table);
  (*table)->Record(1, MakePeer(1));
  const pid_t child = StartChild([&] {
    (*table)->Record(2, MakePeer(2));
    return FindLike(**table, 1, MakePeer(1)) == MakePeer(1) ? 0 : 1;
  });
  EXPECT_EQ(Reap(child), 0);
  EXPECT_EQ(FindLike(**table, 2, MakePeer(2)), MakePeer(2));
}

TEST(PeerTableProcessesTest, ManyMakeTheFileAtOnceAndAgree) {
  constexpr uint32_t kProcesses = 32;
  const TemporaryDirectory directory;
  std::vector<pid_t> children;
  for (uint32_t process = 0; process < kProcesses; ++process) {
    children.push_back(StartChild([&] {
      const auto table = PeerTable::Open(directory.path());
      if (!table) return 1;
      (*table)->Record(process, MakePeer(process));
      return 0;
    }));
  }
  for (const pid_t child : children) EXPECT_EQ(Reap(child), 0);
  const auto table = PeerTable::Open(directory.path());
  ASSERT_TRUE(table);
  for (uint32_t i = 0; i < kProcesses; ++i) EXPECT_EQ(FindLike(**table, i, MakePeer(i)), MakePeer(i));
}

// A writer dies after each of its stores: in an empty set, in a full one, and over its own older record.
TEST(PeerTableProcessesTest, DeathAtEveryStoreLeavesTheTableUsable) {
  for (const bool is_known : {false, true}) {
    for (const uint32_t before : {uint32_t{0}, kWays - 1, kWays}) {
      int deaths = 0;
      for (int step = 1; step < kFarTooManySteps; ++step) {
        const std::string where = std::to_string(before) + " before, step " + std::to_string(step);
        const auto table = PeerTable::MakePrivate();
        ASSERT_TRUE(table);
        const auto cookies = CookiesOfOneSet(1, 3 * size_t{kWays});
        const uint64_t killed = is_known && before != 0 ? cookies[before - 1] : cookies.back();
        for (uint32_t i = 0; i < before; ++i) (*table)->Record(cookies[i], MakePeer(i));
        const int status = Reap(StartChild([&] {
          DeathAtStep death{step};
          (*table)->set_steps(death.steps());
          (*table)->Record(killed, MakePeer(1000));
          return 0;
        }));
        if (!WIFSIGNALED(status)) break;
        ++deaths;

        // At most one record is lost, and none is wrong.
        uint32_t lost = 0;
        for (uint32_t i = 0; i < before; ++i) {
          const auto found = FindLike(**table, cookies[i], MakePeer(i));
          if (!found) ++lost;
          if (found && cookies[i] != killed) {
            EXPECT_EQ(*found, MakePeer(i)) << where;
          }
        }
        EXPECT_LE(lost, 1U) << where;
        const auto late = FindLike(**table, killed, MakePeer(1000));
        if (late && !(is_known && before != 0)) {
          EXPECT_EQ(*late, MakePeer(1000)) << where;
        }
        // Every entry of the set is to be had again.
        for (uint32_t i = 0; i < kWays; ++i) (*table)->Record(cookies[kWays + i], MakePeer(i));
        for (uint32_t i = 0; i < kWays; ++i)
          EXPECT_EQ(FindLike(**table, cookies[kWays + i], MakePeer(i)), MakePeer(i)) << where;
      }
      EXPECT_EQ(deaths, 11) << "claim, nine words, publication";
    }
  }
}

// A writer stands still after each of its stores while others fill the set and take its entry over; then it
// goes on.
TEST(PeerTableProcessesTest, WriterThatWasStoppedCannotGarbleItsSuccessor) {
  for (int step = 1; step <= 10; ++step) {
    const auto table = PeerTable::MakePrivate();
    ASSERT_TRUE(table);
    const auto cookies = CookiesOfOneSet(1, size_t{kWays} + 1);
    const uint64_t stopped = cookies.back();
    const pid_t child = StartChild([&] {
      StopAtStep stop{step};
      (*table)->set_steps(stop.steps());
      (*table)->Record(stopped, MakePeer(1000));
      return 0;
    });
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
    ASSERT_TRUE(WIFSTOPPED(status));
    for (uint32_t i = 0; i < kWays; ++i) (*table)->Record(cookies[i], MakePeer(i));
    for (uint32_t i = 0; i < kWays; ++i)
      EXPECT_EQ(FindLike(**table, cookies[i], MakePeer(i)), MakePeer(i)) << step << ' ' << i;
    kill(child, SIGCONT);
    EXPECT_EQ(Reap(child), 0);

    EXPECT_EQ(FindLike(**table, stopped, MakePeer(1000)), MakePeer(1000)) << step;
    uint32_t lost = 0;
    for (uint32_t i = 0; i < kWays; ++i) {
      const auto found = FindLike(**table, cookies[i], MakePeer(i));
      if (!found) ++lost;
      if (found) {
        EXPECT_EQ(*found, MakePeer(i)) << step << ' ' << i;
      }
    }
    // The one whose entry it meddled with, and the one that made way when it tried again.
    EXPECT_LE(lost, 2U) << step;
  }
}

}  // namespace
}  // namespace socksify

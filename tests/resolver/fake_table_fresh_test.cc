// SPDX-License-Identifier: BSD-2-Clause
//
// Names that are entered without the lock, while others enter, remove and recycle names.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "resolver/fake_table.h"
#include "resolver/fake_table_layout.h"
#include "tests/resolver/fake_table_fixture.h"
#include "tests/resolver/fake_table_meetings.h"

namespace socksify {
namespace {

class FakeTableFreshTest : public FakeTableFixture {
 protected:
  // As it stands in the only file of a table of `capacity` slots.
  FakeSlotState StateIn(uint32_t slot, uint32_t capacity, unsigned v4_bits) const {
    std::ifstream file(directory_.File(TableFileName(v4_bits)), std::ios::binary);
    file.seekg(static_cast<std::streamoff>(FakeTableLayout(capacity).SlotsOffset() +
                                           slot * sizeof(FakeTableSlot) + offsetof(FakeTableSlot, state)));
    FakeSlotState state;
    file.read(reinterpret_cast<char*>(&state), sizeof state);
    return state;
  }
};

// Runs body(thread) in so many threads.
template <typename Body>
void InThreads(int count, Body body) {
  std::vector<std::thread> threads;
  threads.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) threads.emplace_back([&body, i] { body(i); });
  for (std::thread& thread : threads) thread.join();
}

// A writer that died between its entry in the index and the last step has given the name its slot.
TEST_F(FakeTableFreshTest, ANameThatIsEnteredButNotShownIsShownByWhoAsks) {
  const auto table = Open(24);
  V4(*table, "first.test");  // takes the lock to make room
  constexpr int kTaken = 1;
  constexpr int kWritten = 2 + 1;  // "killed.test" and its size, and the check
  const int deaths[] = {kTaken + kWritten + 1, kTaken + kWritten + 2};
  for (const int step : deaths) {
    const std::string name = "killed.tes" + std::to_string(step);
    const uint32_t before = table->size();
    DieAt(step, *table, [&] { return table->AddressFor(name, IpVersion::kV4).has_value(); });
    EXPECT_EQ(table->size(), before);
    const std::string slot = "198.18.0." + std::to_string(before);
    EXPECT_FALSE(table->NameFor(*IpAddress::Parse(slot), 0));
    EXPECT_EQ(V4(*table, name), slot);
    EXPECT_EQ(table->NameFor(*IpAddress::Parse(slot), 0)->name(), name);
    EXPECT_EQ(table->size(), before + 1);
  }
}

// Before that nobody has seen the slot.
TEST_F(FakeTableFreshTest, ASlotThatIsLeftUnfinishedIsTheFirstToBeRecycled) {
  const auto table = Open(30);
  V4(*table, "first.test");
  DieAt(2, *table, [&] { return table->AddressFor("killed.test", IpVersion::kV4).has_value(); });
  EXPECT_EQ(V4(*table, "second.test"), "198.18.0.2");
  EXPECT_EQ(V4(*table, "killed.test"), "198.18.0.3");
  EXPECT_EQ(V4(*table, "x"), "198.18.0.1");
  EXPECT_EQ(table->size(), 4U);
}

TEST_F(FakeTableFreshTest, AnUnfinishedNameIsClearedToo) {
  for (int step = 1; step <= 5; ++step) {
    std::filesystem::remove(directory_.File(TableFileName(30)));
    const auto table = Open(30);
    V4(*table, "first.test");
    DieAt(step, *table, [&] { return table->AddressFor("killed.test", IpVersion::kV4).has_value(); });
    EXPECT_EQ(table->Clear(), 1U) << step;
    EXPECT_EQ(Content().find("test"), std::string::npos) << step;
    for (const uint32_t slot : {0, 1}) {
      EXPECT_FALSE(StateIn(slot, 4, 30).is_changing()) << step;
      EXPECT_EQ(StateIn(slot, 4, 30).check(), 0U) << step;
    }
    EXPECT_EQ(V4(*table, "killed.test"), "198.18.0.2") << step;
    EXPECT_EQ(table->size(), 1U) << step;
  }
}

void ExpectEachNameAtItsAddress(FakeTable& table, const std::string& where) {
  for (uint32_t slot = 0; slot < table.capacity(); ++slot) {
    const auto entry = table.EntryAt(slot);
    if (!entry) continue;
    const auto address = table.AddressFor(entry->name, IpVersion::kV4);
    ASSERT_TRUE(address) << where;
    EXPECT_EQ(*address, entry->v4) << where << ": " << entry->name;
  }
}

TEST_F(FakeTableFreshTest, AWriterThatIsOvertakenLeavesNoNameThatNobodyAskedFor) {
  const auto clear = [](FakeTable& table) { EXPECT_TRUE(table.Clear()); };
  const auto recycle = [](FakeTable& table) {
    for (int i = 0; i < 8; ++i) V4(table, "x" + std::to_string(i));
  };
  const std::string name = "written." + LongName(70, 'w');
  int rounds = 0;
  for (void (*const act)(FakeTable&) : {+clear, +recycle}) {
    for (int step = 1; step < 100; ++step, ++rounds) {
      const std::string where = "step " + std::to_string(step);
      std::filesystem::remove(directory_.File(TableFileName(30)));
      const auto table = Open(30);
      const auto other = Open(30);
      V4(*table, "first.test");
      Interruption interruption{step, act, other.get()};
      table->set_steps({.hook = Interruption::Step, .context = &interruption});
      const auto address = table->AddressFor(name, IpVersion::kV4);
      table->set_steps({});
      ASSERT_TRUE(address) << where;
      const auto found = table->NameFor(*address, 0);
      EXPECT_TRUE(!found || found->name() == name) << where << ": " << found->name();
      ExpectEachNameAtItsAddress(*table, where);
      for (uint32_t slot = 0; slot < table->capacity(); ++slot) {
        const auto entry = table->EntryAt(slot);
        EXPECT_TRUE(!entry || entry->name == name || entry->name[0] == 'x' || entry->name == "first.test")
            << where << ": " << entry->name;
      }
      EXPECT_EQ(V4(*table, name), V4(*other, name)) << where;
      EXPECT_EQ(NameAt(*table, V4(*table, name)), name) << where;
      ASSERT_TRUE(table->Clear());
      EXPECT_EQ(Content().find("ww"), std::string::npos) << where;
      if (interruption.step > 0) break;
    }
  }
  EXPECT_GT(rounds, 20);
}

// The repair of what another has left may cost him his slot, but not more than that, whether there are more
// or not.
TEST_F(FakeTableFreshTest, AWriterWhoMeetsARepairIsToldAnAddressOfHisName) {
  for (const int others : {1, 2}) {
    const auto repair = [&](FakeTable& table) {
      DieAt(1, table, [&] { return table.Clear().has_value(); });
      for (int i = 0; i < others; ++i) V4(table, "x" + std::to_string(i));
    };
    int step = 1;
    for (bool is_met = true; is_met; ++step) {
      ASSERT_LT(step, 100) << "the writer has no end";
      std::filesystem::remove(directory_.File(TableFileName(30)));
      const auto table = Open(30);
      const auto other = Open(30);
      V4(*table, "first.test");
      Interruption interruption{step, repair, other.get()};
      table->set_steps({.hook = Interruption::Step, .context = &interruption});
      const std::string answer = V4(*table, "written.test");
      table->set_steps({});
      EXPECT_EQ(NameAt(*table, answer), "written.test") << step;
      EXPECT_EQ(V4(*other, "written.test"), answer) << step;
      EXPECT_EQ(CountAddresses(*table, "written.test"), 1) << step;
      EXPECT_EQ(V4(*other, "first.test"), "198.18.0.0") << step;
      is_met = interruption.step <= 0;
    }
    EXPECT_GT(step, 6);
  }
}

// The clearer is killed after any of his stores: at the slot that is being written, too.
TEST_F(FakeTableFreshTest, AWriterIsToldAnAddressOfHisNameWhenAClearerIsKilled) {
  int deaths = 0;
  bool is_met = true;
  for (int step = 1; is_met; ++step) {
    bool is_killed = true;
    for (int death_step = 1; is_met && is_killed; ++death_step) {
      const std::string where = "steps " + std::to_string(step) + " and " + std::to_string(death_step);
      ASSERT_LT(step + death_step, 200) << where;
      std::filesystem::remove(directory_.File(TableFileName(30)));
      const auto table = Open(30);
      const auto other = Open(30);
      V4(*table, "first.test");
      const auto clear = [&](FakeTable& cleared) {
        is_killed = WIFSIGNALED(Reap(StartChild([&] {
          DeathAtStep death{death_step};
          cleared.set_steps(death.steps());
          return cleared.Clear() ? 0 : 1;
        })));
      };
      Interruption interruption{step, clear, other.get()};
      table->set_steps({.hook = Interruption::Step, .context = &interruption});
      const std::string answer = V4(*table, "written.test");
      table->set_steps({});
      is_met = interruption.step <= 0;
      if (is_met && is_killed) {
        ++deaths;
        ASSERT_EQ(NameAt(*table, answer), "written.test") << where;
      }
      ASSERT_EQ(NameAt(*table, V4(*table, "written.test")), "written.test") << where;
      ASSERT_EQ(V4(*other, "written.test"), V4(*table, "written.test")) << where;
      ASSERT_NO_FATAL_FAILURE(ExpectEachNameAtItsAddress(*table, where));
    }
  }
  EXPECT_GT(deaths, 50);
}

// All enter the same names at once, so that many meet each other's entries.
TEST_F(FakeTableFreshTest, ThreadsThatEnterTheSameNamesAgree) {
  constexpr int kThreads = 4;
  constexpr int kNames = kIsSanitized ? 2000 : 20'000;
  const auto table = Open(15);
  std::vector<std::vector<IpAddress>> answers(kThreads, std::vector<IpAddress>(kNames));
  InThreads(kThreads, [&](int thread) {
    for (int i = 0; i < kNames; ++i) {
      const auto address = table->AddressFor(NameOf(i), IpVersion::kV4);
      if (address) answers[thread][i] = *address;
    }
  });
  for (int i = 0; i < kNames; ++i) {
    for (int thread = 1; thread < kThreads; ++thread) ASSERT_EQ(answers[thread][i], answers[0][i]) << i;
    ASSERT_EQ(table->NameFor(answers[0][i], 0)->name(), NameOf(i));
  }
  EXPECT_EQ(table->size(), static_cast<uint32_t>(kNames));
}

// A table is filled to its end and past it, again and again, so that slots are recycled while their writers
// are at them.
TEST_F(FakeTableFreshTest, ANameHasItsOwnAddressWhereFreshSlotsEnd) {
  constexpr int kRounds = kIsSanitized ? 20 : 200;
  constexpr int kThreads = 4;
  constexpr int kNames = 40;
  for (int round = 0; round < kRounds; ++round) {
    auto table = FakeTable::MakePrivate(MakeRange(27));  // 32 slots
    ASSERT_TRUE(table);
    std::atomic<int> failed = 0;
    InThreads(kThreads, [&](int thread) {
      for (int i = 0; i < kNames; ++i) {
        if (!(*table)->AddressFor(NameOf((i + thread * 7) % kNames), IpVersion::kV4)) failed.fetch_add(1);
      }
    });
    EXPECT_EQ(failed.load(), 0);
    for (int i = 0; i < kNames; ++i) {
      const auto address = (*table)->AddressFor(NameOf(i), IpVersion::kV4);
      ASSERT_TRUE(address);
      ASSERT_EQ((*table)->NameFor(*address, 0)->name(), NameOf(i)) << round;
      ASSERT_EQ((*table)->AddressFor(NameOf(i), IpVersion::kV4), address);
    }
    EXPECT_EQ((*table)->size(), (*table)->capacity());
  }
}

TEST_F(FakeTableFreshTest, NobodyMeetsAnotherNameWhileTheTableIsCleared) {
  constexpr int kThreads = 3;
  constexpr int kNames = kIsSanitized ? 300 : 3000;
  const auto table = Open(15);
  std::atomic<int> running = kThreads;
  std::atomic<int> wrong = 0;
  std::thread clearer([&] {
    while (running.load() > 0) {
      if (!table->Clear()) wrong.fetch_add(1);
    }
  });
  InThreads(kThreads, [&](int) {
    for (int i = 0; i < kNames; ++i) {
      const auto address = table->AddressFor(NameOf(i), IpVersion::kV4);
      const auto endpoint = address ? table->NameFor(*address, 0) : std::nullopt;
      if (!address || (endpoint && endpoint->name() != NameOf(i))) wrong.fetch_add(1);
    }
    running.fetch_sub(1);
  });
  clearer.join();
  EXPECT_EQ(wrong.load(), 0);
  // Whatever was met, the table is whole.
  EXPECT_TRUE(table->Clear());
  EXPECT_EQ(table->size(), 0U);
  for (int i = 0; i < 100; ++i) {
    const auto address = table->AddressFor(NameOf(i), IpVersion::kV4);
    ASSERT_TRUE(address);
    EXPECT_EQ(table->NameFor(*address, 0)->name(), NameOf(i));
    EXPECT_EQ(table->AddressFor(NameOf(i), IpVersion::kV4), address);
  }
  EXPECT_EQ(table->size(), 100U);
}

}  // namespace
}  // namespace socksify

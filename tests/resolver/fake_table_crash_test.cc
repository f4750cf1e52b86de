// SPDX-License-Identifier: BSD-2-Clause
//
// A writer is killed after each of its stores in turn, and what it leaves is held against what the table
// promises: an address that was given never stands for another name while its own is not recycled, every name
// that can be read keeps its address, new names are taken, and no slot is lost.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "resolver/fake_table.h"
#include "resolver/fake_table_layout.h"
#include "tests/resolver/fake_table_fixture.h"

namespace socksify {
namespace {

constexpr unsigned kV4Bits = 29;
constexpr uint32_t kCapacity = 8;
constexpr int kFarTooManySteps = 2000;

// The name that the dying writer enters: long enough for a tail.
std::string Killed() {
  return "killed." + LongName(90, 'k');
}

struct Scenario {
  const char* description;
  bool is_private;
  uint32_t names_before;
};

class FakeTableCrashTest : public testing::TestWithParam<Scenario> {
 protected:
  // A fresh table with some names, and a note of their addresses. Names differ in size, so that slots hold
  // leftovers of longer ones.
  void Prepare() {
    known_.clear();
    directory_.emplace();
    auto table = GetParam().is_private ? FakeTable::MakePrivate(MakeRange(kV4Bits))
                                       : FakeTable::Open(directory_->path(), MakeRange(kV4Bits));
    ASSERT_TRUE(table) << table.error();
    table_ = std::move(*table);
    for (uint32_t i = 0; i < GetParam().names_before; ++i) {
      const std::string name = "before-" + std::to_string(i) + LongName(i * 25, 'x');
      known_[name] = Slot(name);
    }
  }

  // Enters `name` in a child that dies at the given step; false when it came to the end instead.
  bool DiesEntering(const std::string& name, int step) {
    const pid_t pid = StartChild([&] {
      DeathAtStep death{step};
      table_->set_steps(death.steps());
      return table_->AddressFor(name, IpVersion::kV4) ? 0 : 1;
    });
    const int status = Reap(pid);
    if (WIFSIGNALED(status)) {
      EXPECT_EQ(WTERMSIG(status), SIGKILL);
      return true;
    }
    EXPECT_EQ(WEXITSTATUS(status), 0);
    return false;
  }

  uint32_t Slot(const std::string& name) {
    const auto address = table_->AddressFor(name, IpVersion::kV4);
    EXPECT_TRUE(address) << name << ": errno " << address.error();
    return address ? address->v4_value() - 0xc6120000 : kCapacity;
  }

  std::string NameIn(uint32_t slot) {
    const auto endpoint = table_->NameFor(IpAddress::V4(0xc6120000 + slot), 0);
    return endpoint ? std::string(endpoint->name()) : "";
  }

  // Nobody has written since the writers of `killed` died.
  void CheckBeforeRepair(const std::vector<std::string>& killed, const std::string& where) {
    size_t lost = 0;
    for (const auto& [name, slot] : known_) {
      const std::string found = NameIn(slot);
      const bool is_taken_over = std::ranges::find(killed, found) != killed.end();
      EXPECT_TRUE(found == name || found.empty() || is_taken_over)
          << where << ": " << name << " became " << found;
      if (found != name) ++lost;
    }
    EXPECT_LE(lost, GetParam().names_before == kCapacity ? killed.size() : 0) << where;
  }

  void CheckRepair(const std::vector<std::string>& killed, const std::string& where) {
    // What can be read may have been told to somebody, so the repair must keep it.
    std::map<std::string, uint32_t> readable;
    for (uint32_t slot = 0; slot < kCapacity; ++slot) {
      const std::string name = NameIn(slot);
      if (name.empty()) continue;
      EXPECT_FALSE(readable.contains(name)) << where << ": twice " << name;
      readable[name] = slot;
    }
    if (readable.size() < kCapacity) {
      // There is an empty slot, or one with a half-written name: the next name goes there.
      const uint32_t slot = Slot("after");
      EXPECT_EQ(NameIn(slot), "after") << where;
      for (const auto& [name, old] : readable)
        EXPECT_NE(slot, old) << where << ": " << name << " was recycled";
    }
    for (const auto& [name, slot] : readable) EXPECT_EQ(Slot(name), slot) << where << ": " << name;
    for (const std::string& name : killed) {
      const uint32_t slot = Slot(name);
      EXPECT_EQ(NameIn(slot), name) << where;
    }
    // All slots are to be had, and each stands for the name that was given it.
    std::map<uint32_t, std::string> all;
    for (uint32_t i = 0; i < kCapacity; ++i) {
      const std::string name = std::string(i, 'y') + "fill-" + std::to_string(i);
      all[Slot(name)] = name;
    }
    EXPECT_EQ(all.size(), kCapacity) << where;
    EXPECT_EQ(table_->size(), kCapacity) << where;
    for (const auto& [slot, name] : all) {
      EXPECT_EQ(NameIn(slot), name) << where;
      EXPECT_EQ(Slot(name), slot) << where;
    }
  }

  std::optional<TemporaryDirectory> directory_;
  std::unique_ptr<FakeTable> table_;
  std::map<std::string, uint32_t> known_;
};

TEST_P(FakeTableCrashTest, DeathAtEveryStoreLeavesTheTableUsable) {
  int deaths = 0;
  for (int step = 1; step < kFarTooManySteps; ++step) {
    Prepare();
    const std::string where = "step " + std::to_string(step);
    if (!DiesEntering(Killed(), step)) break;
    ++deaths;
    CheckBeforeRepair({Killed()}, where);
    CheckRepair({Killed()}, where);
    if (HasFailure()) return;
  }
  EXPECT_GT(deaths, 6);
  EXPECT_LT(deaths, kFarTooManySteps - 1);
}

// The second writer dies in the repair of what the first one left, or in its own work after it.
TEST_P(FakeTableCrashTest, DeathAtEveryStoreOfTheRepairLeavesTheTableUsable) {
  const int stride = kIsSanitized ? 4 : 1;
  int repairs = 0;
  for (int first = 1; first < kFarTooManySteps; first += stride) {
    for (int second = 1; second < kFarTooManySteps; second += stride) {
      Prepare();
      const std::string where = "steps " + std::to_string(first) + " and " + std::to_string(second);
      if (!DiesEntering("killed-first", first)) {
        EXPECT_GT(repairs * stride, 6);
        return;
      }
      if (!DiesEntering("killed-second", second)) break;
      ++repairs;
      CheckBeforeRepair({"killed-first", "killed-second"}, where);
      CheckRepair({"killed-first", "killed-second"}, where);
      if (HasFailure()) return;
    }
  }
  FAIL() << "the writer has no end";
}

INSTANTIATE_TEST_SUITE_P(Tables, FakeTableCrashTest,
                         testing::Values(Scenario{"empty_file", false, 0}, Scenario{"file", false, 5},
                                         Scenario{"full_file", false, kCapacity},
                                         Scenario{"private", true, 5},
                                         Scenario{"full_private", true, kCapacity}),
                         [](const auto& scenario) { return scenario.param.description; });

// The index has to grow for the name, and its writer is killed on the way.
TEST(FakeTableGrowthTest, DeathAtEveryStoreKeepsAllNames) {
  constexpr int kNames = FakeTableLayout::kRun;  // for as many the first level is enough
  constexpr int kStride = kIsSanitized ? 50 : 7;
  const auto name = [](int i) { return "before-" + std::to_string(i); };
  int deaths = 0;
  for (int step = 1; step < kFarTooManySteps; step += step < 8 ? 1 : kStride) {
    auto table = FakeTable::MakePrivate(MakeRange(20));
    ASSERT_TRUE(table);
    for (int i = 0; i < kNames; ++i) ASSERT_TRUE((*table)->AddressFor(name(i), IpVersion::kV4));
    const int status = Reap(StartChild([&] {
      DeathAtStep death{step};
      (*table)->set_steps(death.steps());
      return (*table)->AddressFor("killed", IpVersion::kV4) ? 0 : 1;
    }));
    if (!WIFSIGNALED(status)) {
      EXPECT_EQ(status, 0);
      break;
    }
    ++deaths;
    for (const char* fresh : {"killed", "another"}) {
      ASSERT_TRUE((*table)->AddressFor(fresh, IpVersion::kV4)) << step;
      for (int i = 0; i < kNames; ++i) {
        const auto address = (*table)->AddressFor(name(i), IpVersion::kV4);
        ASSERT_EQ(address, IpAddress::V4(0xc6120000 + static_cast<uint32_t>(i))) << "step " << step;
      }
    }
    ASSERT_EQ((*table)->size(), kNames + 2U) << "step " << step;
  }
  EXPECT_GT(deaths, kNames / kStride);
}

// A child that another thread forks while a writer holds the lock shares the writer's open files. When the
// writer is then killed, that child must not keep everybody out.
TEST(FakeTableLockTest, ChildOfAKilledWriterDoesNotKeepTheLock) {
  const TemporaryDirectory directory;
  auto table = FakeTable::Open(directory.path(), MakeRange());
  ASSERT_TRUE(table);
  int lives[2];
  ASSERT_EQ(pipe(lives), 0);
  struct Context {
    int* lives;
  } context{lives};
  const pid_t writer = StartChild([&] {
    (*table)->set_steps({.hook =
                             [](void* opaque) {
                               const int* ends = static_cast<Context*>(opaque)->lives;
                               if (fork() == 0) {
                                 // Lives until the test closes its end.
                                 close(ends[1]);
                                 char byte = 0;
                                 _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
                               }
                               kill(getpid(), SIGKILL);
                             },
                         .context = &context});
    return (*table)->AddressFor("killed.test", IpVersion::kV4) ? 0 : 1;
  });
  const int status = Reap(writer);
  EXPECT_TRUE(WIFSIGNALED(status));
  const auto address = (*table)->AddressFor("after.test", IpVersion::kV4);
  EXPECT_TRUE(address) << address.error();
  close(lives[0]);
  close(lives[1]);
}

// The owner of a private table's lock is dead as soon as it has ended, even while nobody has waited for it.
TEST(FakeTableLockTest, UnreapedWriterIsDead) {
  auto table = FakeTable::MakePrivate(MakeRange());
  ASSERT_TRUE(table);
  const pid_t writer = StartChild([&] {
    DeathAtStep death{3};
    (*table)->set_steps(death.steps());
    return (*table)->AddressFor("killed.test", IpVersion::kV4) ? 0 : 1;
  });
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(writer), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(info.si_code, CLD_KILLED);
  const auto address = (*table)->AddressFor("after.test", IpVersion::kV4);
  EXPECT_TRUE(address) << address.error();
  Reap(writer);
}

}  // namespace
}  // namespace socksify

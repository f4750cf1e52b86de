// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <expected>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "resolver/fake_table.h"
#include "tests/resolver/fake_table_fixture.h"

namespace socksify {
namespace {

std::string PoolName(uint32_t i) {
  return "pool-" + std::to_string(i) + ".example.test";
}

// AddressFor(), patiently: among so many processes, with a sanitizer and on a slow machine, the lock may well
// be kept for the two seconds after which one gives up.
std::expected<IpAddress, int> AddressOf(FakeTable& table, uint32_t name) {
  std::expected<IpAddress, int> address = std::unexpected(ETIMEDOUT);
  for (int tries = 0; tries < 15 && !address && address.error() == ETIMEDOUT; ++tries)
    address = table.AddressFor(PoolName(name), IpVersion::kV4);
  return address;
}

// Asks for names and notes the answers in `row`, which keeps 0 for what was not asked, and how many they are.
int AskFor(FakeTable& table, const std::vector<uint32_t>& names, uint32_t* row,
           std::atomic<uint32_t>* progress = nullptr) {
  for (const uint32_t name : names) {
    const auto address = AddressOf(table, name);
    if (!address) return address.error();
    row[name] = address->v4_value();
    const auto endpoint = table.NameFor(*address, 1);
    if (!endpoint || endpoint->name() != PoolName(name)) return 255;
    if (progress != nullptr) progress->fetch_add(1);
  }
  return 0;
}

// 64 processes ask for 2,000 names each out of 4,000, all at once. A quarter of them die at a random store of
// a random new name, and another quarter are killed from outside whenever it happens.
TEST(FakeTableProcessesTest, AgreeWhileSomeAreKilled) {
  constexpr uint32_t kProcesses = 64;
  constexpr uint32_t kPool = 4000;
  constexpr uint32_t kNames = 2000;
  const TemporaryDirectory directory;
  SharedArray<uint32_t> answers(size_t{kProcesses} * kPool);
  SharedArray<std::atomic<uint32_t>> progress(kProcesses);
  SharedArray<std::atomic<bool>> start(1);
  std::mt19937 random(20'240'517);
  std::vector<pid_t> children;
  for (uint32_t process = 0; process < kProcesses; ++process) {
    std::vector<uint32_t> names(kPool);
    for (uint32_t i = 0; i < kPool; ++i) names[i] = i;
    std::ranges::shuffle(names, random);
    names.resize(kNames);
    const int countdown = process % 4 == 0 ? 1 + static_cast<int>(random() % 400) : 0;
    children.push_back(StartChild([&] {
      while (!start[0].load()) sched_yield();
      auto table = FakeTable::Open(directory.path(), MakeRange());
      if (!table) return table.error();
      DeathAtStep death{countdown};
      (*table)->set_steps(death.steps());
      const int error = AskFor(**table, names, &answers[size_t{process} * kPool], &progress[process]);
      progress[process].store(kNames);
      // Others may have been faster with all its names: one that is to die enters some of its own until it
      // does.
      for (int i = 0; process % 4 == 0 && i < 400; ++i) {
        if (!AddressOf(**table, kPool + process * 400 + i)) return 254;
      }
      while (error == 0 && process % 4 == 1) sched_yield();
      return error;
    }));
  }
  start[0].store(true);
  for (uint32_t process = 1; process < kProcesses; process += 4) {
    const auto target = static_cast<uint32_t>(random() % kNames);
    while (progress[process].load() < target) sched_yield();
    kill(children[process], SIGKILL);
  }

  int killed = 0;
  for (const pid_t child : children) {
    const int status = Reap(child);
    if (WIFSIGNALED(status)) {
      EXPECT_EQ(WTERMSIG(status), SIGKILL);
      ++killed;
    } else {
      EXPECT_EQ(WEXITSTATUS(status), 0);
    }
  }
  EXPECT_EQ(killed, 32);

  auto table = FakeTable::Open(directory.path(), MakeRange());
  ASSERT_TRUE(table);
  std::set<uint32_t> addresses;
  for (uint32_t name = 0; name < kPool; ++name) {
    const auto now = (*table)->AddressFor(PoolName(name), IpVersion::kV4);
    ASSERT_TRUE(now) << now.error();
    EXPECT_TRUE(addresses.insert(now->v4_value()).second) << now->ToString() << " stands for two names";
    EXPECT_EQ((*table)->NameFor(*now, 0)->name(), PoolName(name));
    for (uint32_t process = 0; process < kProcesses; ++process) {
      const uint32_t then = answers[size_t{process} * kPool + name];
      if (then != 0) {
        EXPECT_EQ(then, now->v4_value()) << PoolName(name) << " in process " << process;
      }
    }
  }
  EXPECT_GE((*table)->size(), kPool);
  EXPECT_TRUE((*table)->AddressFor("one.more.test", IpVersion::kV6));
}

TEST(FakeTableProcessesTest, ThousandProcessesAgree) {
  constexpr uint32_t kProcesses = 1000;
  constexpr uint32_t kBatch = 50;
  constexpr uint32_t kPool = 200;
  const TemporaryDirectory directory;
  SharedArray<uint32_t> answers(size_t{kProcesses} * kPool);
  for (uint32_t begin = 0; begin < kProcesses; begin += kBatch) {
    std::vector<pid_t> children;
    for (uint32_t process = begin; process < begin + kBatch; ++process) {
      children.push_back(StartChild([&] {
        auto table = FakeTable::Open(directory.path(), MakeRange());
        if (!table) return table.error();
        std::vector<uint32_t> names(kPool);
        for (uint32_t i = 0; i < kPool; ++i) names[i] = (i + process * 7) % kPool;
        return AskFor(**table, names, &answers[size_t{process} * kPool]);
      }));
    }
    for (const pid_t child : children) EXPECT_EQ(Reap(child), 0);
  }
  for (uint32_t name = 0; name < kPool; ++name) {
    EXPECT_NE(answers[name], 0U);
    for (uint32_t process = 1; process < kProcesses; ++process) {
      ASSERT_EQ(answers[size_t{process} * kPool + name], answers[name]);
    }
  }
}

TEST(FakeTableProcessesTest, PrivateTableIsSharedOverFork) {
  auto table = FakeTable::MakePrivate(MakeRange());
  ASSERT_TRUE(table);
  EXPECT_EQ((*table)->AddressFor("before.test", IpVersion::kV4)->ToString(), "198.18.0.0");
  const pid_t child = StartChild([&] {
    const auto known = (*table)->AddressFor("before.test", IpVersion::kV4);
    const auto fresh = (*table)->AddressFor("child.test", IpVersion::kV4);
    return known && fresh && known->ToString() == "198.18.0.0" && fresh->ToString() == "198.18.0.1" ? 0 : 1;
  });
  EXPECT_EQ(Reap(child), 0);
  EXPECT_EQ((*table)->NameFor(*IpAddress::Parse("198.18.0.1"), 0)->name(), "child.test");
  EXPECT_EQ((*table)->AddressFor("parent.test", IpVersion::kV4)->ToString(), "198.18.0.2");
}

TEST(FakeTableProcessesTest, FilesMappingWorksInAChild) {
  const TemporaryDirectory directory;
  auto table = FakeTable::Open(directory.path(), MakeRange());
  ASSERT_TRUE(table);
  const pid_t child = StartChild([&] { return (*table)->AddressFor("child.test", IpVersion::kV4) ? 0 : 1; });
  EXPECT_EQ(Reap(child), 0);
  EXPECT_EQ((*table)->NameFor(*IpAddress::Parse("198.18.0.0"), 0)->name(), "child.test");
}

// Many children of one private table enter names at once, and some die at it.
TEST(FakeTableProcessesTest, PrivateTableSurvivesKilledChildren) {
  constexpr uint32_t kProcesses = 16;
  constexpr uint32_t kPool = 300;
  auto table = FakeTable::MakePrivate(MakeRange());
  ASSERT_TRUE(table);
  SharedArray<uint32_t> answers(size_t{kProcesses} * kPool);
  std::vector<pid_t> children;
  for (uint32_t process = 0; process < kProcesses; ++process) {
    children.push_back(StartChild([&] {
      DeathAtStep death{process % 2 == 0 ? static_cast<int>(5 + process * 3) : 0};
      (*table)->set_steps(death.steps());
      std::vector<uint32_t> names(kPool);
      for (uint32_t i = 0; i < kPool; ++i) names[i] = (i * 7 + process * 31) % kPool;
      return AskFor(**table, names, &answers[size_t{process} * kPool]);
    }));
  }
  for (const pid_t child : children) {
    const int status = Reap(child);
    EXPECT_TRUE(status == 0 || WIFSIGNALED(status)) << status;
  }
  for (uint32_t name = 0; name < kPool; ++name) {
    const auto now = (*table)->AddressFor(PoolName(name), IpVersion::kV4);
    ASSERT_TRUE(now) << now.error();
    for (uint32_t process = 0; process < kProcesses; ++process) {
      const uint32_t then = answers[size_t{process} * kPool + name];
      if (then != 0) {
        EXPECT_EQ(then, now->v4_value());
      }
    }
  }
}

}  // namespace
}  // namespace socksify

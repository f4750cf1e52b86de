// SPDX-License-Identifier: BSD-2-Clause
//
// Addresses that are held, by this process and by others that live, end and are killed.
#include "resolver/fake_table_holds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "resolver/fake_table.h"
#include "resolver/process_life.h"
#include "tests/resolver/fake_table_fixture.h"

namespace socksify {
namespace {

uint32_t OwnPid() {
  return static_cast<uint32_t>(getpid());
}

// A child that does nothing until it is told to end.
class IdleChild {
 public:
  IdleChild() {
    if (pipe(end_) != 0) return;
    pid_ = StartChild([this] {
      close(end_[1]);
      char byte = 0;
      return read(end_[0], &byte, 1) == 0 ? 0 : 1;
    });
    close(end_[0]);
  }
  ~IdleChild() { End(); }
  IdleChild(const IdleChild&) = delete;
  IdleChild& operator=(const IdleChild&) = delete;

  uint32_t pid() const { return static_cast<uint32_t>(pid_); }
  void End() {
    if (pid_ < 0) return;
    close(end_[1]);
    Reap(pid_);
    pid_ = -1;
  }

 private:
  int end_[2] = {-1, -1};
  pid_t pid_ = -1;
};

class FakeTableHoldsTest : public testing::Test {
 protected:
  bool IsHeld(uint32_t slot) const {
    HolderCheck check;
    return holds_.IsHeld(slot, &check);
  }
  size_t CountRecords() const {
    size_t count = 0;
    for (const auto& entry : entries_) count += entry.load() != 0;
    return count;
  }

  static constexpr uint32_t kSize = 64;
  std::array<FakeTableHold, kSize> entries_{};
  FakeTableHolds holds_{entries_.data(), kSize};
};

TEST_F(FakeTableHoldsTest, HoldsUntilItIsRemoved) {
  EXPECT_FALSE(IsHeld(7));
  EXPECT_TRUE(holds_.Add(7, OwnPid(), SecondsSinceBoot()));
  EXPECT_TRUE(holds_.Add(7, OwnPid(), SecondsSinceBoot() + 1));
  EXPECT_EQ(CountRecords(), 1U);
  EXPECT_TRUE(IsHeld(7));
  EXPECT_FALSE(IsHeld(8));
  holds_.Remove(8, OwnPid());
  holds_.Remove(7, 1);
  EXPECT_TRUE(IsHeld(7));
  holds_.Remove(7, OwnPid());
  EXPECT_FALSE(IsHeld(7));
  EXPECT_EQ(CountRecords(), 0U);
}

TEST_F(FakeTableHoldsTest, WhatAnEndedProcessLeavesIsWorthNothing) {
  IdleChild child;
  ASSERT_TRUE(holds_.Add(7, child.pid(), SecondsSinceBoot()));
  EXPECT_TRUE(IsHeld(7));
  child.End();
  EXPECT_FALSE(IsHeld(7));
  EXPECT_EQ(CountRecords(), 0U);
}

TEST_F(FakeTableHoldsTest, AnEndedProcessThatNobodyHasWaitedForHoldsNothing) {
  const pid_t child = StartChild([] { return 0; });
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  ASSERT_TRUE(holds_.Add(7, static_cast<uint32_t>(child), SecondsSinceBoot()));
  EXPECT_FALSE(IsHeld(7));
  Reap(child);
}

// The record of a process whose id now belongs to another.
TEST_F(FakeTableHoldsTest, AnOlderRecordThanItsProcessIsAnothers) {
  const auto start_s = StartOfProcess(OwnPid());
  ASSERT_TRUE(start_s);
  ASSERT_TRUE(holds_.Add(7, OwnPid(), *start_s - 1));
  EXPECT_FALSE(IsHeld(7));
  ASSERT_TRUE(holds_.Add(7, OwnPid(), *start_s));
  EXPECT_TRUE(IsHeld(7));
  // Left behind by one with our id, it becomes ours.
  ASSERT_TRUE(holds_.Add(8, OwnPid(), *start_s - 1));
  ASSERT_TRUE(holds_.Add(8, OwnPid(), SecondsSinceBoot()));
  EXPECT_TRUE(IsHeld(8));
  EXPECT_EQ(CountRecords(), 2U);
}

TEST_F(FakeTableHoldsTest, ProcessesHoldOneSlotTogether) {
  IdleChild child;
  ASSERT_TRUE(holds_.Add(7, OwnPid(), SecondsSinceBoot()));
  ASSERT_TRUE(holds_.Add(7, child.pid(), SecondsSinceBoot()));
  holds_.Remove(7, OwnPid());
  EXPECT_TRUE(IsHeld(7));
  child.End();
  EXPECT_FALSE(IsHeld(7));
}

TEST_F(FakeTableHoldsTest, FullItTakesThePlacesOfTheDead) {
  IdleChild child;
  for (uint32_t slot = 0; slot < kSize; ++slot) holds_.Add(slot, OwnPid(), SecondsSinceBoot());
  for (uint32_t slot = 0; slot < kSize; ++slot) holds_.Add(slot, child.pid(), SecondsSinceBoot());
  ASSERT_EQ(CountRecords(), kSize);
  EXPECT_FALSE(holds_.Add(1000, OwnPid(), SecondsSinceBoot()));
  EXPECT_FALSE(IsHeld(1000));
  for (uint32_t slot = 0; slot < kSize; ++slot) holds_.Remove(slot, OwnPid());
  for (uint32_t slot = 0; slot < kSize; ++slot) holds_.Add(slot, child.pid(), SecondsSinceBoot());
  child.End();
  EXPECT_TRUE(holds_.Add(1000, OwnPid(), SecondsSinceBoot()));
  EXPECT_TRUE(IsHeld(1000));
}

TEST_F(FakeTableHoldsTest, AnyContentIsSurvived) {
  for (const uint64_t value : {UINT64_MAX, uint64_t{1}, uint64_t{1} << 17, uint64_t{7} << 39 | 5}) {
    for (auto& entry : entries_) entry.store(value);
    for (uint32_t slot = 0; slot < 200'000; slot += 99) {
      IsHeld(slot);
      holds_.Add(slot, OwnPid(), SecondsSinceBoot());
      holds_.Remove(slot, OwnPid());
    }
  }
}

TEST(ProcessLifeTest, KnowsWhenAProcessStarted) {
  const auto own = StartOfProcess(OwnPid());
  ASSERT_TRUE(own);
  EXPECT_LE(*own, SecondsSinceBoot());
  EXPECT_GE(*own, 0);
  EXPECT_FALSE(StartOfProcess(0));
  EXPECT_FALSE(StartOfProcess(UINT32_MAX));
  IdleChild child;
  EXPECT_GE(*StartOfProcess(child.pid()), *own);
}

// A table of eight slots, in which a b c ... are entered in turn.
class FakeTableHoldTest : public testing::Test {
 protected:
  FakeTableHoldTest() {
    auto table = FakeTable::Open(directory_.path(), MakeRange(29));
    if (table) table_ = std::move(*table);
    for (char c = 'a'; c < 'i'; ++c) Address(std::string(1, c));
  }
  IpAddress Address(const std::string& name) { return *table_->AddressFor(name, IpVersion::kV4); }
  std::string NameOf(const IpAddress& address) const {
    for (uint32_t slot = 0; slot < table_->capacity(); ++slot) {
      const auto entry = table_->EntryAt(slot);
      if (entry && (entry->v4 == address || entry->v6 == address)) return entry->name;
    }
    return "none";
  }
  // Enters as many new names as the table has slots, `rounds` times.
  void TurnOver(int rounds = 1) {
    for (uint32_t i = 0; i < 8U * static_cast<uint32_t>(rounds); ++i)
      Address("new-" + std::to_string(counter_++));
  }

  TemporaryDirectory directory_;
  std::unique_ptr<FakeTable> table_;
  int counter_ = 0;
  const IpAddress a_ = IpAddress::V4(0xc6120000);
  const IpAddress b_ = IpAddress::V4(0xc6120001);
};

TEST_F(FakeTableHoldTest, AHeldAddressIsNotRecycled) {
  table_->Hold(a_);
  table_->Hold(*IpAddress::Parse("100::1"));
  TurnOver(3);
  EXPECT_EQ(NameOf(a_), "a");
  EXPECT_EQ(NameOf(b_), "b");
  table_->Release(b_);
  TurnOver(2);
  EXPECT_EQ(NameOf(a_), "a");
  EXPECT_THAT(NameOf(b_), testing::StartsWith("new-"));
}

TEST_F(FakeTableHoldTest, EachHoldIsUndoneByOneRelease) {
  table_->Hold(a_);
  table_->Hold(a_);
  table_->Release(a_);
  TurnOver(2);
  EXPECT_EQ(NameOf(a_), "a");
  table_->Release(a_);
  table_->Release(a_);
  table_->Hold(a_);
  TurnOver(2);
  EXPECT_EQ(NameOf(a_), "a") << "one release too many is forgotten";
  table_->Release(a_);
  TurnOver(2);
  EXPECT_NE(NameOf(a_), "a");
}

TEST_F(FakeTableHoldTest, OtherAddressesDoNothing) {
  for (const char* address : {"10.0.0.1", "198.18.0.8", "::1", "100::8", "255.255.255.255"}) {
    table_->Release(*IpAddress::Parse(address));
    table_->Hold(*IpAddress::Parse(address));
  }
  TurnOver();
  EXPECT_NE(NameOf(a_), "a");
}

TEST_F(FakeTableHoldTest, WhenAllAreHeldTheLeastRecentlyUsedMakesWay) {
  for (uint32_t slot = 0; slot < 8; ++slot) table_->Hold(IpAddress::V4(0xc6120000 + slot));
  Address("a");
  EXPECT_EQ(Address("new"), b_);
  EXPECT_EQ(NameOf(a_), "a");
}

TEST_F(FakeTableHoldTest, AnotherProcessHoldsUntilItEnds) {
  SharedArray<std::atomic<bool>> steps(1);
  const pid_t child = StartChild([&] {
    auto own = FakeTable::Open(directory_.path(), MakeRange(29));
    if (!own) return 1;
    (*own)->Hold(a_);
    steps[0].store(true);
    pause();
    return 0;
  });
  while (!steps[0].load()) sched_yield();
  TurnOver(3);
  EXPECT_EQ(NameOf(a_), "a");
  kill(child, SIGKILL);
  Reap(child);
  TurnOver(2);
  EXPECT_NE(NameOf(a_), "a");
}

// The parent gives up what the child has inherited: told by AfterFork(), or by its own next call.
TEST_F(FakeTableHoldTest, AChildHoldsWhatItInherited) {
  for (const bool is_told : {true, false}) {
    SharedArray<std::atomic<bool>> steps(1);
    table_->Hold(a_);
    const pid_t child = StartChild([&] {
      if (is_told) {
        table_->AfterFork();
      } else {
        table_->Hold(b_);
      }
      steps[0].store(true);
      pause();
      return 0;
    });
    while (!steps[0].load()) sched_yield();
    table_->Release(a_);
    Address("a");
    const std::string name = NameOf(a_);
    TurnOver(3);
    EXPECT_EQ(NameOf(a_), name) << is_told;
    kill(child, SIGKILL);
    Reap(child);
    TurnOver(2);
    EXPECT_NE(NameOf(a_), name) << is_told;
  }
}

TEST_F(FakeTableHoldTest, ManyHeldAddressesCostEachNewNameOneLook) {
  auto large = FakeTable::Open(directory_.path(), MakeRange(20));
  ASSERT_TRUE(large);
  for (uint32_t i = 0; i < 4096; ++i) (*large)->AddressFor("old-" + std::to_string(i), IpVersion::kV4);
  for (uint32_t i = 0; i < 512; ++i) (*large)->Hold(IpAddress::V4(0xc6120000 + i * 3));
  for (uint32_t i = 0; i < 8192; ++i) {
    ASSERT_TRUE((*large)->AddressFor("new-" + std::to_string(i), IpVersion::kV4));
  }
  for (uint32_t i = 0; i < 512; ++i)
    EXPECT_EQ((*large)->EntryAt(i * 3)->name, "old-" + std::to_string(i * 3));
  EXPECT_EQ((*large)->EntryAt(1)->name.substr(0, 4), "new-");
}

TEST_F(FakeTableHoldTest, ClearedAddressesThatAreHeldAreNotGivenAgain) {
  table_->Hold(a_);
  ASSERT_EQ(table_->Clear(), 8U);
  TurnOver(3);
  EXPECT_EQ(NameOf(a_), "none");
}

// Threads that hold and release at the same time lose no hold.
TEST_F(FakeTableHoldTest, ThreadsLoseNoHold) {
  for (int round = 0; round < 200; ++round) {
    std::thread other([&] {
      table_->Hold(a_);
      table_->Release(a_);
      table_->Hold(a_);
    });
    table_->Hold(a_);
    table_->Release(a_);
    other.join();
    TurnOver(round < 4 ? 2 : 1);
    ASSERT_EQ(NameOf(a_), "a") << round;
    table_->Release(a_);
  }
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
//
// Tables whose file is sound at its head, and damaged or old in a part of the rest.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "resolver/fake_digest.h"
#include "resolver/fake_table.h"
#include "resolver/fake_table_layout.h"
#include "tests/resolver/fake_table_file_fixture.h"
#include "tests/resolver/fake_table_fixture.h"

namespace socksify {
namespace {

TEST_F(FakeTableFileTest, FullIndexIsRebuilt) {
  std::string content = ValidContent();
  for (size_t i = FakeTableLayout::IndexOffset(); i < kLayout.HoldsOffset(); ++i) content[i] = '\x11';
  WriteFile(Path(), content);
  const auto table = Open();
  ASSERT_TRUE(table);
  Exercise(**table);
}

// A table of two runs in which all names but the second have been used since, in a file of its own.
class FakeTableRunTest : public FakeTableFileTest {
 protected:
  static constexpr unsigned kTwoRuns = 21;
  static constexpr uint32_t kRun = FakeTableLayout::kRun;

  FakeTableRunTest() {
    const auto table = FakeTable::Open(directory_.path(), MakeRange(kTwoRuns));
    for (uint32_t i = 0; i < 2 * kRun; ++i) Enter(*table->get(), "n" + std::to_string(i));
    for (uint32_t i = 0; i < 2 * kRun; ++i) {
      if (i != kOldest) Enter(*table->get(), "n" + std::to_string(i));
    }
    content_ = ReadFile(path_);
  }
  static std::string Enter(FakeTable& table, const std::string& name) {
    const auto address = table.AddressFor(name, IpVersion::kV4);
    return address ? address->ToString() : "errno " + std::to_string(address.error());
  }
  void SetLong(size_t offset, uint64_t value) { std::memcpy(content_.data() + offset, &value, sizeof value); }
  void SetRun(uint32_t run, uint64_t oldest) {
    SetLong(FakeTableLayout::RunsOffset() + run * sizeof(FakeTableRun), oldest);
  }
  // What a new name is given.
  std::string Recycle() {
    WriteFile(path_, content_);
    const auto table = FakeTable::Open(directory_.path(), MakeRange(kTwoRuns));
    return table ? Enter(**table, "new") : "none";
  }

  static constexpr uint32_t kOldest = kRun + 1;
  const std::string path_ = directory_.File(TableFileName(kTwoRuns));
  std::string content_;
};

TEST_F(FakeTableRunTest, TheOldestNameMakesWayWhereverItIs) {
  EXPECT_EQ(Recycle(), "198.18.4.1");
}

TEST_F(FakeTableRunTest, ARunThatSaysItIsYoungIsLookedAtLater) {
  SetRun(1, 4 * kRun - 2);  // as a user leaves it who was slow to write his stamp
  EXPECT_EQ(Recycle(), "198.18.0.0");
}

TEST_F(FakeTableRunTest, ARunWhoseAgeIsDamagedIsLookedAt) {
  SetRun(1, UINT64_MAX);
  EXPECT_EQ(Recycle(), "198.18.4.1");
  SetRun(0, UINT64_MAX);
  EXPECT_EQ(Recycle(), "198.18.4.1");
}

TEST_F(FakeTableRunTest, AStampFromTheFutureIsTheFirstToGo) {
  const size_t slot = FakeTableLayout(2 * kRun).SlotsOffset() + size_t{7} * sizeof(FakeTableSlot);
  SetLong(slot + offsetof(FakeTableSlot, stamp), uint64_t{1} << 50);
  EXPECT_EQ(Recycle(), "198.18.0.7");
}

// Its next use mends it.
TEST_F(FakeTableRunTest, AStampFromTheFutureThatIsUsedGoesLast) {
  const size_t slot = FakeTableLayout(2 * kRun).SlotsOffset() + size_t{7} * sizeof(FakeTableSlot);
  SetLong(slot + offsetof(FakeTableSlot, stamp), uint64_t{1} << 50);
  WriteFile(path_, content_);
  const auto table = FakeTable::Open(directory_.path(), MakeRange(kTwoRuns));
  ASSERT_TRUE(table);
  EXPECT_EQ(Enter(**table, "n7"), "198.18.0.7");
  EXPECT_EQ(Enter(**table, "new"), "198.18.4.1");
}

// An entry whose slot has lost its name stands between one that is taken out and one that moves up.
TEST_F(FakeTableFileTest, AnEntryWithoutANameHidesNoneBehindIt) {
  const std::string path = directory_.File(TableFileName(30));
  const auto open = [&] { return FakeTable::Open(directory_.path(), MakeRange(30)); };
  ASSERT_TRUE(open());
  const uint64_t seed = SeedIn(path);
  const auto name_at = [&](const char* pattern, uint32_t place) {
    return NameWithHash(pattern, seed, [&](uint32_t hash) { return hash % 8 == place; });
  };
  const std::string first = name_at("first-", 1);
  const std::string second = name_at("second-", 1);
  const std::string third = name_at("third-", 1);
  {
    const auto table = open();
    for (const std::string& name : {first, second, third, name_at("fourth-", 5)})
      ASSERT_TRUE((*table)->AddressFor(name, IpVersion::kV4));
  }
  std::string content = ReadFile(path);
  const size_t slot = FakeTableLayout(4).SlotsOffset() + sizeof(FakeTableSlot);
  const FakeSlotState nameless(FakeSlotState::kFirstSequence, 0);
  std::memcpy(content.data() + slot + offsetof(FakeTableSlot, state), &nameless, sizeof nameless);
  WriteFile(path, content);
  const auto table = open();
  ASSERT_TRUE(table);
  EXPECT_EQ((*table)->AddressFor(name_at("new-", 6), IpVersion::kV4)->ToString(), "198.18.0.0");
  EXPECT_EQ((*table)->AddressFor(third, IpVersion::kV4)->ToString(), "198.18.0.2");
}

// A table of one slot with a name, and what the slot's state is made.
class FakeTableStateTest : public FakeTableFileTest {
 protected:
  static constexpr unsigned kOneSlot = 32;

  void Prepare(const std::function<void(std::string*, FakeSlotState*)>& change) {
    ASSERT_TRUE((*OpenOne())->AddressFor("old.test", IpVersion::kV4));
    std::string content = ReadFile(path_);
    FakeSlotState state;
    char* const there = content.data() + kOne.SlotsOffset() + offsetof(FakeTableSlot, state);
    std::memcpy(&state, there, sizeof state);
    EXPECT_EQ(state.sequence(), FakeSlotState::kFirstSequence);
    change(&content, &state);
    std::memcpy(there, &state, sizeof state);
    WriteFile(path_, content);
  }
  std::expected<std::unique_ptr<FakeTable>, int> OpenOne() const {
    return FakeTable::Open(directory_.path(), MakeRange(kOneSlot));
  }
  static std::string NameIn(FakeTable& table) {
    const auto endpoint = table.NameFor(*IpAddress::Parse("198.18.0.0"), 0);
    return endpoint ? std::string(endpoint->name()) : "none";
  }

  static constexpr FakeTableLayout kOne{1};
  const std::string path_ = directory_.File(TableFileName(kOneSlot));
};

// A slot whose sequence has come to its end is not taken for one that has never had a name.
TEST_F(FakeTableStateTest, TheSequenceGoesRound) {
  Prepare([](std::string*, FakeSlotState* state) { *state = FakeSlotState(0xfffe, state->check()); });
  const auto table = OpenOne();
  EXPECT_EQ(NameIn(**table), "old.test");
  ASSERT_TRUE((*table)->AddressFor("new.test", IpVersion::kV4));
  EXPECT_EQ(NameIn(**table), "new.test");
  ASSERT_TRUE((*table)->AddressFor("newer.test", IpVersion::kV4));
  EXPECT_EQ(NameIn(**table), "newer.test");
}

TEST_F(FakeTableStateTest, TheSequenceGoesRoundWhenTheTableIsCleared) {
  Prepare([](std::string*, FakeSlotState* state) { *state = FakeSlotState(0xfffe, state->check()); });
  const auto table = OpenOne();
  EXPECT_EQ((*table)->Clear(), 1U);
  EXPECT_EQ(NameIn(**table), "none");
  ASSERT_TRUE((*table)->AddressFor("new.test", IpVersion::kV4));
  EXPECT_EQ(NameIn(**table), "new.test");
}

// Its address stands for nothing, and who asks for the name after that was seen is given another.
TEST_F(FakeTableFileTest, ADamagedNameIsNone) {
  std::string content = ValidContent();
  content[kLayout.NamesOffset() + size_t{7} * sizeof(FakeTableName) + 1] ^= 1;
  WriteFile(Path(), content);
  const auto table = Open();
  ASSERT_TRUE(table);
  const auto asked = (*table)->AddressFor("old-7", IpVersion::kV4);
  ASSERT_TRUE(asked);
  EXPECT_FALSE((*table)->NameFor(*asked, 0));
  EXPECT_EQ((*table)->size(), 19U);
  const auto again = (*table)->AddressFor("old-7", IpVersion::kV4);
  ASSERT_TRUE(again);
  EXPECT_NE(*again, *asked);
  EXPECT_EQ((*table)->NameFor(*again, 0)->name(), "old-7");
  EXPECT_EQ((*table)->size(), 20U);
}

// Even where the check is that of no bytes at all.
TEST_F(FakeTableStateTest, ANameWithoutASizeIsNone) {
  Prepare([&](std::string* content, FakeSlotState* state) {
    FakeKey empty;
    empty.words[0] = 0;
    std::memset(content->data() + kOne.NamesOffset(), 0, sizeof(FakeTableName));
    *state = FakeSlotState(state->sequence(), FakeDigester(SeedIn(path_)).Of(empty).check);
  });
  const auto table = OpenOne();
  EXPECT_EQ((*table)->size(), 0U);
  EXPECT_EQ(NameIn(**table), "none");
  ASSERT_TRUE((*table)->AddressFor("new.test", IpVersion::kV4));
  EXPECT_EQ(NameIn(**table), "new.test");
}

}  // namespace
}  // namespace socksify

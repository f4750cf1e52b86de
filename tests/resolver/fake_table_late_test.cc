// SPDX-License-Identifier: BSD-2-Clause
//
// Writers who are late: what they have begun without the lock meets somebody under it, or one who has entered
// the same name.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "resolver/fake_table.h"
#include "resolver/fake_table_layout.h"
#include "tests/resolver/fake_table_fixture.h"
#include "tests/resolver/fake_table_meetings.h"

namespace socksify {
namespace {

class FakeTableLateTest : public FakeTableFixture {
 protected:
  // That one and no other.
  static void ExpectStandsFor(FakeTable& table, const std::string& address) {
    EXPECT_EQ(V4(table, "name.test"), address);
    EXPECT_EQ(CountAddresses(table, "name.test"), 1);
  }
};

// He meets an index that has just been emptied for its repair, and does not find the name that another has
// entered since he began. The other has been told of its address.
TEST_F(FakeTableLateTest, AnAddressThatWasToldOutlivesARepairThatMeetsALateWriter) {
  const auto table = Open(24);
  const auto of_late = Open(24);
  const auto repairer = Open(24);
  V4(*table, "room.test");
  std::atomic<bool> is_empty = false;
  LateWriter late(of_late.get(), &is_empty);
  const std::string told = V4(*table, "name.test");
  DieAt(1, *table, [&] { return table->Clear().has_value(); });
  // The repair looks at the slot of the dead one, and takes two names out of the index.
  Meeting repair{.step = 1 + 2, .here = &is_empty, .go_on = late.has_entered()};
  repairer->set_steps(repair.steps());
  V4(*repairer, "other.test");
  EXPECT_EQ(late.Join(), told);
  EXPECT_EQ(V4(*table, "name.test"), told);
}

// He enters the name in a level of the index whose entries have been copied into a larger one.
TEST_F(FakeTableLateTest, ALateWriterIsNotLostWhenTheIndexGrows) {
  const auto table = Open(20);
  const auto of_late = Open(20);
  V4(*table, "room.test");
  std::atomic<bool> is_copied = false;
  LateWriter late(of_late.get(), &is_copied);
  constexpr int kNames = FakeTableLayout::kRun - 2;  // with the two, the first level has what it is for
  for (int i = 0; i < kNames; ++i) V4(*table, NameOf(i));
  // The name is looked for, space allocated, the work announced, and each name copied.
  constexpr int kLookedFor = 2;
  Meeting growth{.step = kLookedFor + 2 + 1 + kNames, .here = &is_copied, .go_on = late.has_entered()};
  table->set_steps(growth.steps());
  V4(*table, "other.test");
  table->set_steps({});
  const std::string answer = late.Join();
  EXPECT_EQ(V4(*table, "name.test"), answer);
  EXPECT_EQ(table->NameFor(*IpAddress::Parse(answer), 0)->name(), "name.test");
}

// The index grows past the entry of one. When he has the lock and enters it anew, after he has looked for the
// name, another one enters it without the lock.
TEST_F(FakeTableLateTest, WhoFinishesUnderTheLockMeetsALateWriterOfTheName) {
  const auto table = Open(20);
  const auto of_first = Open(20);
  const auto of_second = Open(20);
  V4(*table, "room.test");
  constexpr int kTaken = 1;
  constexpr int kInIndex = kTaken + 2 + 1 + 1;
  constexpr int kFinishes = kInIndex + 1 + 1;  // announced, looked for, and shown
  std::atomic<bool> first_has_begun = false;
  std::atomic<bool> first_goes_on = false;
  std::atomic<bool> first_is_in_index = false;
  std::atomic<bool> first_finishes = false;
  std::atomic<bool> second_has_begun = false;
  std::atomic<bool> second_is_in_index = false;
  std::atomic<bool> second_goes_on = false;
  const std::atomic<bool> at_once = true;
  MeetingWriter first(of_first.get(),
                      {{.step = kTaken, .here = &first_has_begun, .go_on = &first_goes_on},
                       {.step = kInIndex, .here = &first_is_in_index, .go_on = &at_once},
                       {.step = kFinishes, .here = &first_finishes, .go_on = &second_is_in_index}});
  Meeting::AwaitTrue(first_has_begun);
  constexpr int kNames = FakeTableLayout::kRun - 2;  // with the two, the first level has what it is for
  for (int i = 0; i < kNames; ++i) V4(*table, NameOf(i));
  constexpr int kLookedFor = 2;
  constexpr int kCopied = kLookedFor + 2 + 1 + kNames;
  constexpr int kHasGrown = kCopied + 5;  // the new level, two to end the work, room, and a slot taken
  std::optional<MeetingWriter> second;
  struct Growth {
    Meeting meeting;
    int count;
    std::function<void()> start_second;
    static void Step(void* context) {
      auto* const self = static_cast<Growth*>(context);
      Meeting::Step(&self->meeting);
      if (++self->count == kHasGrown) self->start_second();
    }
  } growth{.meeting = {.step = kCopied, .here = &first_goes_on, .go_on = &first_is_in_index},
           .count = 0,
           .start_second = [&] {
             second.emplace(of_second.get(),
                            std::vector<Meeting>{
                                {.step = kTaken, .here = &second_has_begun, .go_on = &first_finishes},
                                {.step = kInIndex, .here = &second_is_in_index, .go_on = &second_goes_on}});
             Meeting::AwaitTrue(second_has_begun);
           }};
  table->set_steps({.hook = Growth::Step, .context = &growth});
  V4(*table, "other.test");
  table->set_steps({});
  const std::string told = first.Join();
  EXPECT_TRUE(second_is_in_index.load());
  second_goes_on.store(true);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->Join(), told);
  ExpectStandsFor(*table, told);
}

// Who has the last slot that nobody has used enters a name, while one who found none recycles another for it.
TEST_F(FakeTableLateTest, WhoRecyclesASlotMeetsALateWriterOfTheName) {
  constexpr unsigned kTwoRuns = 21;
  // Announced and withdrawn, and announced again; before he claims a slot; and the steps of his work.
  for (int step = 1; step <= 12; ++step) {
    SCOPED_TRACE(step);
    std::filesystem::remove(directory_.File(TableFileName(kTwoRuns)));
    const auto table = Open(kTwoRuns);
    const auto of_late = Open(kTwoRuns);
    for (int i = 0; i < 2 * static_cast<int>(FakeTableLayout::kRun) - 1; ++i) V4(*table, NameOf(i));
    std::atomic<bool> go_on = false;
    LateWriter late(of_late.get(), &go_on);
    Meeting recycling{.step = step, .here = &go_on, .go_on = late.has_entered()};
    table->set_steps(recycling.steps());
    const std::string answer = V4(*table, "name.test");
    table->set_steps({});
    EXPECT_EQ(late.Join(), answer);
    ExpectStandsFor(*table, answer);
  }
}

// He was killed before the others came: only they know of the name.
TEST_F(FakeTableLateTest, WhoRecyclesASlotFindsTheNameThatAnotherHasEntered) {
  const auto table = Open(30);
  const auto of_late = Open(30);
  V4(*table, "first.test");
  DieAt(2, *table, [&] { return table->AddressFor("killed.test", IpVersion::kV4).has_value(); });
  V4(*table, "second.test");
  std::atomic<bool> go_on = false;
  LateWriter late(of_late.get(), &go_on);
  Meeting recycling{.step = 1, .here = &go_on, .go_on = late.has_entered()};
  table->set_steps(recycling.steps());
  const std::string answer = V4(*table, "name.test");
  table->set_steps({});
  EXPECT_EQ(late.Join(), answer);
  ExpectStandsFor(*table, answer);
}

// A writer has chosen the oldest name to make way, and somebody is told its address just then.
TEST_F(FakeTableLateTest, ANameThatIsUsedWhenItIsToMakeWayStays) {
  // Announced, withdrawn, announced again, chosen, and announced with its slot.
  for (int step = 1; step <= 5; ++step) {
    SCOPED_TRACE(step);
    std::filesystem::remove(directory_.File(TableFileName(30)));
    const auto table = Open(30);
    const auto other = Open(30);
    for (const char* name : {"first.test", "second.test", "third.test", "fourth.test"}) V4(*table, name);
    const auto use = [](FakeTable& used) { EXPECT_EQ(V4(used, "first.test"), "198.18.0.0"); };
    Interruption interruption{step, use, other.get()};
    table->set_steps({.hook = Interruption::Step, .context = &interruption});
    EXPECT_EQ(V4(*table, "new.test"), "198.18.0.1");
    table->set_steps({});
    EXPECT_EQ(table->NameFor(*IpAddress::Parse("198.18.0.0"), 0)->name(), "first.test");
  }
}

// A clearer that is killed at once, and somebody who finds that out.
void Repair(FakeTable& table) {
  DieAt(1, table, [&] { return table.Clear().has_value(); });
  ASSERT_TRUE(table.AddressFor("repaired.test", IpVersion::kV4));
}

// Its writer is told another address, which all agree upon.
TEST_F(FakeTableLateTest, ARepairDropsANameThatIsNotShown) {
  const auto table = Open(24);
  const auto repairer = Open(24);
  V4(*table, "first.test");
  constexpr int kStamped = 1 + 2 + 1 + 1 + 1;
  const auto repair = [](FakeTable& of_repairer) {
    Repair(of_repairer);
    EXPECT_FALSE(of_repairer.EntryAt(1));
    V4(of_repairer, "name.test");
  };
  Interruption interruption{kStamped, repair, repairer.get()};
  table->set_steps({.hook = Interruption::Step, .context = &interruption});
  EXPECT_EQ(V4(*table, "name.test"), "198.18.0.3");
  table->set_steps({});
  EXPECT_EQ(NameAt(*table, "198.18.0.3"), "name.test");
  EXPECT_EQ(CountAddresses(*table, "name.test"), 1);
}

// Nobody else would show it.
TEST_F(FakeTableLateTest, ALateWriterShowsTheNameThatAKilledOneHasEntered) {
  const auto table = Open(24);
  const auto of_late = Open(24);
  V4(*table, "first.test");
  std::atomic<bool> go_on = false;
  LateWriter late(of_late.get(), &go_on);
  // taken, written, and in the index
  DieAt(1 + 2 + 1 + 1, *table, [&] { return table->AddressFor("name.test", IpVersion::kV4).has_value(); });
  go_on.store(true);
  EXPECT_EQ(late.Join(), "198.18.0.2");
  EXPECT_EQ(NameAt(*table, "198.18.0.2"), "name.test");
  EXPECT_EQ(CountAddresses(*table, "name.test"), 1);
}

// Who makes room has looked for the name, and not found it, when another one enters it and is killed.
TEST_F(FakeTableLateTest, WhoMakesRoomShowsTheNameThatAKilledOneHasEntered) {
  constexpr unsigned kTwoRuns = 21;
  const auto table = Open(kTwoRuns);
  for (int i = 0; i < static_cast<int>(FakeTableLayout::kRun) - 1; ++i) V4(*table, NameOf(i));
  SharedArray<std::atomic<bool>> flags(3);
  std::atomic<bool>& has_begun = flags[0];
  std::atomic<bool>& goes_on = flags[1];
  const pid_t writer = StartChild([&] {
    struct Steps {
      Meeting meeting;
      DeathAtStep death;
      static void Step(void* context) {
        auto* const self = static_cast<Steps*>(context);
        Meeting::Step(&self->meeting);
        DeathAtStep::Step(&self->death);
      }
    } steps{.meeting = {.step = 1, .here = &has_begun, .go_on = &goes_on}, .death = {1 + 2 + 1 + 1}};
    table->set_steps({.hook = Steps::Step, .context = &steps});
    return table->AddressFor("name.test", IpVersion::kV4) ? 0 : 1;
  });
  Meeting::AwaitTrue(has_begun);
  const auto end = [&](FakeTable&) {
    goes_on.store(true);
    EXPECT_TRUE(WIFSIGNALED(Reap(writer)));
  };
  constexpr int kWithdrawn = 2;
  Interruption interruption{kWithdrawn, end, table.get()};
  table->set_steps({.hook = Interruption::Step, .context = &interruption});
  const std::string answer = V4(*table, "name.test");
  table->set_steps({});
  EXPECT_EQ(NameAt(*table, answer), "name.test");
  EXPECT_EQ(CountAddresses(*table, "name.test"), 1);
}

// A writer shows his name at any step of a repair, by one who asks for that name.
TEST_F(FakeTableLateTest, ANameThatIsShownDuringARepairHasOneAddress) {
  constexpr int kStamped = 1 + 2 + 1 + 1 + 1;
  for (int step = 1; step <= 10; ++step) {
    SCOPED_TRACE(step);
    std::filesystem::remove(directory_.File(TableFileName(24)));
    const auto table = Open(24);
    const auto of_writer = Open(24);
    V4(*table, "first.test");
    std::atomic<bool> is_stamped = false;
    std::atomic<bool> goes_on = false;
    std::atomic<bool> is_shown = false;
    const std::atomic<bool> at_once = true;
    MeetingWriter writer(of_writer.get(), {{.step = kStamped, .here = &is_stamped, .go_on = &goes_on},
                                           {.step = kStamped + 1, .here = &is_shown, .go_on = &at_once}});
    Meeting::AwaitTrue(is_stamped);
    V4(*table, "third.test");
    DieAt(1, *table, [&] { return table->Clear().has_value(); });
    Meeting repair{.step = step, .here = &goes_on, .go_on = &is_shown};
    table->set_steps(repair.steps());
    const std::string answer = V4(*table, "name.test");
    table->set_steps({});
    goes_on.store(true);
    EXPECT_EQ(writer.Join(), answer);
    ExpectStandsFor(*table, answer);
  }
}

// The slot of one who was late, and was told the address of another, stands before that one.
TEST_F(FakeTableLateTest, ARepairDoesNotShowANameTwice) {
  const auto table = Open(24);
  const auto of_late = Open(24);
  V4(*table, "first.test");
  std::atomic<bool> go_on = false;
  LateWriter late(of_late.get(), &go_on);
  const std::string told = V4(*table, "name.test");
  EXPECT_EQ(told, "198.18.0.2");
  go_on.store(true);
  EXPECT_EQ(late.Join(), told);
  Repair(*table);
  ExpectStandsFor(*table, told);
}

// His slot goes to a name whose entry in the index looks like his, and stands where he looks for his own.
TEST_F(FakeTableLateTest, ALateWriterTakesNobodysEntryAway) {
  const auto table = Open(30);
  for (const char* name : {"a.test", "b.test", "c.test"}) V4(*table, name);
  const uint64_t seed = SeedIn(directory_.File(TableFileName(30)));
  FakeKey late;
  ASSERT_TRUE(late.Assign("late.test"));
  const uint32_t late_hash = FakeDigester(seed).Of(late).hash;
  constexpr uint32_t kFirstPlace = 8 - 1;  // of the index's eight
  constexpr uint32_t kKept = ~(2 * FakeTable::kMaxNames - 1) | kFirstPlace;
  struct Rival {
    FakeTable* table;
    std::string name;
    std::string answer;
  } rival{table.get(),
          NameWithHash("rival-", seed, [&](uint32_t hash) { return ((hash ^ late_hash) & kKept) == 0; }), ""};
  // In the middle of the late one's work, with the slot taken and nothing written.
  const auto enter = [](void* context) {
    auto* const self = static_cast<Rival*>(context);
    self->table->set_steps({});
    self->answer = V4(*self->table, self->name);
  };
  table->set_steps({.hook = enter, .context = &rival});
  const std::string answer = V4(*table, "late.test");
  EXPECT_NE(answer, rival.answer);
  EXPECT_EQ(V4(*table, rival.name), rival.answer);
  EXPECT_EQ(V4(*table, "late.test"), answer);
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
//
// Names that are entered without the lock, while others enter, remove and recycle names.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <expected>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "resolver/fake_table.h"
#include "resolver/fake_table_file.h"
#include "resolver/fake_table_layout.h"
#include "resolver/fake_table_store.h"
#include "tests/resolver/fake_table_fixture.h"

namespace socksify {
namespace {

std::string NameOf(int i) {
  return LongName(static_cast<size_t>(1 + i % 80), 'n') + std::to_string(i) + ".test";
}

class FakeTableFreshTest : public FakeTableFixture {
 protected:
  // For who looks at a table step by step.
  std::unique_ptr<FakeTableFile> MapFile(unsigned v4_bits) const {
    const std::string path = directory_.File(TableFileName(v4_bits));
    FakeTableIdentity identity;
    std::ifstream(path, std::ios::binary).read(reinterpret_cast<char*>(&identity), sizeof identity);
    auto file = FakeTableFile::Open(path, identity);
    return file ? std::move(*file) : nullptr;
  }
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

// Somebody clears the table, or recycles all of it, while one writes a name without the lock.
struct Interruption {
  int step;
  std::function<void(FakeTable& table)> act;
  FakeTable* table;

  static void Step(void* context) {
    auto* const self = static_cast<Interruption*>(context);
    if (--self->step == 0) self->act(*self->table);
  }
};

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

// How many addresses stand for the name.
int CountAddresses(const FakeTable& table, const std::string& name) {
  int count = 0;
  for (uint32_t slot = 0; slot < table.capacity(); ++slot) {
    const auto entry = table.EntryAt(slot);
    if (entry && entry->name == name) ++count;
  }
  return count;
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

// Counts the steps of a writer, and at one of them tells another and waits for it, for ten seconds at most.
struct Meeting {
  int step;
  std::atomic<bool>* here;
  const std::atomic<bool>* go_on;
  int count = 0;

  static void Step(void* context) {
    auto* const self = static_cast<Meeting*>(context);
    if (++self->count != self->step) return;
    self->here->store(true);
    AwaitTrue(*self->go_on);
  }
  static void AwaitTrue(const std::atomic<bool>& flag) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!flag.load() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  }
  FakeTableSteps steps() { return {.hook = Step, .context = this}; }
};

// Enters "name.test" in a thread of its own, which stops when it has taken its slot and goes on at `go_on`.
// It says when it has entered the name in the index.
class LateWriter {
 public:
  LateWriter(FakeTable* table, std::atomic<bool>* go_on)
      : begin_{.step = kTaken, .here = &has_begun_, .go_on = go_on}, thread_([this, table] {
          table->set_steps({.hook = Step, .context = this});
          const auto address = table->AddressFor("name.test", IpVersion::kV4);
          answer_ = address ? address->ToString() : "errno " + std::to_string(address.error());
        }) {
    Meeting::AwaitTrue(has_begun_);
  }
  ~LateWriter() {
    if (thread_.joinable()) thread_.join();
  }
  LateWriter(const LateWriter&) = delete;
  LateWriter& operator=(const LateWriter&) = delete;

  std::string Join() {
    thread_.join();
    return answer_;
  }
  std::atomic<bool>* has_entered() { return &has_entered_; }

 private:
  static constexpr int kTaken = 1;
  static constexpr int kWritten = 2 + 1;  // 9 bytes and the size, and the check

  static void Step(void* context) {
    auto* const self = static_cast<LateWriter*>(context);
    Meeting::Step(&self->begin_);
    if (self->begin_.count == kTaken + kWritten + 1) self->has_entered_.store(true);
  }

  std::atomic<bool> has_begun_ = false;
  std::atomic<bool> has_entered_ = false;
  Meeting begin_;
  std::string answer_;
  std::thread thread_;
};

// He meets an index that has just been emptied for its repair, and does not find the name that another has
// entered since he began. The other has been told of its address.
TEST_F(FakeTableFreshTest, AnAddressThatWasToldOutlivesARepairThatMeetsALateWriter) {
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

// Between two of his steps, and a reader takes none, nobody can be stopped by a hook. But he can by a signal,
// where he may not write to a part of the table: there he waits until something has happened in another
// thread.
class Stopped {
 public:
  Stopped(std::unique_ptr<FakeTableFile> file, std::function<void()> happens)
      : file_(std::move(file)),
        store_(file_->memory(), file_->layout()),
        thread_([this, happens = std::move(happens)] {
          Meeting::AwaitTrue(is_stopped_);
          happens();
          has_happened_.store(true);
        }) {
    struct sigaction action{};
    action.sa_handler = Stop;
    stopped_ = this;
    sigaction(SIGSEGV, &action, &before_);
  }
  ~Stopped() {
    thread_.join();
    sigaction(SIGSEGV, &before_, nullptr);
    stopped_ = nullptr;
    EXPECT_TRUE(is_stopped_.load());
  }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;

  // Where he counts the clock up, when he has found the name.
  std::optional<uint32_t> FindAndStopAtTheHeader(const std::string& name) {
    return FindAndStopAt(0, FakeTableLayout::IndexOffset(), name);
  }
  // Where he stamps the slot.
  std::optional<uint32_t> FindAndStopAtTheSlot(const std::string& name) {
    const FakeTableLayout& layout = file_->layout();
    return FindAndStopAt(layout.SlotsOffset(), layout.NamesOffset() - layout.SlotsOffset(), name);
  }
  // Where he writes the end of a long name that is new. He goes on to take the lock, which nobody else does.
  std::expected<uint32_t, int> EnterAndStopAtTheTail(const std::string& name) {
    const FakeTableLayout& layout = file_->layout();
    FakeKey key;
    EXPECT_TRUE(key.Assign(name));
    const FakeDigest digest = store_.DigestOf(key);
    Protect(layout.TailsOffset(), layout.FileSize() - layout.TailsOffset());
    std::optional<uint32_t> begun;
    EXPECT_FALSE(store_.EnterFresh(key, digest, &begun));
    return store_.Enter(key, digest, begun, file_.get());
  }

 private:
  std::optional<uint32_t> FindAndStopAt(size_t offset, size_t size, const std::string& name) {
    FakeKey key;
    EXPECT_TRUE(key.Assign(name));
    const FakeDigest digest = store_.DigestOf(key);
    Protect(offset, size);
    return store_.FindAndUse(digest);
  }
  void Protect(size_t offset, size_t size) {
    offset_ = offset;
    size_ = size;
    EXPECT_EQ(mprotect(file_->memory() + offset, size, PROT_READ), 0);
  }
  static void Stop(int) {
    // A second fault is one of the program.
    if (stopped_->is_stopped_.exchange(true)) abort();
    std::byte* const memory = stopped_->file_->memory();
    if (mprotect(memory + stopped_->offset_, stopped_->size_, PROT_READ | PROT_WRITE) != 0) abort();
    Meeting::AwaitTrue(stopped_->has_happened_);
  }

  static inline Stopped* stopped_ = nullptr;

  std::unique_ptr<FakeTableFile> file_;
  FakeTableStore store_;
  size_t offset_ = 0;
  size_t size_ = 0;
  std::atomic<bool> is_stopped_ = false;
  std::atomic<bool> has_happened_ = false;
  struct sigaction before_{};
  std::thread thread_;
};

TEST_F(FakeTableFreshTest, AReaderIsNotToldASlotThatIsRecycledBeforeHeHasStampedIt) {
  const auto table = Open(30);
  for (const char* name : {"a", "b", "c", "d"}) V4(*table, name);
  Stopped reader(MapFile(30), [&] { EXPECT_EQ(V4(*table, "e"), "198.18.0.0"); });
  EXPECT_EQ(reader.FindAndStopAtTheHeader("a"), std::nullopt);
}

// He stamps it with what he has drawn before others used it.
TEST_F(FakeTableFreshTest, ASlowReaderMakesNoNameOlder) {
  const auto table = Open(30);
  for (const char* name : {"a", "b", "c", "d"}) V4(*table, name);
  {
    Stopped reader(MapFile(30), [&] {
      for (const char* name : {"b", "c", "d", "a"}) V4(*table, name);
    });
    EXPECT_EQ(reader.FindAndStopAtTheSlot("a"), 0U);
  }
  EXPECT_EQ(V4(*table, "e"), "198.18.0.1");
}

// He had seen that his slot is his.
TEST_F(FakeTableFreshTest, NothingIsLeftOfAWordThatIsWrittenAfterTheTableWasCleared) {
  const auto table = Open(30);
  V4(*table, "first.test");
  {
    Stopped writer(MapFile(30), [&] { EXPECT_EQ(table->Clear(), 1U); });
    EXPECT_EQ(writer.EnterAndStopAtTheTail(LongName(126, 'w')), 2U);
  }
  ASSERT_TRUE(table->Clear());
  EXPECT_EQ(Content().find("ww"), std::string::npos);
}

// He enters the name in a level of the index whose entries have been copied into a larger one.
TEST_F(FakeTableFreshTest, ALateWriterIsNotLostWhenTheIndexGrows) {
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

// Enters "name.test" in a thread of its own, which meets others at some of its steps.
class MeetingWriter {
 public:
  MeetingWriter(FakeTable* table, std::vector<Meeting> meetings)
      : meetings_(std::move(meetings)), thread_([this, table] {
          table->set_steps({.hook = Step, .context = this});
          answer_ = V4(*table);
        }) {}
  ~MeetingWriter() {
    if (thread_.joinable()) thread_.join();
  }
  MeetingWriter(const MeetingWriter&) = delete;
  MeetingWriter& operator=(const MeetingWriter&) = delete;

  std::string Join() {
    thread_.join();
    return answer_;
  }

 private:
  static std::string V4(FakeTable& table) {
    const auto address = table.AddressFor("name.test", IpVersion::kV4);
    return address ? address->ToString() : "errno " + std::to_string(address.error());
  }
  static void Step(void* context) {
    for (Meeting& meeting : static_cast<MeetingWriter*>(context)->meetings_) Meeting::Step(&meeting);
  }

  std::vector<Meeting> meetings_;
  std::string answer_;
  std::thread thread_;
};

// The index grows past the entry of one. When he has the lock and enters it anew, after he has looked for the
// name, another one enters it without the lock.
TEST_F(FakeTableFreshTest, WhoFinishesUnderTheLockMeetsALateWriterOfTheName) {
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
  EXPECT_EQ(V4(*table, "name.test"), told);
  EXPECT_EQ(CountAddresses(*table, "name.test"), 1);
}

// Who has the last slot that nobody has used enters a name, while one who found none recycles another for it.
TEST_F(FakeTableFreshTest, WhoRecyclesASlotMeetsALateWriterOfTheName) {
  constexpr unsigned kTwoRuns = 21;
  // Announced and withdrawn, and announced again; before he claims a slot; and the steps of his work.
  for (int step = 1; step <= 12; ++step) {
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
    EXPECT_EQ(late.Join(), answer) << step;
    EXPECT_EQ(V4(*table, "name.test"), answer) << step;
    EXPECT_EQ(CountAddresses(*table, "name.test"), 1) << step;
  }
}

// He was killed before the others came: only they know of the name.
TEST_F(FakeTableFreshTest, WhoRecyclesASlotFindsTheNameThatAnotherHasEntered) {
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
  EXPECT_EQ(V4(*table, "name.test"), answer);
  EXPECT_EQ(CountAddresses(*table, "name.test"), 1);
}

// A writer has chosen the oldest name to make way, and somebody is told its address just then.
TEST_F(FakeTableFreshTest, ANameThatIsUsedWhenItIsToMakeWayStays) {
  // Announced, withdrawn, announced again, chosen, and announced with its slot.
  for (int step = 1; step <= 5; ++step) {
    std::filesystem::remove(directory_.File(TableFileName(30)));
    const auto table = Open(30);
    const auto other = Open(30);
    for (const char* name : {"first.test", "second.test", "third.test", "fourth.test"}) V4(*table, name);
    const auto use = [](FakeTable& used) { EXPECT_EQ(V4(used, "first.test"), "198.18.0.0"); };
    Interruption interruption{step, use, other.get()};
    table->set_steps({.hook = Interruption::Step, .context = &interruption});
    EXPECT_EQ(V4(*table, "new.test"), "198.18.0.1") << step;
    table->set_steps({});
    EXPECT_EQ(table->NameFor(*IpAddress::Parse("198.18.0.0"), 0)->name(), "first.test") << step;
  }
}

// A clearer that is killed at once, and somebody who finds that out.
void Repair(FakeTable& table) {
  DieAt(1, table, [&] { return table.Clear().has_value(); });
  ASSERT_TRUE(table.AddressFor("repaired.test", IpVersion::kV4));
}

// Its writer is told another address, which all agree upon.
TEST_F(FakeTableFreshTest, ARepairDropsANameThatIsNotShown) {
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
TEST_F(FakeTableFreshTest, ALateWriterShowsTheNameThatAKilledOneHasEntered) {
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
TEST_F(FakeTableFreshTest, WhoMakesRoomShowsTheNameThatAKilledOneHasEntered) {
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
TEST_F(FakeTableFreshTest, ANameThatIsShownDuringARepairHasOneAddress) {
  constexpr int kStamped = 1 + 2 + 1 + 1 + 1;
  for (int step = 1; step <= 10; ++step) {
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
    EXPECT_EQ(writer.Join(), answer) << step;
    EXPECT_EQ(V4(*table, "name.test"), answer) << step;
    EXPECT_EQ(CountAddresses(*table, "name.test"), 1) << step;
  }
}

// An entry of a slot that is not shown stands before that of the one that is: the first of two writers has
// written his check and was killed, and an entry that was taken out let him get before the other.
TEST_F(FakeTableFreshTest, TheNameThatIsShownIsToldWhateverComesFirst) {
  const auto table = Open(24);
  V4(*table, "first.test");
  SharedArray<std::atomic<bool>> flags(2);
  std::atomic<bool>& has_begun = flags[0];
  std::atomic<bool>& goes_on = flags[1];
  const pid_t writer = StartChild([&] {
    Meeting meeting{.step = 1, .here = &has_begun, .go_on = &goes_on};
    table->set_steps(meeting.steps());
    return table->AddressFor("name.test", IpVersion::kV4) ? 0 : 1;
  });
  Meeting::AwaitTrue(has_begun);
  const std::string told = V4(*table, "name.test");
  EXPECT_EQ(told, "198.18.0.2");
  goes_on.store(true);
  EXPECT_EQ(Reap(writer), 0);  // he was told the other's, and has left his slot hidden
  const auto file = MapFile(24);
  ASSERT_TRUE(file);
  const uint32_t level = file->layout().first_level();
  auto* const entries =
      reinterpret_cast<FakeTableIndexEntry*>(file->memory() + FakeTableLayout::IndexOffset()) + level;
  constexpr uint32_t kSlots = 2 * FakeTable::kMaxNames;
  int changed = 0;
  for (uint32_t i = 0; i < level; ++i) {
    const uint32_t entry = entries[i].load();
    if (entry % kSlots != 2 + 1 || changed != 0) continue;
    entries[(i + 1) % level].store(entry);
    entries[i].store(entry - 1);
    ++changed;
  }
  ASSERT_EQ(changed, 1);
  EXPECT_EQ(V4(*table, "name.test"), told);
  EXPECT_EQ(CountAddresses(*table, "name.test"), 1);
}

// The slot of one who was late, and was told the address of another, stands before that one.
TEST_F(FakeTableFreshTest, ARepairDoesNotShowANameTwice) {
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
  EXPECT_EQ(V4(*table, "name.test"), told);
  EXPECT_EQ(CountAddresses(*table, "name.test"), 1);
}

// His slot goes to a name whose entry in the index looks like his, and stands where he looks for his own.
TEST_F(FakeTableFreshTest, ALateWriterTakesNobodysEntryAway) {
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

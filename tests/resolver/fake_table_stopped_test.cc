// SPDX-License-Identifier: BSD-2-Clause
//
// Readers and writers who are stopped between two instructions, and tables that are changed behind their
// backs.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <expected>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "resolver/fake_table.h"
#include "resolver/fake_table_file.h"
#include "resolver/fake_table_layout.h"
#include "resolver/fake_table_store.h"
#include "tests/resolver/fake_table_fixture.h"
#include "tests/resolver/fake_table_meetings.h"

namespace socksify {
namespace {

class FakeTableStoppedTest : public FakeTableFixture {
 protected:
  // For who looks at a table step by step.
  std::unique_ptr<FakeTableFile> MapFile(unsigned v4_bits) const {
    const std::string path = directory_.File(TableFileName(v4_bits));
    FakeTableIdentity identity;
    std::ifstream(path, std::ios::binary).read(reinterpret_cast<char*>(&identity), sizeof identity);
    auto file = FakeTableFile::Open(path, identity);
    return file ? std::move(*file) : nullptr;
  }
};

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

TEST_F(FakeTableStoppedTest, AReaderIsNotToldASlotThatIsRecycledBeforeHeHasStampedIt) {
  const auto table = Open(30);
  for (const char* name : {"a", "b", "c", "d"}) V4(*table, name);
  Stopped reader(MapFile(30), [&] { EXPECT_EQ(V4(*table, "e"), "198.18.0.0"); });
  EXPECT_EQ(reader.FindAndStopAtTheHeader("a"), std::nullopt);
}

// He stamps it with what he has drawn before others used it.
TEST_F(FakeTableStoppedTest, ASlowReaderMakesNoNameOlder) {
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
TEST_F(FakeTableStoppedTest, NothingIsLeftOfAWordThatIsWrittenAfterTheTableWasCleared) {
  const auto table = Open(30);
  V4(*table, "first.test");
  {
    Stopped writer(MapFile(30), [&] { EXPECT_EQ(table->Clear(), 1U); });
    EXPECT_EQ(writer.EnterAndStopAtTheTail(LongName(126, 'w')), 2U);
  }
  ASSERT_TRUE(table->Clear());
  EXPECT_EQ(Content().find("ww"), std::string::npos);
}

// An entry of a slot that is not shown stands before that of the one that is: the first of two writers has
// written his check and was killed, and an entry that was taken out let him get before the other.
TEST_F(FakeTableStoppedTest, TheNameThatIsShownIsToldWhateverComesFirst) {
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

}  // namespace
}  // namespace socksify

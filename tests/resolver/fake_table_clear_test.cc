// SPDX-License-Identifier: BSD-2-Clause
//
// To clear the table: what others see of it, and a clearer that is killed.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "resolver/fake_table.h"
#include "tests/resolver/fake_table_fixture.h"

namespace socksify {
namespace {

class FakeTableClearTest : public FakeTableFixture {
 protected:
  void ExpectNothingSecret(const std::string& where) const {
    const std::string content = Content();
    ASSERT_FALSE(content.empty()) << where;
    EXPECT_EQ(content.find("cret"), std::string::npos) << where;
    EXPECT_EQ(content.find("xxx"), std::string::npos) << where;
  }
  static std::string NameOf(const FakeTable& table, const std::string& address) {
    const auto endpoint = table.NameFor(*IpAddress::Parse(address), 0);
    return endpoint ? std::string(endpoint->name()) : "none";
  }
};

TEST_F(FakeTableClearTest, EveryProcessSeesAnEmptyTable) {
  const auto table = Open(29);
  const auto other = Open(29);
  const std::string long_name = std::string(60, 'l') + "." + std::string(60, 'm');
  V4(*table, "a.test");
  V4(*other, long_name);
  const auto removed = other->Clear();
  ASSERT_TRUE(removed);
  EXPECT_EQ(*removed, 2U);
  for (FakeTable* const each : {table.get(), other.get()}) {
    EXPECT_EQ(each->size(), 0U);
    EXPECT_EQ(NameOf(*each, "198.18.0.0"), "none");
    EXPECT_EQ(NameOf(*each, "198.18.0.1"), "none");
    EXPECT_FALSE(each->EntryAt(0));
    EXPECT_EQ(each->Clear(), 0U);
  }
}

TEST_F(FakeTableClearTest, RemovedNamesAreNotInTheFileAnyMore) {
  const auto table = Open(29);
  V4(*table, "secret.test");
  V4(*table, std::string(60, 'l') + ".secret.test");
  ASSERT_TRUE(table->Clear());
  const std::string content = Content();
  ASSERT_FALSE(content.empty());
  EXPECT_EQ(content.find("cret"), std::string::npos);
}

TEST_F(FakeTableClearTest, NothingOfANameOutlivesItsSlot) {
  const auto table = Open(32);  // one slot
  V4(*table, LongName(120, 'x') + ".secret.test");
  V4(*table, "short.test");
  const std::string content = Content();
  EXPECT_EQ(content.find("cret"), std::string::npos);
  EXPECT_NE(content.find("short"), std::string::npos);
}

// Neither those of a writer that was killed, nor those of one whose slot was recycled while he was at it.
TEST_F(FakeTableClearTest, NothingOfAnUnfinishedNameOutlivesItsSlot) {
  const std::string secret = LongName(120, 'x') + ".secret.test";
  for (int step = 1; step < 20; ++step) {
    std::filesystem::remove(directory_.File(TableFileName(31)));
    const auto table = Open(31);  // two slots
    V4(*table, "first.test");
    DieAt(step, *table, [&] { return table->AddressFor(secret, IpVersion::kV4).has_value(); });
    V4(*table, "second.test");
    V4(*table, "third.test");
    ExpectNothingSecret("killed at step " + std::to_string(step));
  }
  for (int step = 1; step < 20; ++step) {
    std::filesystem::remove(directory_.File(TableFileName(31)));
    const auto table = Open(31);
    const auto other = Open(31);
    V4(*table, "first.test");
    struct Hook {
      FakeTable* other;
      int step;
    } hook{other.get(), step};
    const auto recycle = [](void* context) {
      auto* const self = static_cast<Hook*>(context);
      if (--self->step == 0) V4(*self->other, "short.test");
    };
    table->set_steps({.hook = recycle, .context = &hook});
    V4(*table, secret);
    table->set_steps({});
    ASSERT_TRUE(table->Clear());
    ExpectNothingSecret("overtaken at step " + std::to_string(step));
  }
}

// Killed after any of its stores, a clearer is followed by another one, who finds what it has left: of names,
// and of one that was never finished.
TEST_F(FakeTableClearTest, ASecondClearEndsWhatAKilledOneBegan) {
  const std::string secret = LongName(80, 'x') + ".secret.test";
  int deaths = 0;
  for (int step = 1; step < 1000; ++step) {
    std::filesystem::remove(directory_.File(TableFileName(29)));
    const auto table = Open(29);
    for (int i = 0; i < 4; ++i) V4(*table, std::to_string(i) + secret);
    DieAt(8, *table, [&] { return table->AddressFor(secret, IpVersion::kV4).has_value(); });
    if (!DiesAt(step, *table, [&] { return table->Clear().has_value(); })) break;
    ++deaths;
    ASSERT_TRUE(table->Clear());
    ExpectNothingSecret("step " + std::to_string(step));
    ASSERT_EQ(table->size(), 0U);
  }
  EXPECT_GT(deaths, 5 * 3);
}

// A program may still have the address of a removed name: it must not meet another name under it.
TEST_F(FakeTableClearTest, AddressesOfRemovedNamesAreTheLastToBeGivenAgain) {
  const auto table = Open(29);  // eight slots
  V4(*table, "a");
  V4(*table, "b");
  V4(*table, "a");  // b is older
  ASSERT_EQ(table->Clear(), 2U);
  EXPECT_EQ(V4(*table, "b"), "198.18.0.2");
  for (int i = 3; i < 8; ++i)
    EXPECT_EQ(V4(*table, std::string(1, static_cast<char>('a' + i))), "198.18.0." + std::to_string(i));
  EXPECT_EQ(V4(*table, "x"), "198.18.0.1");
  EXPECT_EQ(V4(*table, "y"), "198.18.0.0");
  EXPECT_EQ(table->size(), 8U);
  EXPECT_EQ(V4(*table, "z"), "198.18.0.2");
}

TEST_F(FakeTableClearTest, AFullTableIsUsableAfterwards) {
  const auto table = Open(29);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 20; ++i) {
      const std::string name = "round-" + std::to_string(round) + "-" + std::to_string(i);
      EXPECT_EQ(NameOf(*table, V4(*table, name)), name);
    }
    EXPECT_EQ(table->size(), 8U);
    EXPECT_EQ(table->Clear(), 8U);
    EXPECT_EQ(table->size(), 0U);
  }
}

TEST_F(FakeTableClearTest, APrivateTableCanBeCleared) {
  auto table = FakeTable::MakePrivate(MakeRange());
  ASSERT_TRUE(table);
  V4(**table, "a");
  EXPECT_EQ((*table)->Clear(), 1U);
  EXPECT_EQ((*table)->size(), 0U);
}

// Readers and writers run against one who clears all the time: an address that was just given stands for its
// name or for none.
TEST_F(FakeTableClearTest, NobodyMeetsAnotherName) {
  const auto table = Open(20);
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::thread user([&] {
    const auto own = Open(20);
    for (int i = 0; i < 2000; ++i) {
      const std::string name =
          std::string(static_cast<size_t>(1 + i % 60), 'n') + "." + std::to_string(i) + ".test";
      const auto address = own->AddressFor(name, IpVersion::kV4);
      if (!address) {
        wrong.fetch_add(1);
        continue;
      }
      const auto endpoint = own->NameFor(*address, 0);
      if (endpoint && endpoint->name() != name) wrong.fetch_add(1);
    }
    done.store(true);
  });
  while (!done.load()) EXPECT_TRUE(table->Clear());
  user.join();
  EXPECT_EQ(wrong.load(), 0);
}

// Killed at any store, it leaves a table in which each name is whole or gone, and all can be had again.
TEST_F(FakeTableClearTest, DeathAtEveryStoreLeavesTheTableUsable) {
  const auto name = [](int i) {
    return std::string(static_cast<size_t>(1 + i * 7), 'n') + std::to_string(i);
  };
  int deaths = 0;
  for (int step = 1; step < 1000; ++step) {
    std::filesystem::remove(directory_.File(TableFileName(29)));
    const auto table = Open(29);
    for (int i = 0; i < 8; ++i) V4(*table, name(i));
    if (!DiesAt(step, *table, [&] { return table->Clear().has_value(); })) break;
    ++deaths;
    for (int i = 0; i < 8; ++i) {
      const std::string found = NameOf(*table, "198.18.0." + std::to_string(i));
      EXPECT_TRUE(found == name(i) || found == "none") << "step " << step << ": " << found;
    }
    for (int i = 0; i < 8; ++i) {
      const std::string fresh = "fresh-" + std::to_string(i);
      EXPECT_EQ(NameOf(*table, V4(*table, fresh)), fresh) << "step " << step;
    }
    EXPECT_EQ(table->size(), 8U) << "step " << step;
    EXPECT_EQ(table->Clear(), 8U) << "step " << step;
  }
  EXPECT_GT(deaths, 16);
}

TEST_F(FakeTableClearTest, EntriesAreReadWithoutBeingUsed) {
  const auto table = Open(31);
  V4(*table, "A.test");
  V4(*table, "b.test");
  const auto a = table->EntryAt(0);
  const auto b = table->EntryAt(1);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->v4.ToString(), "198.18.0.0");
  EXPECT_EQ(a->v6.ToString(), "100::");
  EXPECT_EQ(a->name, "a.test");
  EXPECT_LT(a->last_use, b->last_use);
  EXPECT_FALSE(table->EntryAt(2));
  EXPECT_FALSE(table->EntryAt(UINT32_MAX));
  EXPECT_EQ(V4(*table, "c.test"), "198.18.0.0") << "still the least recently used";
}

TEST_F(FakeTableClearTest, OpenExistingMakesNothing) {
  const std::string path = directory_.File(TableFileName());
  EXPECT_EQ(FakeTable::PathIn(directory_.path(), MakeRange()), path);
  EXPECT_EQ(FakeTable::OpenExisting(directory_.path(), MakeRange()).error(), ENOENT);
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
  std::ofstream(path) << "no table";
  EXPECT_EQ(FakeTable::OpenExisting(directory_.path(), MakeRange()).error(), EUCLEAN);
  EXPECT_EQ(std::filesystem::file_size(path), 8U);
  V4(*Open(15), "a.test");
  const auto table = FakeTable::OpenExisting(directory_.path(), MakeRange());
  ASSERT_TRUE(table);
  EXPECT_EQ((*table)->EntryAt(0)->name, "a.test");
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/fake_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <list>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "resolver/host_name.h"
#include "tests/resolver/fake_table_fixture.h"

namespace socksify {
namespace {

class FakeTableTest : public FakeTableFixture {
 protected:
  static std::string NameOf(const FakeTable& table, const std::string& address) {
    const auto endpoint = table.NameFor(*IpAddress::Parse(address), 80);
    return endpoint ? endpoint->ToString() : "none";
  }
};

size_t CountDescriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

TEST_F(FakeTableTest, GivesConsecutiveAddressesAndKeepsThem) {
  const auto table = Open();
  EXPECT_EQ(V4(*table, "a.test"), "198.18.0.0");
  EXPECT_EQ(V4(*table, "b.test"), "198.18.0.1");
  EXPECT_EQ(V4(*table, "a.test"), "198.18.0.0");
  EXPECT_EQ(table->AddressFor("b.test", IpVersion::kV6)->ToString(), "100::1");
  EXPECT_EQ(table->size(), 2U);
  EXPECT_EQ(table->capacity(), FakeTable::kMaxNames);
}

TEST_F(FakeTableTest, BothAddressesStandForTheName) {
  const auto table = Open();
  V4(*table, "a.test");
  V4(*table, "b.test");
  EXPECT_EQ(NameOf(*table, "198.18.0.1"), "b.test:80");
  EXPECT_EQ(NameOf(*table, "100::1"), "b.test:80");
  EXPECT_EQ(NameOf(*table, "::ffff:198.18.0.1"), "b.test:80");
  EXPECT_EQ(NameOf(*table, "198.18.0.2"), "none");
  EXPECT_EQ(NameOf(*table, "10.0.0.1"), "none");
  EXPECT_TRUE(table->IsFake(*IpAddress::Parse("198.18.0.2")));
  EXPECT_FALSE(table->IsFake(*IpAddress::Parse("198.17.0.2")));
}

TEST_F(FakeTableTest, NamesCompareAsDnsDoes) {
  const auto table = Open();
  EXPECT_EQ(V4(*table, "Web.TEST."), "198.18.0.0");
  EXPECT_EQ(V4(*table, "web.test"), "198.18.0.0");
  EXPECT_EQ(V4(*table, "WEB.test"), "198.18.0.0");
  EXPECT_EQ(NameOf(*table, "198.18.0.0"), "web.test:80") << "in lower case, whatever came first";
  EXPECT_EQ(V4(*table, "\xc3\x84.test"), "198.18.0.1");
  EXPECT_EQ(V4(*table, "\xc3\xa4.test"), "198.18.0.2") << "case is ASCII's alone";
  EXPECT_EQ(NameOf(*table, "198.18.0.1"), "\xc3\x84.test:80");
}

TEST_F(FakeTableTest, TakesNamesOfEverySize) {
  const auto table = Open();
  for (size_t size = 1; size <= kMaxHostNameSize; ++size) {
    const std::string name = LongName(size, 'x');
    const auto address = table->AddressFor(name, IpVersion::kV4);
    ASSERT_TRUE(address) << size;
    EXPECT_EQ(table->NameFor(*address, 0)->name(), name);
  }
  EXPECT_EQ(table->size(), kMaxHostNameSize);
}

// As far as their first words, and the bits of the hash that the index has, they are the same.
TEST_F(FakeTableTest, LongNamesThatDifferInTheirTailsAreTwo) {
  const auto table = Open(30);
  const uint64_t seed = SeedIn(directory_.File(TableFileName(30)));
  const std::string beginning = LongName(70, 'x') + '-';
  std::unordered_map<uint32_t, std::string> seen;
  constexpr uint32_t kCompared = ~(2 * FakeTable::kMaxNames - 1) | 7;
  std::string other;
  uint32_t seen_count = 0;
  const std::string name = NameWithHash(beginning, seed, [&](uint32_t hash) {
    std::string& same = seen[hash & kCompared];
    if (!same.empty()) other = same;
    same = beginning + std::to_string(1'000'000 + seen_count++);
    return !other.empty();
  });
  EXPECT_EQ(V4(*table, name), "198.18.0.0");
  EXPECT_EQ(V4(*table, other), "198.18.0.1");
  EXPECT_EQ(V4(*table, name), "198.18.0.0");
}

TEST_F(FakeTableTest, RefusesWhatIsNoName) {
  const auto table = Open();
  for (const std::string& name :
       {std::string(), std::string("."), std::string(254, 'x'), std::string(256, 'x'), std::string("a\0b", 3),
        std::string(1, '\0'), std::string(64, 'x') + ".test", std::string("a..b"), std::string(".a"),
        std::string("a.test.."), std::string("a b"), std::string("a\nb"), std::string("10.0.0.1."),
        std::string("123456789012")}) {
    const auto address = table->AddressFor(name, IpVersion::kV4);
    ASSERT_FALSE(address) << name;
    EXPECT_EQ(address.error(), EINVAL);
  }
  EXPECT_EQ(table->size(), 0U);
}

TEST_F(FakeTableTest, RefusesWhatIsNoRange) {
  FakeRange range = MakeRange();
  range.v4_bits = 33;
  EXPECT_EQ(FakeTable::Open(directory_.path(), range).error(), EINVAL);
  EXPECT_EQ(FakeTable::MakePrivate(range).error(), EINVAL);
}

TEST_F(FakeTableTest, TablesOfOneDirectoryAgree) {
  const auto first = Open();
  const auto second = Open();
  EXPECT_EQ(V4(*first, "a.test"), V4(*second, "a.test"));
  EXPECT_EQ(V4(*second, "b.test"), V4(*first, "b.test"));
  EXPECT_EQ(NameOf(*second, "198.18.0.0"), "a.test:80");
}

TEST_F(FakeTableTest, NamesOutliveTheProcessesThatAskedForThem) {
  V4(*Open(), "a.test");
  EXPECT_EQ(NameOf(*Open(), "198.18.0.0"), "a.test:80");
}

TEST_F(FakeTableTest, RangesHaveTablesOfTheirOwn) {
  const auto wide = Open();
  const auto narrow = Open(24);
  V4(*wide, "a.test");
  EXPECT_EQ(V4(*narrow, "b.test"), "198.18.0.0");
  EXPECT_EQ(NameOf(*wide, "198.18.0.0"), "a.test:80");
}

TEST_F(FakeTableTest, LeavesNoDescriptorOpen) {
  const size_t before = CountDescriptors();
  const auto table = Open();
  for (int i = 0; i < 1000; ++i) V4(*table, std::to_string(i) + ".test");
  EXPECT_EQ(CountDescriptors(), before);
}

TEST_F(FakeTableTest, KeepsErrno) {
  const auto table = Open();
  errno = ENOTTY;
  V4(*table, "a.test");
  V4(*table, "a.test");
  EXPECT_EQ(errno, ENOTTY);
}

TEST_F(FakeTableTest, RecyclesTheLeastRecentlyUsed) {
  const auto table = Open(30);
  for (const char* name : {"a", "b", "c", "d"}) V4(*table, name);
  V4(*table, "a");               // the order is b c d a
  NameOf(*table, "198.18.0.1");  // c d a b
  EXPECT_EQ(V4(*table, "e"), "198.18.0.2");
  EXPECT_EQ(V4(*table, "f"), "198.18.0.3");
  EXPECT_EQ(V4(*table, "g"), "198.18.0.0");
  EXPECT_EQ(NameOf(*table, "198.18.0.1"), "b:80");
  EXPECT_EQ(NameOf(*table, "100::2"), "e:80");
  EXPECT_EQ(table->size(), 4U);
  EXPECT_EQ(V4(*table, "c"), "198.18.0.3") << "f is older than g, b and e";
}

// The writer was killed when he had claimed the slot. Whoever repairs it need not be the one who recycles it.
TEST_F(FakeTableTest, AKilledWriterTakesNoNameAwayBeforeHeOverwritesIt) {
  const auto table = Open(30);
  for (const char* name : {"a", "b", "c", "d"}) V4(*table, name);
  // announced, withdrawn and announced; the slot chosen, announced, and claimed
  DieAt(6, *table, [&] { return table->AddressFor("killed", IpVersion::kV4).has_value(); });
  EXPECT_EQ(NameOf(*table, "198.18.0.0"), "none");
  table->Hold(*IpAddress::Parse("198.18.0.0"));
  EXPECT_EQ(V4(*table, "e"), "198.18.0.1");
  EXPECT_EQ(NameOf(*table, "198.18.0.0"), "a:80");
  EXPECT_EQ(V4(*table, "a"), "198.18.0.0");
}

TEST_F(FakeTableTest, TableOfOneSlotWorks) {
  const auto table = Open(32);
  for (const char* name : {"a", "b", "a", "c"}) {
    EXPECT_EQ(V4(*table, name), "198.18.0.0");
    EXPECT_EQ(NameOf(*table, "198.18.0.0"), std::string(name) + ":80");
  }
  EXPECT_EQ(table->size(), 1U);
}

// What makes way is what a list of all uses says, however many slots there are and whichever of them are
// used: 4,096, of which a few are used often.
TEST_F(FakeTableTest, RecyclesInTheOrderOfUse) {
  const auto table = FakeTable::MakePrivate(MakeRange(20));
  ASSERT_TRUE(table);
  std::mt19937 generator(5);
  std::list<std::pair<std::string, IpAddress>> by_age;  // the oldest first
  std::unordered_map<std::string, decltype(by_age)::iterator> known;
  const auto use = [&](const std::string& name) {
    const auto address = (*table)->AddressFor(name, IpVersion::kV4);
    ASSERT_TRUE(address);
    if (const auto found = known.find(name); found != known.end()) {
      ASSERT_EQ(*address, found->second->second) << name;
      by_age.splice(by_age.end(), by_age, found->second);
      return;
    }
    if (by_age.size() == (*table)->capacity()) {
      ASSERT_EQ(*address, by_age.front().second) << name << " for " << by_age.front().first;
      known.erase(by_age.front().first);
      by_age.pop_front();
    }
    known[name] = by_age.insert(by_age.end(), {name, *address});
  };
  for (uint32_t i = 0; i < 50'000; ++i) {
    const auto draw = static_cast<uint32_t>(generator());
    const uint32_t host = draw % 4 == 0 ? i : draw % 4 == 1 ? draw / 4 % 100 : draw / 4 % 6'000;
    ASSERT_NO_FATAL_FAILURE(use("host-" + std::to_string(host) + ".test"));
  }
  EXPECT_EQ((*table)->size(), (*table)->capacity());
}

// In a large table whose names are used again in another order than that of their slots: of the hundredth
// that was used longest ago.
TEST_F(FakeTableTest, RecyclesWhatIsOldInALargeTable) {
  const auto table = FakeTable::MakePrivate(MakeRange(17));
  ASSERT_TRUE(table);
  const uint32_t capacity = (*table)->capacity();
  const auto use = [&](uint32_t host) {
    return (*table)->AddressFor("host-" + std::to_string(host) + ".test", IpVersion::kV4)->v4_value() -
           0xc6120000;
  };
  for (uint32_t i = 0; i < capacity; ++i) ASSERT_EQ(use(i), i);
  std::vector<uint32_t> order(capacity);  // host i has slot i
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin(), order.end(), std::mt19937(6));
  std::vector<uint32_t> age(capacity);
  for (uint32_t i = 0; i < capacity; ++i) age[use(order[i])] = i;
  for (uint32_t i = 0; i < 300; ++i) {
    const uint32_t slot = use(capacity + i);
    EXPECT_LT(age[slot], capacity / 100 + i);
    age[slot] = capacity + i;
  }
}

// More names than slots: each new name takes the place of the one that is older than all others.
TEST_F(FakeTableTest, RecyclesManyNamesWithoutAWrongAnswer) {
  const unsigned v4_bits = kIsSanitized ? 22 : 15;
  const uint32_t kNames = 200'000;
  const auto table = Open(v4_bits);
  const uint32_t capacity = table->capacity();
  const FakeRangeMap range = *FakeRangeMap::Make(MakeRange(v4_bits), capacity);
  const uint32_t names = kIsSanitized ? kNames / 20 : kNames;
  for (uint32_t i = 0; i < names; ++i) {
    const std::string name = "host-" + std::to_string(i) + ".test";
    const auto address = table->AddressFor(name, IpVersion::kV4);
    ASSERT_TRUE(address) << address.error();
    ASSERT_EQ(*address, range.AddressOf(i % capacity, IpVersion::kV4)) << name;
  }
  EXPECT_EQ(table->size(), capacity);
  for (uint32_t i = names - capacity; i < names; ++i) {
    const std::string name = "host-" + std::to_string(i) + ".test";
    const IpAddress address = range.AddressOf(i % capacity, IpVersion::kV4);
    ASSERT_EQ(table->AddressFor(name, IpVersion::kV4), address) << name;
    ASSERT_EQ(table->NameFor(address, 0)->name(), name);
  }
}

TEST_F(FakeTableTest, ThreadsAgreeAndExcludeEachOther) {
  constexpr int kThreads = 8;
  constexpr int kNames = 400;
  const auto first = Open();
  const auto second = Open();
  std::vector<std::vector<std::string>> answers(kThreads, std::vector<std::string>(kNames));
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      FakeTable& table = t % 2 == 0 ? *first : *second;
      for (int i = 0; i < kNames; ++i) {
        const int n = (i + t * 50) % kNames;
        answers[t][n] = V4(table, std::to_string(n) + ".test");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int n = 0; n < kNames; ++n) {
    for (int t = 1; t < kThreads; ++t) EXPECT_EQ(answers[t][n], answers[0][n]);
    EXPECT_EQ(NameOf(*first, answers[0][n]), std::to_string(n) + ".test:80");
  }
  EXPECT_EQ(first->size(), static_cast<uint32_t>(kNames));
}

// Readers run against a writer that recycles all the time: what they find is a whole name of the right slot.
TEST_F(FakeTableTest, ReadersNeverSeeAHalfWrittenName) {
  const auto table = Open(29);
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::thread reader([&] {
    while (!done.load()) {
      for (uint32_t slot = 0; slot < 8; ++slot) {
        const auto endpoint = table->NameFor(IpAddress::V4(0xc6120000 + slot), 0);
        if (!endpoint) continue;
        const std::string_view name = endpoint->name();
        if (name != LongName(static_cast<size_t>(name[0] - 'a') * 9 + 5, name[0])) wrong.fetch_add(1);
      }
    }
  });
  for (int i = 0; i < 4000; ++i) {
    const int letter = i % 26;
    const std::string name = LongName(static_cast<size_t>(letter) * 9 + 5, static_cast<char>('a' + letter));
    ASSERT_TRUE(table->AddressFor(name, IpVersion::kV4));
  }
  done.store(true);
  reader.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST_F(FakeTableTest, TicketsAreSharedAndUnique) {
  const auto first = Open();
  const auto second = Open();
  EXPECT_EQ(first->NextTicket(), 0U);
  EXPECT_EQ(second->NextTicket(), 1U);
  EXPECT_EQ(first->NextTicket(), 2U);
}

TEST_F(FakeTableTest, GoesOnWhenItsDirectoryIsRemoved) {
  const auto first = Open();
  const auto second = Open();
  V4(*first, "old.test");
  std::filesystem::remove_all(directory_.path());
  for (int i = 0; i < 1000; ++i) {
    const std::string name = std::to_string(i) + ".test";
    ASSERT_EQ(V4(*first, name), V4(*second, name));
  }
  EXPECT_EQ(V4(*second, "old.test"), "198.18.0.0");
}

}  // namespace
}  // namespace socksify

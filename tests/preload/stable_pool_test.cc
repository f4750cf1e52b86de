// SPDX-License-Identifier: BSD-2-Clause
#include "preload/stable_pool.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace socksify {
namespace {

struct Object {
  Object() { ++made; }
  Object* next_free = nullptr;
  static int made;
};
int Object::made = 0;

TEST(StablePoolTest, MakesObjectsOneByOneAndShowsAllThatWereTaken) {
  static StablePool<Object> pool;
  Object::made = 0;
  std::set<Object*> taken;
  for (int i = 1; i <= 40; ++i) {
    Object* const object = pool.Take();
    ASSERT_NE(object, nullptr);
    EXPECT_TRUE(taken.insert(object).second);
    EXPECT_EQ(Object::made, i);
    std::set<Object*> seen;
    pool.ForEach([&](Object* each) { seen.insert(each); });
    EXPECT_EQ(seen, taken);
  }
}

TEST(StablePoolTest, MakesTheFirstOnesWithinItself) {
  static StablePool<Object, 2> pool;
  const auto is_within = [&](const Object* object) {
    return std::less_equal<const void*>()(&pool, object) && std::less<const void*>()(object, &pool + 1);
  };
  std::set<Object*> taken;
  for (int i = 1; i <= 20; ++i) {
    Object* const object = pool.Take();
    ASSERT_NE(object, nullptr);
    EXPECT_EQ(is_within(object), i <= 2) << i;
    EXPECT_TRUE(taken.insert(object).second);
    std::set<Object*> seen;
    pool.ForEach([&](Object* each) { seen.insert(each); });
    EXPECT_EQ(seen, taken);
  }
}

TEST(StablePoolTest, MakesOneInTheMemoryThatIsProvided) {
  using Pool = StablePool<Object>;
  static Pool pool;
  // More than is provided, so that an object behind it would show.
  alignas(64) static std::byte memory[Pool::kProvidedSize + 8 * sizeof(Object)];
  const auto is_within = [&](const Object* object) {
    return std::less_equal<const void*>()(memory, object) &&
           std::less_equal<const void*>()(object + 1, memory + sizeof memory);
  };
  EXPECT_TRUE(pool.is_without_memory());
  pool.Provide(memory);
  EXPECT_FALSE(pool.is_without_memory());
  std::set<Object*> taken;
  for (int i = 1; i <= 20; ++i) {
    Object* const object = pool.Take();
    ASSERT_NE(object, nullptr);
    EXPECT_EQ(is_within(object), i == 1) << i;
    EXPECT_TRUE(taken.insert(object).second);
    std::set<Object*> seen;
    pool.ForEach([&](Object* each) { seen.insert(each); });
    EXPECT_EQ(seen, taken);
  }
}

TEST(StablePoolTest, TakesWhatWasGivenBackFirst) {
  static StablePool<Object> pool;
  Object* const first = pool.Take();
  Object* const second = pool.Take();
  pool.Give(first);
  Object::made = 0;
  EXPECT_EQ(pool.Take(), first);
  EXPECT_EQ(Object::made, 0);
  Object* const third = pool.Take();
  EXPECT_TRUE(third != first && third != second);
}

}  // namespace
}  // namespace socksify

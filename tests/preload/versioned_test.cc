// SPDX-License-Identifier: BSD-2-Clause
#include "preload/versioned.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace socksify {
namespace {

template <size_t kSize>
void ExpectReadsWhatWasWritten() {
  using Value = std::array<uint8_t, kSize>;
  Versioned<Value> versioned;
  Value got;
  got.fill(1);
  ASSERT_TRUE(versioned.Read(&got));
  EXPECT_EQ(got, Value{}) << kSize << ": zero before the first value";
  Value value;
  for (size_t i = 0; i < kSize; ++i) value[i] = static_cast<uint8_t>(i + 1);
  versioned.Write(value);
  ASSERT_TRUE(versioned.Read(&got));
  EXPECT_EQ(got, value) << kSize;
}

TEST(VersionedTest, ReadsWhatWasWritten) {
  ExpectReadsWhatWasWritten<1>();
  ExpectReadsWhatWasWritten<7>();
  ExpectReadsWhatWasWritten<8>();
  ExpectReadsWhatWasWritten<9>();
  ExpectReadsWhatWasWritten<200>();
}

TEST(VersionedTest, ATouchedValueIsStillThere) {
  Versioned<int> versioned;
  versioned.Write(42);
  versioned.Touch();
  int got = 0;
  ASSERT_TRUE(versioned.Read(&got));
  EXPECT_EQ(got, 42);
}

TEST(VersionedTest, NoReaderSeesHalfAValue) {
  using Value = std::array<uint64_t, 16>;
  Versioned<Value> versioned;
  std::atomic<bool> is_over = false;
  std::atomic<bool> has_seen = false;
  std::thread writer([&] {
    for (uint64_t i = 1; i <= 20'000 || !has_seen; ++i) {
      Value value;
      value.fill(i);
      versioned.Write(value);
      if (i % 16 == 0) versioned.Touch();
    }
    is_over = true;
  });
  uint64_t last = 0;
  do {
    Value got{};
    if (versioned.Read(&got)) {
      for (const uint64_t word : got) ASSERT_EQ(word, got[0]);
      EXPECT_GE(got[0], last);
      last = got[0];
    }
    has_seen = last > 0;
  } while (!is_over);
  writer.join();
}

}  // namespace
}  // namespace socksify

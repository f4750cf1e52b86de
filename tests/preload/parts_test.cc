// SPDX-License-Identifier: BSD-2-Clause
#include "preload/parts.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <random>
#include <vector>

namespace socksify {
namespace {

using Bytes = std::vector<uint8_t>;

// The same bytes in one piece and cut into parts at random, some of them empty, one of those null.
class CutBytes {
 public:
  CutBytes(size_t size, std::mt19937* random) : flat_(size) {
    std::iota(flat_.begin(), flat_.end(), static_cast<uint8_t>((*random)()));
    for (size_t at = 0; at < size;) {
      const size_t count =
          std::min<size_t>((*random)() % 3 == 0 ? (*random)() % 5 : (*random)() % 900, size - at);
      pieces_.emplace_back(flat_.begin() + static_cast<ptrdiff_t>(at),
                           flat_.begin() + static_cast<ptrdiff_t>(at + count));
      at += count;
    }
    parts_.push_back({.iov_base = nullptr, .iov_len = 0});
    for (Bytes& piece : pieces_) parts_.push_back({.iov_base = piece.data(), .iov_len = piece.size()});
  }

  Bytes& flat() { return flat_; }
  std::span<const iovec> parts() const { return parts_; }
  Bytes Joined() const {
    Bytes all;
    for (const Bytes& piece : pieces_) all.insert(all.end(), piece.begin(), piece.end());
    return all;
  }

 private:
  Bytes flat_;
  std::vector<Bytes> pieces_;
  std::vector<iovec> parts_;
};

class PartsTest : public testing::Test {
 protected:
  static constexpr int kRounds = 40;

  size_t Below(size_t limit) { return limit == 0 ? 0 : random_() % limit; }
  Bytes Random(size_t size) {
    Bytes bytes(size);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random_());
    return bytes;
  }

  std::mt19937 random_;  // the same numbers each time
};

TEST(PartsSizeTest, IsTheSumOrTheMost) {
  uint8_t byte = 0;
  const iovec kNothing = {.iov_base = nullptr, .iov_len = 0};
  const iovec kThree = {.iov_base = &byte, .iov_len = 3};
  const iovec kMost = {.iov_base = &byte, .iov_len = SIZE_MAX};
  const iovec kHalf = {.iov_base = &byte, .iov_len = SIZE_MAX / 2 + 1};
  EXPECT_EQ(SizeOf({}), 0U);
  EXPECT_EQ(SizeOf(std::vector{kNothing, kThree, kNothing, kThree}), 6U);
  EXPECT_EQ(SizeOf(std::vector{kMost}), SIZE_MAX);
  EXPECT_EQ(SizeOf(std::vector{kMost, kThree}), SIZE_MAX);
  EXPECT_EQ(SizeOf(std::vector{kHalf, kHalf}), SIZE_MAX) << "it would wrap around to 0";
  EXPECT_EQ(SizeOf(std::vector{kHalf, kHalf, kThree}), SIZE_MAX);
}

TEST_F(PartsTest, CopyOutReadsWhatIsThere) {
  for (int round = 0; round < kRounds; ++round) {
    CutBytes cut(Below(5000), &random_);
    for (int i = 0; i < 20; ++i) {
      const size_t size = cut.flat().size();
      const size_t offset = Below(size + 10);
      Bytes out(Below(size + 10), 0xee);
      Bytes expected = out;
      const size_t count = offset < size ? std::min(out.size(), size - offset) : 0;
      std::copy_n(cut.flat().begin() + static_cast<ptrdiff_t>(std::min(offset, size)), count,
                  expected.begin());
      EXPECT_EQ(CopyOut(cut.parts(), offset, out.data(), out.size()), count);
      EXPECT_EQ(out, expected);
    }
  }
}

TEST_F(PartsTest, GatherTakesAllOrNothing) {
  for (int round = 0; round < kRounds; ++round) {
    CutBytes cut(1 + Below(3000), &random_);
    Bytes out(cut.flat().size() + 1, 0);
    EXPECT_EQ(Gather(cut.parts(), out.data(), out.size()), cut.flat().size());
    EXPECT_EQ(out.back(), 0);
    out.pop_back();
    EXPECT_EQ(out, cut.flat());
    EXPECT_EQ(Gather(cut.parts(), out.data(), out.size()), out.size());
    EXPECT_EQ(Gather(cut.parts(), out.data(), out.size() - 1), std::nullopt);
  }
  Bytes out(10, 0);
  iovec part = {.iov_base = out.data(), .iov_len = SIZE_MAX};
  const iovec many[] = {part, part};
  EXPECT_EQ(Gather(many, out.data(), out.size()), std::nullopt);
}

TEST(PartsNullTest, IsOfTheFirstPageAndHasBytes) {
  const auto at = [](uintptr_t address, size_t size) {
    return iovec{.iov_base = reinterpret_cast<void*>(address), .iov_len = size};
  };
  uint8_t out[8];
  for (const uintptr_t address : {0U, 1U, 4095U}) {
    const iovec parts[] = {at(4096, 0), at(address, 1)};
    EXPECT_TRUE(HasNullPart(parts)) << address;
    EXPECT_EQ(Gather(parts, out, sizeof out), std::nullopt) << address;
  }
  const iovec empty[] = {at(0, 0), at(4096, 0)};
  EXPECT_FALSE(HasNullPart(empty));
  EXPECT_EQ(Gather(empty, out, sizeof out), 0);
  const iovec next[] = {at(4096, 1)};
  EXPECT_FALSE(HasNullPart(next));
}

TEST_F(PartsTest, CopyInDropsWhatDoesNotFit) {
  for (int round = 0; round < kRounds; ++round) {
    CutBytes cut(Below(5000), &random_);
    for (int i = 0; i < 20; ++i) {
      const size_t size = cut.flat().size();
      const size_t offset = Below(size + 10);
      const Bytes in = Random(Below(size + 10));
      const size_t count = offset < size ? std::min(in.size(), size - offset) : 0;
      std::copy_n(in.begin(), count, cut.flat().begin() + static_cast<ptrdiff_t>(std::min(offset, size)));
      CopyIn(cut.parts(), offset, in.data(), in.size());
      EXPECT_EQ(cut.Joined(), cut.flat());
    }
  }
}

// Forward and backward, near enough to overlap and farther than the buffer in between.
TEST_F(PartsTest, MoveWithinIsMemmove) {
  for (int round = 0; round < kRounds; ++round) {
    CutBytes cut(1 + Below(5000), &random_);
    for (int i = 0; i < 20; ++i) {
      const size_t size = cut.flat().size();
      const size_t from = Below(size);
      const size_t reach = random_() % 2 == 0 ? 30 : size;
      const size_t least = from > reach ? from - reach : 0;
      const size_t to = least + Below(std::min(from + reach, size) - least);
      const size_t count = Below(size - std::max(from, to) + 1);
      std::memmove(cut.flat().data() + to, cut.flat().data() + from, count);
      MoveWithin(cut.parts(), from, to, count);
      ASSERT_EQ(cut.Joined(), cut.flat()) << count << " bytes from " << from << " to " << to;
    }
  }
}

TEST_F(PartsTest, ClearWritesZeros) {
  for (int round = 0; round < kRounds; ++round) {
    CutBytes cut(Below(5000), &random_);
    for (int i = 0; i < 5; ++i) {
      const size_t size = cut.flat().size();
      const size_t offset = Below(size + 10);
      const size_t wanted = Below(size / 4 + 10);
      const size_t count = offset < size ? std::min(wanted, size - offset) : 0;
      std::fill_n(cut.flat().begin() + static_cast<ptrdiff_t>(std::min(offset, size)), count, uint8_t{0});
      Clear(cut.parts(), offset, wanted);
      EXPECT_EQ(cut.Joined(), cut.flat());
    }
  }
}

TEST_F(PartsTest, CopyBetweenReadsFromTheOffsetAndWritesFromTheStart) {
  for (int round = 0; round < kRounds; ++round) {
    CutBytes from(Below(5000), &random_);
    CutBytes to(Below(5000), &random_);
    for (int i = 0; i < 5; ++i) {
      const size_t offset = Below(from.flat().size() + 1);
      const size_t count = Below(from.flat().size() - offset + 1);
      std::copy_n(from.flat().begin() + static_cast<ptrdiff_t>(offset), std::min(count, to.flat().size()),
                  to.flat().begin());
      CopyBetween(from.parts(), offset, to.parts(), count);
      EXPECT_EQ(to.Joined(), to.flat());
    }
  }
}

}  // namespace
}  // namespace socksify

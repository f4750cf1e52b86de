// SPDX-License-Identifier: BSD-2-Clause
// What a look-up in the fake table costs: names that are known, addresses, and new names with and without
// room; and what it costs that an address is held.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "resolver/fake_table.h"

namespace socksify {
namespace {

// A table in a directory of its own, on tmpfs where there is one, as in use.
class BenchTable {
 public:
  explicit BenchTable(unsigned v4_bits = 15) {
    std::string pattern =
        std::filesystem::exists("/dev/shm") ? "/dev/shm/fake-table-XXXXXX" : "/tmp/fake-table-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) return;
    directory_ = pattern;
    auto table = FakeTable::Open(directory_, {.v4 = IpAddress::V4(0xc6120000),
                                              .v4_bits = v4_bits,
                                              .v6 = *IpAddress::Parse("100::"),
                                              .v6_bits = 96});
    if (table) table_ = std::move(*table);
  }
  ~BenchTable() {
    std::error_code ignored;
    if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
  }
  BenchTable(const BenchTable&) = delete;
  BenchTable& operator=(const BenchTable&) = delete;

  FakeTable* operator->() { return table_.get(); }
  bool valid() const { return table_ != nullptr; }
  const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
  std::unique_ptr<FakeTable> table_;
};

std::string Name(uint64_t i) {
  return "host-" + std::to_string(i) + ".region.example.com";
}

// Enters `count` names.
void Fill(BenchTable& table, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) benchmark::DoNotOptimize(table->AddressFor(Name(i), IpVersion::kV4));
}

// All numbers below `count`, again and again in an order that looks random and takes no memory: what a cache
// has is the table's.
class Order {
 public:
  explicit Order(uint32_t count) : count_(count), mask_(std::bit_ceil(count) - 1) {}

  uint32_t Next() {
    // Each is a permutation of the numbers up to `mask_`: a linear congruential generator of full period
    // (Knuth, The Art of Computer Programming, 3.2.1.2, theorem A), and what mixes its low bits.
    uint32_t number = 0;
    do {
      state_ = (state_ * 1'664'525 + 1'013'904'223) & mask_;
      number = state_ ^ state_ >> (std::bit_width(mask_) + 1) / 2;
      number = number * 0x9e37'79b1 & mask_;
      number ^= number >> (std::bit_width(mask_) + 1) / 2;
    } while (number >= count_);
    return number;
  }

 private:
  uint32_t count_;
  uint32_t mask_;
  uint32_t state_ = 0;
};

// Of a table of so many names so many, from all over it, one after the other in random order. A program that
// asks for a name has just made or read it, so these are written right before they are asked for, and that is
// no part of the time.
void KnownName(benchmark::State& state) {
  BenchTable table;
  if (!table.valid()) return state.SkipWithError("no table");
  const auto names_there = static_cast<uint32_t>(state.range(0));
  const auto count = static_cast<uint32_t>(state.range(1));
  Fill(table, names_there);
  Order order(count);
  std::vector<std::string> names(64);
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(names.size()))) {
    for (std::string& name : names) name = Name(uint64_t{order.Next()} * (names_there / count));
    const auto begin = std::chrono::steady_clock::now();
    for (const std::string& name : names) benchmark::DoNotOptimize(table->AddressFor(name, IpVersion::kV4));
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    state.SetIterationTime(taken.count());
  }
}
BENCHMARK(KnownName)
    ->UseManualTime()
    ->Args({1, 1})
    ->Args({100, 100})
    ->Args({10'000, 10'000})
    ->Args({65'536, 65'536})
    ->Args({FakeTable::kMaxNames, 100})
    ->Args({FakeTable::kMaxNames, 10'000})
    ->Args({FakeTable::kMaxNames, FakeTable::kMaxNames});

// One load after the other, each from where the last one says, all over so many KiB: what this machine asks
// for a wait. A look-up waits for two, one in the index and one for the slot, which of a full table are 3,072
// KiB; with the names they would be 9,216.
void Load(benchmark::State& state) {
  struct alignas(64) Line {
    uint32_t next;
  };
  std::vector<Line> lines(static_cast<size_t>(state.range(0)) * 1024 / sizeof(Line));
  std::vector<uint32_t> order(lines.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::shuffle(order, std::mt19937(1));
  for (size_t i = 0; i < order.size(); ++i) lines[order[i]].next = order[(i + 1) % order.size()];
  uint32_t here = 0;
  for (auto _ : state) here = lines[here].next;
  benchmark::DoNotOptimize(here);
}
BENCHMARK(Load)->Arg(16)->Arg(3'072)->Arg(9'216);

void NameOfAddress(benchmark::State& state) {
  BenchTable table;
  if (!table.valid()) return state.SkipWithError("no table");
  const auto count = static_cast<uint32_t>(state.range(0));
  Fill(table, count);
  uint32_t slot = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table->NameFor(IpAddress::V4(0xc6120000 + slot), 80));
    slot = (slot + 7919) % count;
  }
}
BENCHMARK(NameOfAddress)->Arg(100)->Arg(FakeTable::kMaxNames);

void NewName(benchmark::State& state) {
  BenchTable table;
  if (!table.valid()) return state.SkipWithError("no table");
  uint64_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(table->AddressFor(Name(i++), IpVersion::kV4));
}
BENCHMARK(NewName)->Iterations(100'000);

void NewNameWhenFull(benchmark::State& state) {
  BenchTable table;
  if (!table.valid()) return state.SkipWithError("no table");
  Fill(table, FakeTable::kMaxNames);
  uint64_t i = FakeTable::kMaxNames;
  for (auto _ : state) benchmark::DoNotOptimize(table->AddressFor(Name(i++), IpVersion::kV4));
}
BENCHMARK(NewNameWhenFull);

// With 10,000 addresses that this process holds, old and new ones among each other.
void NewNameWhenFullAndHeld(benchmark::State& state) {
  BenchTable table;
  if (!table.valid()) return state.SkipWithError("no table");
  Fill(table, FakeTable::kMaxNames);
  uint64_t i = FakeTable::kMaxNames;
  for (uint32_t held = 0; held < 10'000; ++held) table->Hold(IpAddress::V4(0xc6120000 + held * 13));
  for (auto _ : state) benchmark::DoNotOptimize(table->AddressFor(Name(i++), IpVersion::kV4));
}
BENCHMARK(NewNameWhenFullAndHeld);

// The first connection to a name and the end of the last one.
void HoldAndRelease(benchmark::State& state) {
  BenchTable table;
  if (!table.valid()) return state.SkipWithError("no table");
  uint32_t slot = 0;
  for (auto _ : state) {
    const IpAddress address = IpAddress::V4(0xc6120000 + slot);
    table->Hold(address);
    table->Release(address);
    slot = (slot + 7919) % FakeTable::kMaxNames;
  }
}
BENCHMARK(HoldAndRelease);

void Open(benchmark::State& state) {
  const BenchTable table;
  if (!table.valid()) return state.SkipWithError("no table");
  const FakeRange range{.v4 = IpAddress::V4(0xc6120000), .v6 = *IpAddress::Parse("100::")};
  for (auto _ : state) benchmark::DoNotOptimize(FakeTable::Open(table.directory(), range));
}
BENCHMARK(Open);

}  // namespace
}  // namespace socksify

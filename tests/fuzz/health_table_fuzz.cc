// SPDX-License-Identifier: BSD-2-Clause
// A health file of any content, then look-ups, notes and a listing. The input is laid over a valid table with
// a few entries: its first two bytes choose the offset in units of 8, beginning with the header, the entry of
// "server" or the whole file, so that single words of an entry that is found are met.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/unique_fd.h"
#include "resolver/health_table.h"
#include "tests/fuzz/fuzz_directory.h"

namespace socksify {
namespace {

constexpr int64_t kNowMs = 1'000'000;
constexpr HealthPolicy kPolicy{.max_fail = 2, .bad_expire_s = 300, .probe_ms = 30'000};
constexpr size_t kHeader = sizeof(HealthTableHeader);

// Whatever the words of the entry say, notes bring it to where they should.
void ExerciseEntry(HealthEntry* entry) {
  using Admission = HealthEntry::Admission;
  Check(entry != nullptr);
  entry->IsSuspect(kNowMs);
  const bool was_bad = entry->IsBad(kPolicy, kNowMs);
  Check((entry->Admit(kPolicy, kNowMs) == Admission::kBad) == was_bad);
  entry->NextTurn();
  entry->NoteWaiting(kNowMs);
  Check(entry->IsSuspect(kNowMs));
  entry->NoteSuccess(kNowMs, 10);
  Check(!entry->IsSuspect(kNowMs) && entry->Admit(kPolicy, kNowMs) == Admission::kGood);
  entry->NoteFailure(kNowMs, EIO);
  Check(entry->Admit(kPolicy, kNowMs) == Admission::kGood);
  entry->NoteFailure(kNowMs, EIO);
  Check(entry->Admit(kPolicy, kNowMs) == Admission::kBad);
  Check(entry->Admit(kPolicy, kNowMs + 300'000) == Admission::kProbe);
  Check(entry->Admit(kPolicy, kNowMs + 300'000) == Admission::kBad);
  entry->NoteSuccess(kNowMs, 0);
  Check(entry->Admit(kPolicy, kNowMs) == Admission::kGood);
}

void Exercise(HealthTable& table) {
  for (const HealthReport& report : table.List()) {
    Check(report.key.size() <= HealthTable::kMaxKeySize);
    report.IsBad(kPolicy, kNowMs);
    report.IsSuspect(kNowMs);
  }
  ExerciseEntry(table.Find("server", kNowMs));
  for (size_t i = 0; i < 64; ++i) {
    const std::string key(i * 2, static_cast<char>('a' + i % 26));
    HealthEntry* const entry = table.Find(key, kNowMs);
    ExerciseEntry(entry);
    Check(table.Find(key, kNowMs) == entry);
    // Listing takes longer than all the rest.
    if (i % 16 != 15) continue;
    const auto reports = table.List();
    Check(std::ranges::any_of(reports, [&](const HealthReport& report) {
      return key.starts_with(report.key) && report.is_key_cut == (key.size() > HealthTable::kMaxKeySize);
    }));
  }
  Check(table.Clear() <= HealthTable::kCapacity);
  Check(table.List().empty() && table.Clear() == 0);
}

}  // namespace
}  // namespace socksify

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace socksify;
  static const FuzzDirectory directory("health-table-fuzz");
  static const std::string path = HealthTable::PathIn(directory.path());
  if (size < 2) return 0;
  unlink(path.c_str());
  {
    auto table = HealthTable::Open(directory.path());
    Check(table.has_value());
    for (const char* key : {"server", "socks5 10.0.3.1:1080", "http proxy.example.test:3128"}) {
      HealthEntry* const entry = (*table)->Find(key, kNowMs);
      entry->NoteSuccess(kNowMs, 100);
      entry->NoteFailure(kNowMs, ECONNREFUSED);
    }
  }
  static const size_t entry = kHeader + HealthTable::HomeOf("server") * sizeof(HealthEntry);
  const size_t begins[] = {0, kHeader, entry, entry};
  const size_t offset =
      (begins[data[0] % 4] + (data[0] / 4 | size_t{data[1]} << 6) * 8) % HealthTable::kMemorySize;
  size = std::min(size - 2, HealthTable::kMemorySize - offset);
  {
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    Check(pwrite(fd.get(), data + 2, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size));
  }
  // A reader refuses what a writer replaces.
  if (auto existing = HealthTable::OpenExisting(directory.path()); existing) (*existing)->List();
  auto table = HealthTable::Open(directory.path());
  Check(table.has_value());
  Exercise(**table);
  return 0;
}

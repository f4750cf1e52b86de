// SPDX-License-Identifier: BSD-2-Clause
//
// A record, from the highest bit: 25 bits of the second since boot, 22 of the process, 17 of the slot. A
// process is never 0, so neither is a record.
#include "resolver/fake_table_holds.h"

#include "resolver/process_life.h"

namespace socksify {
namespace {

constexpr uint32_t kSinceMask = (1U << FakeTableHolds::kSinceBits) - 1;

constexpr uint64_t KeyOf(uint32_t slot, uint32_t pid) {
  return uint64_t{pid} << FakeTableHolds::kSlotBits | slot;
}
constexpr uint64_t KeyOf(uint64_t record) {
  return record & ((uint64_t{1} << (FakeTableHolds::kSlotBits + FakeTableHolds::kPidBits)) - 1);
}
constexpr uint32_t SlotOf(uint64_t record) {
  return static_cast<uint32_t>(record & ((1U << FakeTableHolds::kSlotBits) - 1));
}
constexpr uint32_t PidOf(uint64_t record) {
  return static_cast<uint32_t>(KeyOf(record) >> FakeTableHolds::kSlotBits);
}
constexpr uint32_t SinceOf(uint64_t record) {
  return static_cast<uint32_t>(record >> (FakeTableHolds::kSlotBits + FakeTableHolds::kPidBits));
}

}  // namespace

bool HolderCheck::Runs(uint32_t pid, uint32_t since_s) {
  if (pid == 0) return false;
  if (pid != pid_) {
    pid_ = pid;
    is_dead_ = IsDead(pid);
    start_s_ = is_dead_ ? std::nullopt : StartOfProcess(pid);
  }
  if (is_dead_) return false;
  if (!start_s_) return true;
  // The record has lost the upper bits of its time. One that looks older than half of what is left, 194 days,
  // may be of a clock that is a little ahead.
  const int64_t now_s = SecondsSinceBoot();
  const uint32_t age_s = (static_cast<uint32_t>(now_s) - since_s) & kSinceMask;
  return age_s > kSinceMask / 2 || now_s - int64_t{age_s} >= *start_s_;
}

bool FakeTableHolds::Add(uint32_t slot, uint32_t pid, int64_t now_s) {
  const uint64_t key = KeyOf(slot, pid);
  const uint64_t since = static_cast<uint32_t>(now_s) & kSinceMask;
  const uint64_t record = since << (kSlotBits + kPidBits) | key;
  FakeTableHold* free = nullptr;
  for (uint32_t i = 0; i < kWindow; ++i) {
    FakeTableHold& entry = Entry(slot, i);
    uint64_t found = entry.load();
    // One that a process with our id left behind becomes ours.
    if (KeyOf(found) == key && (found == record || entry.compare_exchange_strong(found, record))) return true;
    if (found == 0 && free == nullptr) free = &entry;
  }
  uint64_t none = 0;
  if (free != nullptr && free->compare_exchange_strong(none, record)) return true;
  // Full, or others were faster: in the place of whatever has come to be free or belongs to a process that
  // has ended.
  for (uint32_t i = 0; i < kWindow; ++i) {
    FakeTableHold& entry = Entry(slot, i);
    uint64_t found = entry.load();
    if (found != 0 && !IsDead(PidOf(found))) continue;
    if (entry.compare_exchange_strong(found, record)) return true;
  }
  return false;
}

void FakeTableHolds::Remove(uint32_t slot, uint32_t pid) {
  const uint64_t key = KeyOf(slot, pid);
  for (uint32_t i = 0; i < kWindow; ++i) {
    FakeTableHold& entry = Entry(slot, i);
    uint64_t found = entry.load();
    if (KeyOf(found) == key) entry.compare_exchange_strong(found, 0);
  }
}

bool FakeTableHolds::IsHeld(uint32_t slot, HolderCheck* check) const {
  for (uint32_t i = 0; i < kWindow; ++i) {
    FakeTableHold& entry = Entry(slot, i);
    uint64_t found = entry.load();
    if (found == 0 || SlotOf(found) != slot) continue;
    if (check->Runs(PidOf(found), SinceOf(found))) return true;
    entry.compare_exchange_strong(found, 0);
  }
  return false;
}

}  // namespace socksify

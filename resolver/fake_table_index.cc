// SPDX-License-Identifier: BSD-2-Clause
//
// Who moves entries says so first and then looks at the index; who adds one does so first and then looks
// whether somebody says so (see fake_table_store.cc). Hence the sequentially consistent loads.
#include "resolver/fake_table_index.h"

namespace socksify {

bool FakeTableIndex::Insert(uint32_t hash, uint32_t slot) {
  return FindOrInsert(hash, slot, [](uint32_t) { return false; }).has_value();
}

void FakeTableIndex::Erase(uint32_t hash, uint32_t slot, const FakeTableSteps& step) {
  const uint64_t wanted = EntryOf(hash, slot);
  uint32_t gap = 0;
  for (uint32_t i = 0;; ++i) {
    if (i > mask_) return;
    gap = (hash + i) & mask_;
    const uint64_t entry = entries_[gap].load();
    if (entry == wanted) break;
    if (entry == 0) return;
  }
  // An entry may move back to the gap when its walk begins at or before it.
  for (uint32_t i = 1, start = gap; i <= mask_; ++i) {
    const uint32_t here = (start + i) & mask_;
    const uint64_t entry = entries_[here].load();
    if (entry == 0) break;
    const uint32_t walked = (here - HashOf(entry)) & mask_;
    if (walked < ((here - gap) & mask_)) continue;
    entries_[gap].store(entry, std::memory_order_release);
    step();
    gap = here;
  }
  entries_[gap].store(0, std::memory_order_release);
}

void FakeTableIndex::Clear(const FakeTableSteps& step) {
  for (uint32_t i = 0; i <= mask_; ++i) {
    if (entries_[i].load() == 0) continue;
    entries_[i].store(0, std::memory_order_release);
    step();
  }
}

void FakeTableIndex::CopyTo(FakeTableIndex* larger, const FakeTableSteps& step) const {
  for (uint32_t i = 0; i <= mask_; ++i) {
    const uint64_t entry = entries_[i].load();
    if (entry == 0) continue;
    larger->Insert(HashOf(entry), SlotOf(entry));
    step();
  }
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
//
// Who moves entries says so first and then looks at the index; who adds one does so first and then looks
// whether somebody says so (see fake_table_store.cc). Hence the sequentially consistent loads.
#include "resolver/fake_table_index.h"

namespace socksify {

bool FakeTableIndex::Insert(uint32_t hash, uint32_t slot) {
  return FindOrInsert(hash, slot, [](uint32_t) { return false; }).has_value();
}

std::optional<uint32_t> FakeTableIndex::PlaceOf(uint32_t hash, uint32_t slot) const {
  const uint32_t wanted = EntryOf(hash, slot);
  for (uint32_t i = 0; i <= mask_; ++i) {
    const uint32_t entry = entries_[(hash + i) & mask_].load();
    if (entry == wanted) return (hash + i) & mask_;
    if (entry == 0) break;
  }
  return std::nullopt;
}

void FakeTableIndex::Clear(const FakeTableSteps& step) {
  for (uint32_t i = 0; i <= mask_; ++i) {
    if (entries_[i].load() == 0) continue;
    entries_[i].store(0, std::memory_order_release);
    step();
  }
}

}  // namespace socksify

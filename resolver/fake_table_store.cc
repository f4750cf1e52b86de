// SPDX-License-Identifier: BSD-2-Clause
//
// A new name needs no lock as long as there are slots that nobody has used:
//
//     used + 1                the slot is ours
//     words, the size first   each from zero by a compare-exchange
//     check                   likewise, with sequence 0: the slot is hidden
//     index: name in          of two who enter a name at the same time, one meets the other's entry here
//     nobody moves entries?   else nobody may have seen the name: take the lock to see to it
//     stamp
//     sequence 0 -> 2         readers are told the address
//     nobody moves entries?   else take the lock to see where it is
//
// Killed before the index has it, a writer leaves a slot that nobody sees, whose stamp makes it the first to
// be recycled. After that, whoever asks for the name finds a hidden slot, takes the lock, and shows it. Who
// recycles or clears a slot of sequence 0 makes it odd, in the word that has the check as well; its writer,
// if it lives, finds that out when he comes to it, begins anew, and has written nothing over the words of
// another name, since these are not zero.
//
// All else happens under the lock: what moves or removes entries of the index, and what recycles slots. A
// writer announces the slot in `operation` before he changes anything, or looks whether there is anything to
// change; in the end he counts `moves`, unless he has changed nothing, and clears `operation`. The next
// writer under the lock that finds it set repairs. Both sides first store and then load, in the single total
// order of sequentially consistent operations: either the one without the lock sees the announcement, and
// does not show his slot, or the one under it sees the entry, and takes it along. So no address is told that
// is not in the index afterwards, and no name is told two: what is entered in the index after the announced
// writer has looked for the name stays hidden, and is taken out when he enters the name himself.
//
//     recycled slot
//     -------------
//     operation = any slot
//     index: no such name?                       else done
//     the slot with the oldest stamp
//     operation = slot
//     sequence odd                               readers turn away
//     stamp as it was?                           else a reader came first: undo, and look for another
//     operation |= kOverwriting
//     index: old name out
//     words, stamp
//     check, sequence even
//     index: new name in
//     moves + 1, operation = 0
//
// An odd sequence without kOverwriting is a slot whose old name is whole: the repair keeps it. With it the
// slot is half written: nobody was ever told its new name, and it becomes an empty slot, the first to be
// recycled. A slot with an even sequence is complete, and others may have been told of it: it stays. The
// index is then built anew from the slots that are shown; those that are hidden lose their check before, so
// that their writers, who may be about to show them, have to take the lock. All stores of a writer have
// release order, so they take effect in the order of the program.
//
// To clear the table is to take the check of each slot away, one store each, and then the words; the index is
// emptied last. Stamps stay, so a program that still has the address of a removed name meets no other name
// under it before the table has gone round, but none at all.
//
// A name that was found, stamped, and is still there was not recycled in between: the reader stores the stamp
// and then loads the sequence, the writer stores the sequence and then loads the stamp, all in the single
// total order of sequentially consistent operations, so one of them sees the other and yields.
#include "resolver/fake_table_store.h"

#include <algorithm>
#include <bit>

namespace socksify {
namespace {

// How often a reader looks again at a slot that is being changed. A writer that needs longer has lost its
// processor or its life; the name that it takes away is going anyway, and the one it brings nobody knows yet.
constexpr int kReadAttempts = 64;

}  // namespace

FakeTableStore::FakeTableStore(std::byte* memory, const FakeTableLayout& layout)
    : layout_(layout),
      header_(reinterpret_cast<FakeTableHeader*>(memory)),
      digester_(header_->hash_seed),
      runs_(reinterpret_cast<FakeTableRun*>(memory + FakeTableLayout::RunsOffset())),
      levels_(reinterpret_cast<FakeTableIndexEntry*>(memory + FakeTableLayout::IndexOffset())),
      holds_(reinterpret_cast<FakeTableHold*>(memory + layout.HoldsOffset()), layout.hold_entries()),
      slots_(reinterpret_cast<FakeTableSlot*>(memory + layout.SlotsOffset())),
      names_(reinterpret_cast<FakeTableName*>(memory + layout.NamesOffset())),
      tails_(reinterpret_cast<FakeTableTail*>(memory + layout.TailsOffset())) {}

uint32_t FakeTableStore::used() const {
  return std::min(header_->used.load(), capacity());
}

uint32_t FakeTableStore::index_size() const {
  const uint32_t size = header_->index_size.load();
  return layout_.IsLevel(size) ? size : layout_.first_level();
}

bool FakeTableStore::ChangeState(uint32_t slot, FakeSlotState* expected, FakeSlotState state) const {
  uint64_t bits = expected->bits();
  const bool is_changed = slots_[slot].state.compare_exchange_strong(bits, state.bits());
  *expected = FakeSlotState(bits);
  return is_changed;
}

bool FakeTableStore::Matches(uint32_t slot, const FakeDigest& digest, FakeSlotState* state) const {
  if (slot >= used()) return false;
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    *state = StateOf(slot);
    if (!state->is_changing()) return state->check() == digest.check;
  }
  return false;
}

void FakeTableStore::Copy(uint32_t slot, FakeKey* key) const {
  key->words[0] = Word(slot, 0).load(std::memory_order_acquire);
  for (size_t i = 1; i < key->word_count(); ++i)
    key->words[i] = Word(slot, i).load(std::memory_order_acquire);
}

bool FakeTableStore::Read(uint32_t slot, FakeKey* key) const {
  if (slot >= used()) return false;
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    const FakeSlotState state = StateOf(slot);
    if (state.is_fresh()) return false;
    if (state.is_changing()) continue;
    if (state.check() == 0) return false;
    Copy(slot, key);
    FakeSlotState now = FakeSlotState(slots_[slot].state.load(std::memory_order_relaxed));
    if (now != state) continue;
    if (key->size() != 0 && DigestOf(*key).check == state.check()) return true;
    // Damage. Who asks for the name the next time enters it anew.
    ChangeState(slot, &now, state.ChangedTo(0));
    return false;
  }
  return false;
}

// Under the lock. Whatever the sequence is: the words of a slot that is in the index are whole, or a writer
// was killed, and the index is going to be built anew.
std::optional<uint32_t> FakeTableStore::HashInSlot(uint32_t slot) const {
  if (slot >= used() || StateOf(slot).check() == 0) return std::nullopt;
  FakeKey key;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by Copy.
  Copy(slot, &key);
  if (key.size() == 0) return std::nullopt;
  return DigestOf(key).hash;
}

void FakeTableStore::Erase(uint32_t hash, uint32_t slot) {
  Index().Erase(hash, slot, [this](uint32_t other) { return HashInSlot(other); }, step_);
}

uint64_t FakeTableStore::Use(uint32_t slot) const {
  // The most recently used stays so; this spares processes that ask for one name the shared counter.
  uint64_t stamp = slots_[slot].stamp.load(std::memory_order_relaxed);
  if (stamp == header_->clock.load(std::memory_order_relaxed)) return stamp;
  const uint64_t now = header_->clock.fetch_add(1) + 1;
  while (!slots_[slot].stamp.compare_exchange_strong(stamp, now)) {
    // Others have used it later.
    if (stamp > now) return stamp;
  }
  return now;
}

std::optional<uint32_t> FakeTableStore::FindShown(const FakeDigest& digest, FakeSlotState* state) const {
  return Index().Find(digest.hash,
                      [&](uint32_t slot) { return Matches(slot, digest, state) && !state->is_fresh(); });
}

// A slot that is shown comes first: it is the one that has been told.
std::optional<uint32_t> FakeTableStore::Find(const FakeDigest& digest, FakeSlotState* state) const {
  if (const std::optional<uint32_t> shown = FindShown(digest, state)) return shown;
  return Index().Find(digest.hash, [&](uint32_t slot) { return Matches(slot, digest, state); });
}

std::optional<uint32_t> FakeTableStore::FindAndUse(const FakeDigest& digest) const {
  FakeSlotState state;
  const std::optional<uint32_t> slot = FindShown(digest, &state);
  if (!slot) return std::nullopt;
  Use(*slot);
  if (StateOf(*slot) != state) return std::nullopt;
  return slot;
}

bool FakeTableStore::IsUnmovedSince(uint32_t moves) const {
  return header_->operation.load() == 0 && header_->moves.load() == moves;
}

bool FakeTableStore::Show(uint32_t slot, const FakeDigest& digest) const {
  FakeSlotState hidden(0, digest.check);
  return ChangeState(slot, &hidden, hidden.ChangedTo(digest.check));
}

std::optional<uint32_t> FakeTableStore::TakeFresh() {
  uint32_t slot = header_->used.load(std::memory_order_relaxed);
  for (;;) {
    if (slot >= std::min(header_->allocated.load(std::memory_order_acquire), capacity())) return std::nullopt;
    if (header_->used.compare_exchange_weak(slot, slot + 1)) return slot;
  }
}

// False when the slot is not what it should be, or has been taken away.
bool FakeTableStore::WriteFresh(uint32_t slot, const FakeKey& key, const FakeDigest& digest) {
  for (size_t i = 0; i < key.word_count(); ++i) {
    uint64_t zero = 0;
    if (!StateOf(slot).is_fresh()) return false;
    if (!Word(slot, i).compare_exchange_strong(zero, key.words[i])) return false;
    step_();
  }
  FakeSlotState none;
  const bool is_hidden = ChangeState(slot, &none, {0, digest.check});
  step_();
  return is_hidden;
}

std::optional<uint32_t> FakeTableStore::EnterFresh(const FakeKey& key, const FakeDigest& digest,
                                                   std::optional<uint32_t>* begun) {
  const uint32_t moves = header_->moves.load();
  if (header_->operation.load() != 0) return std::nullopt;
  FakeSlotState state;
  // Hidden, or the work of a moment.
  if (Find(digest, &state)) return FindAndUse(digest);
  *begun = TakeFresh();
  if (!*begun) return std::nullopt;
  const uint32_t slot = **begun;
  step_();
  if (!WriteFresh(slot, key, digest)) return std::nullopt;
  const std::optional<uint32_t> entered =
      Index().FindOrInsert(digest.hash, slot, [&](uint32_t other) { return Matches(other, digest, &state); });
  step_();
  if (!IsUnmovedSince(moves)) return std::nullopt;
  if (entered != slot) return FindAndUse(digest);
  Use(slot);
  step_();
  const bool is_shown = Show(slot, digest);
  step_();
  if (!IsUnmovedSince(moves)) return std::nullopt;
  return is_shown ? entered : FindAndUse(digest);
}

std::expected<uint32_t, int> FakeTableStore::Enter(const FakeKey& key, const FakeDigest& digest,
                                                   std::optional<uint32_t> begun, Allocator* allocator) {
  if (header_->operation.load(std::memory_order_acquire) != 0) Repair();
  if (const std::optional<uint32_t> known = FindOrFinish(digest, begun)) return *known;
  while (used() < capacity()) {
    if (const int error = MakeRoom(allocator); error != 0) return std::unexpected(error);
    if (const std::optional<uint32_t> fresh = EnterFresh(key, digest, &begun)) return *fresh;
    // Another may have taken all the room; but what is begun and cannot be finished is damaged.
    if (begun) break;
    // Or one has entered the name, and not shown it.
    if (const std::optional<uint32_t> known = FindOrFinish(digest, begun)) return *known;
  }

  return Recycle(key, digest);
}

// The slot of a name that is there, or that was begun without the lock and met somebody under it. Where
// another has come first, what was begun stays hidden.
std::optional<uint32_t> FakeTableStore::FindOrFinish(const FakeDigest& digest,
                                                     std::optional<uint32_t> begun) {
  BeginOperation(begun.value_or(0));
  const std::optional<uint32_t> known = FindAnnounced(digest);
  FakeSlotState state;
  const bool is_ours = begun && Matches(*begun, digest, &state);
  if (!begun || (is_ours && known)) {
    WithdrawOperation();
    return known;
  }
  if (is_ours) {
    Show(*begun, digest);
    Use(*begun);
    step_();
    InsertAnnounced(*begun, digest);
  } else {
    Erase(digest.hash, *begun);
    step_();
    // It may have been the entry of the name that has the slot now.
    FakeKey other;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by Read.
    const bool is_others = Read(*begun, &other);
    if (is_others) InsertShown(*begun, DigestOf(other));
    // A word may have been written when the slot was gone already.
    Wipe(*begun, is_others ? other.word_count() : 0, FakeKey::kWords);
  }
  EndOperation();
  return is_ours ? begun : known;
}

// With an operation announced: the slot that stands for the name, shown and used. Nobody who enters the name
// from now on without the lock will show it.
std::optional<uint32_t> FakeTableStore::FindAnnounced(const FakeDigest& digest) const {
  FakeSlotState state;
  const std::optional<uint32_t> slot = Find(digest, &state);
  if (!slot) return std::nullopt;
  Show(*slot, digest);
  Use(*slot);
  step_();
  return slot;
}

// Of what concerns no single slot, with any: each is whole, so that a repair only builds the index anew.
void FakeTableStore::BeginOperation(uint32_t slot, uint32_t flags) {
  header_->operation.store((slot + 1) | flags);
  step_();
}

void FakeTableStore::EndOperation() {
  header_->moves.fetch_add(1);
  step_();
  header_->operation.store(0);
  step_();
}

// Of who has moved no entry.
void FakeTableStore::WithdrawOperation() {
  header_->operation.store(0);
  step_();
}

// `slot` stands for a name that FindAnnounced() has not found.
void FakeTableStore::InsertAnnounced(uint32_t slot, const FakeDigest& digest) {
  if (!InsertShown(slot, digest)) RebuildIndex();
  step_();
}

uint32_t FakeTableStore::Clear() {
  if (header_->operation.load(std::memory_order_acquire) != 0) Repair();
  BeginOperation(0);
  uint32_t removed = 0;
  for (uint32_t slot = 0; slot < used(); ++slot) {
    if (ClearSlot(slot)) ++removed;
  }
  BeginOperation(0);
  Index().Clear(step_);
  EndOperation();
  return removed;
}

// Whether the slot stood for a name.
bool FakeTableStore::ClearSlot(uint32_t slot) {
  FakeSlotState state = StateOf(slot);
  BeginOperation(slot, state.is_fresh() ? FakeTableHeader::kOverwriting : 0);
  // What somebody has begun and not finished.
  bool is_begun = false;
  while (state.is_fresh() && !is_begun) is_begun = ChangeState(slot, &state, state.Changing());
  step_();
  const bool has_name = !is_begun && state.check() != 0;
  // A reader who began before meets another state.
  if (is_begun || has_name) SetState(slot, state.ChangedTo(0));
  step_();
  FakeKey key;  // NOLINT(cppcoreguidelines-pro-type-member-init): only the size is read.
  key.words[0] = Word(slot, 0).load(std::memory_order_relaxed);
  Wipe(slot, 0, key.word_count());
  return has_name;
}

// Words of no name, the first last: it says, for as long as it is there, how many there are.
void FakeTableStore::Wipe(uint32_t slot, size_t begin, size_t end) {
  while (end-- > begin) {
    if (Word(slot, end).load(std::memory_order_relaxed) == 0) continue;
    Word(slot, end).store(0, std::memory_order_release);
    step_();
  }
}

int FakeTableStore::MakeRoom(Allocator* allocator) {
  const uint32_t allocated = header_->allocated.load(std::memory_order_relaxed);
  if (used() < allocated) return 0;
  const uint32_t end = std::min(allocated + FakeTableLayout::kRun, capacity());
  // No more than half of the entries are ever in use.
  const uint32_t level = std::max(index_size(), std::bit_ceil(end) * 2);
  const size_t slots = layout_.SlotsOffset();
  const size_t names = layout_.NamesOffset();
  const size_t tails = layout_.TailsOffset();
  const FakeTableExtent extents[] = {
      {FakeTableLayout::LevelEnd(index_size()), FakeTableLayout::LevelEnd(level)},
      {slots + FakeTableLayout::SlotPages(allocated), slots + FakeTableLayout::SlotPages(end)},
      {names + FakeTableLayout::NamePages(allocated), names + FakeTableLayout::NamePages(end)},
      {tails + FakeTableLayout::TailPages(allocated), tails + FakeTableLayout::TailPages(end)}};
  if (const int error = allocator->Allocate(extents); error != 0) return error;
  step_();
  if (level != index_size()) GrowIndex(level);
  runs_[allocated / FakeTableLayout::kRun].oldest.store(header_->clock.load());
  header_->allocated.store(end, std::memory_order_release);
  step_();
  return 0;
}

// Who looks for a name meanwhile finds it in the old level. What is entered there from now on is not shown.
void FakeTableStore::GrowIndex(uint32_t size) {
  BeginOperation(0);
  FakeTableIndex grown = Index(size);
  grown.Clear(step_);
  Index().CopyTo(&grown, [this](uint32_t slot) { return HashInSlot(slot); }, step_);
  header_->index_size.store(size);
  step_();
  EndOperation();
}

uint32_t FakeTableStore::CountNames() const {
  uint32_t names = 0;
  FakeKey key;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by Read.
  for (uint32_t slot = 0; slot < used(); ++slot) names += Read(slot, &key) ? 1 : 0;
  return names;
}

void FakeTableStore::Repair() {
  const uint32_t operation = header_->operation.load(std::memory_order_relaxed);
  const uint32_t slot = (operation & ~FakeTableHeader::kOverwriting) - 1;
  if (slot < used()) {
    const FakeSlotState state = StateOf(slot);
    if (state.is_changing()) {
      if ((operation & FakeTableHeader::kOverwriting) != 0) {
        Discard(slot);
      } else {
        SetState(slot, state.Unchanged());
      }
    }
    step_();
  }
  RebuildIndex();
  EndOperation();
}

void FakeTableStore::RebuildIndex() {
  DropHidden();
  Index().Clear(step_);
  FakeKey key;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by Read.
  const uint32_t end = used();
  for (uint32_t slot = 0; slot < end; ++slot) {
    if (!Read(slot, &key)) continue;
    InsertShown(slot, DigestOf(key));
    step_();
  }
}

// Nobody has been told of what is hidden. Its writer may be about to show it, and would put a second address
// beside one that was entered while the index was not whole; so he is to ask under the lock.
void FakeTableStore::DropHidden() {
  const uint32_t end = used();
  for (uint32_t slot = 0; slot < end; ++slot) {
    FakeSlotState state = StateOf(slot);
    if (!state.is_fresh() || state.check() == 0) continue;
    if (ChangeState(slot, &state, state.ChangedTo(0))) MakeOldest(slot);
    step_();
  }
}

// Sees to it that the name in `slot` is found there; false when the index has no room. What is hidden was
// entered a moment ago, by one who has not shown it, and will ask under the lock. A table that was damaged
// may hold a name twice. Both addresses stand for it; the first is given out.
bool FakeTableStore::InsertShown(uint32_t slot, const FakeDigest& digest) {
  for (;;) {
    FakeSlotState state;
    const std::optional<uint32_t> first = Find(digest, &state);
    if (!first) {
      if (!Index().Insert(digest.hash, slot)) return false;
    } else if (*first == slot || !state.is_fresh()) {
      return true;
    } else {
      Erase(digest.hash, *first);
    }
  }
}

}  // namespace socksify

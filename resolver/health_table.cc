// SPDX-License-Identifier: BSD-2-Clause
//
// An entry is its key's if `tag_` is the hash of the key: 64 bits, which the few keys of a configuration do
// not have in common. The key's text is only for people.
//
// Nobody locks. An entry is taken in three steps, and a process may be killed or stopped at any of them:
//
//     tag: old key -> 0      compare-exchange, where no free one is left in the window
//     everything else = 0    also where it should be so already: the one before may have been killed here
//     tag: 0 -> new key      compare-exchange: one wins, the others look again
//
// So a new key never inherits another's failures. Two processes may take different entries for one key at
// the same time. Having taken one, each looks at the window again, and the first in it counts: whoever has
// another one frees it. What is lost by a process that was stopped amid the second step and goes on when the
// entry is another's are notes, as if they had not been made.
//
// The text is written when the entry is taken already, and by everyone who finds it unwritten or, once a
// second, wrong. A reader believes it when its hash with the tag is the one that stands beside it.
#include "resolver/health_table.h"

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace socksify {
namespace {

// How often a key looks for an entry when others are faster.
constexpr int kAttempts = 16;
// An entry is stamped as used at most so often, to leave its cache line in peace.
constexpr int64_t kUseGrainMs = 1000;
// In the last byte of a name, beside its size.
constexpr unsigned kIsCut = 0x80;

using NameBytes = std::array<char, HealthTable::kMaxKeySize + 1>;
using NameWords = std::array<uint64_t, sizeof(NameBytes) / 8>;

// The key as it stands in an entry.
NameBytes NameOf(std::string_view key) {
  NameBytes name{};
  const std::string_view shown = key.substr(0, HealthTable::kMaxKeySize);
  std::memcpy(name.data(), shown.data(), shown.size());
  name.back() = static_cast<char>(shown.size() | (shown.size() < key.size() ? kIsCut : 0));
  return name;
}

// FNV-1a, whose low bits alone are good; the multiplications at the end spread them over the word (the last
// step of MurmurHash3).
uint64_t Hash(std::string_view text, uint64_t seed) {
  uint64_t hash = 0xcbf29ce484222325 ^ seed;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd;
  hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53;
  return hash ^ hash >> 33;
}

uint32_t HomeOfTag(uint64_t tag) {
  return static_cast<uint32_t>(tag % HealthTable::kCapacity);
}

uint64_t CheckOf(const NameBytes& name, uint64_t tag) {
  return Hash({name.data(), name.size()}, tag);
}

// False if it is stamped already.
bool StampAsUsed(std::atomic<uint64_t>* used_ms, int64_t now_ms) {
  const auto stamp = static_cast<int64_t>(used_ms->load(std::memory_order_relaxed));
  if (stamp > now_ms - kUseGrainMs && stamp <= now_ms + HealthEntry::kClockSlackMs) return false;
  used_ms->store(static_cast<uint64_t>(now_ms), std::memory_order_relaxed);
  return true;
}

HealthTableIdentity Identity() {
  HealthTableIdentity identity;
  identity.capacity = HealthTable::kCapacity;
  identity.entry_size = sizeof(HealthEntry);
  return identity;
}

// A process that cannot learn the boot takes the file as it is: what is not of this boot would be of times
// long past, or to come.
int CheckHeader(const std::byte* memory) {
  const auto* const header = reinterpret_cast<const HealthTableHeader*>(memory);
  const HealthTableIdentity identity = Identity();
  if (std::memcmp(&header->identity, &identity, sizeof identity) != 0) return EUCLEAN;
  const BootId boot = ReadBootId();
  return !IsKnown(boot) || std::memcmp(header->boot_id, boot.data(), boot.size()) == 0 ? 0 : ENOENT;
}

void WriteHeader(std::byte* memory) {
  auto* const header = new (memory) HealthTableHeader{};
  header->identity = Identity();
  const BootId boot = ReadBootId();
  std::memcpy(header->boot_id, boot.data(), boot.size());
}

constexpr SharedMapping::Format kFormat = {.size = HealthTable::kMemorySize,
                                           .header_size = sizeof(HealthTableHeader),
                                           .check = CheckHeader,
                                           .write = WriteHeader};

}  // namespace

HealthTable::HealthTable(SharedMapping mapping)
    : mapping_(std::move(mapping)),
      entries_(reinterpret_cast<HealthEntry*>(mapping_.memory() + sizeof(HealthTableHeader))) {}

std::string HealthTable::PathIn(const std::string& directory) {
  return directory + "/health-" + std::to_string(HealthTableIdentity{}.layout_version);
}

std::expected<std::unique_ptr<HealthTable>, int> HealthTable::Open(const std::string& directory) {
  return Make(SharedMapping::OpenOrMake(directory, PathIn(directory), kFormat));
}

std::expected<std::unique_ptr<HealthTable>, int> HealthTable::OpenExisting(const std::string& directory) {
  return Make(SharedMapping::Open(PathIn(directory), kFormat));
}

std::expected<std::unique_ptr<HealthTable>, int> HealthTable::MakePrivate() {
  return Make(SharedMapping::MakePrivate(kFormat));
}

std::expected<std::unique_ptr<HealthTable>, int> HealthTable::Make(
    std::expected<SharedMapping, int> mapping) {
  if (!mapping) return std::unexpected(mapping.error());
  return std::unique_ptr<HealthTable>(new HealthTable(std::move(*mapping)));
}

uint64_t HealthTable::TagOf(std::string_view key) {
  const uint64_t hash = Hash(key, 0);
  return hash != 0 ? hash : 1;
}

uint32_t HealthTable::HomeOf(std::string_view key) {
  return HomeOfTag(TagOf(key));
}

// The entry with this tag that counts, or null.
HealthEntry* HealthTable::FindTag(uint64_t tag) {
  for (uint32_t i = 0; i < kWindow; ++i) {
    HealthEntry& entry = entries_[(HomeOfTag(tag) + i) % kCapacity];
    if (entry.tag_.load(std::memory_order_acquire) == tag) return &entry;
  }
  return nullptr;
}

// A free entry of the window, everything in it zero, or null if others were faster.
HealthEntry* HealthTable::MakeRoom(uint64_t tag, int64_t now_ms) {
  HealthEntry* oldest = nullptr;
  uint64_t oldest_tag = 0;
  int64_t oldest_used_ms = INT64_MAX;
  for (uint32_t i = 0; i < kWindow; ++i) {
    HealthEntry& entry = entries_[(HomeOfTag(tag) + i) % kCapacity];
    const uint64_t entry_tag = entry.tag_.load(std::memory_order_acquire);
    auto used_ms = static_cast<int64_t>(entry.used_ms_.load(std::memory_order_relaxed));
    // What nobody can have stamped is damage.
    if (entry_tag == 0 || used_ms > now_ms + HealthEntry::kClockSlackMs) used_ms = -1;
    if (used_ms >= oldest_used_ms) continue;
    oldest = &entry;
    oldest_tag = entry_tag;
    oldest_used_ms = used_ms;
    if (entry_tag == 0) break;
  }
  if (oldest == nullptr) return nullptr;
  if (oldest_tag != 0) {
    step_();
    if (!oldest->tag_.compare_exchange_strong(oldest_tag, 0)) return nullptr;
    step_();
  }
  oldest->Reset(step_);
  return oldest;
}

// Takes an entry for a tag that has none. The one that counts now, or null if others were faster.
HealthEntry* HealthTable::Claim(uint64_t tag, int64_t now_ms) {
  HealthEntry* const room = MakeRoom(tag, now_ms);
  if (room == nullptr) return nullptr;
  StampAsUsed(&room->used_ms_, now_ms);
  uint64_t expected = 0;
  const bool is_taken = room->tag_.compare_exchange_strong(expected, tag);
  step_();
  HealthEntry* const entry = FindTag(tag);
  if (is_taken && entry != room) {
    expected = tag;
    room->tag_.compare_exchange_strong(expected, 0);
    step_();
  }
  return entry;
}

void HealthTable::SetName(HealthEntry* entry, std::string_view key) {
  const NameBytes name = NameOf(key);
  const uint64_t check = CheckOf(name, TagOf(key));
  if (entry->name_check_.load(std::memory_order_relaxed) == check) return;
  const auto words = std::bit_cast<NameWords>(name);
  for (size_t i = 0; i < words.size(); ++i) {
    entry->name_[i].store(words[i], std::memory_order_relaxed);
    step_();
  }
  entry->name_check_.store(check, std::memory_order_release);
  step_();
}

HealthEntry* HealthTable::Find(std::string_view key, int64_t now_ms) {
  const auto [entry, wants_name] = FindByTag(TagOf(key), now_ms);
  if (wants_name) SetName(entry, key);
  return entry;
}

HealthTable::Found HealthTable::FindByTag(uint64_t tag, int64_t now_ms) {
  // Whoever looks for an entry will note something in it.
  if (!is_touched_.load(std::memory_order_relaxed) && !is_touched_.exchange(true, std::memory_order_relaxed))
    TouchToWrite(&entries_[HomeOfTag(tag)].tag_);
  HealthEntry* entry = FindTag(tag);
  for (int attempt = 0; entry == nullptr && attempt < kAttempts; ++attempt) entry = Claim(tag, now_ms);
  if (entry == nullptr) return {};
  // To compare the text takes longer than all the rest; it is only for people, and so is done now and then.
  const bool is_unnamed = entry->name_check_.load(std::memory_order_relaxed) == 0;
  return {.entry = entry, .wants_name = StampAsUsed(&entry->used_ms_, now_ms) || is_unnamed};
}

std::vector<HealthReport> HealthTable::List() const {
  std::vector<HealthReport> reports;
  for (uint32_t i = 0; i < kCapacity; ++i) {
    const HealthEntry& entry = entries_[i];
    const uint64_t tag = entry.tag_.load(std::memory_order_acquire);
    if (tag == 0) continue;
    const uint64_t check = entry.name_check_.load(std::memory_order_acquire);
    NameWords words{};
    for (size_t word = 0; word < words.size(); ++word)
      words[word] = entry.name_[word].load(std::memory_order_relaxed);
    const auto name = std::bit_cast<NameBytes>(words);
    const size_t size = static_cast<uint8_t>(name.back()) & ~kIsCut;
    if (size > kMaxKeySize || check != CheckOf(name, tag)) continue;
    HealthReport report = entry.Read();
    report.key.assign(name.data(), size);
    report.is_key_cut = (static_cast<uint8_t>(name.back()) & kIsCut) != 0;
    reports.push_back(std::move(report));
  }
  return reports;
}

uint32_t HealthTable::Clear() {
  uint32_t cleared = 0;
  for (uint32_t i = 0; i < kCapacity; ++i) {
    HealthEntry& entry = entries_[i];
    if (entry.tag_.exchange(0) != 0) ++cleared;
    step_();
    entry.Reset(step_);
  }
  return cleared;
}

}  // namespace socksify

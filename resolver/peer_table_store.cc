// SPDX-License-Identifier: BSD-2-Clause
//
// Writers take no lock, and any of them may be killed or stopped at any instruction. Each works on one entry,
// under a ticket, which is one more than the highest in the entry's set:
//
//     state: what it was -> 4 x ticket + 1      compare-exchange: one writer wins, readers turn away
//     words, with a check sum over ticket and words
//     state: 4 x ticket + 1 -> 4 x ticket       compare-exchange: fails if another took the entry over
//
// So the tickets of an entry only ever grow, and no state of it comes again; a record that is forgotten
// leaves its ticket there. Two writers may have the same ticket for two entries, which is no harm. (A clock
// for all would be a word, on a page of its own, that each process has to write.)
//
// The state tells an entry's age as well, and the oldest of a set makes way, whether it is complete or
// not. So what a killed writer left odd is written again when seven newer records have come to the set, and
// nobody has to guess whether a writer is dead: one that was merely stopped finds its entry taken when it
// goes on. Some of its words may then lie in the other's record. The check sum shows it, and that record is
// lost, as if the set had overflowed; it is never a wrong answer.
#include "resolver/peer_table_store.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "resolver/first_touch.h"

namespace socksify {
namespace {

using Words = std::array<uint64_t, PeerTableEntry::kWords>;

// Where things are among the words.
enum : size_t { kIdentity = 0, kPeer = 1, kProxy = 3, kBound = 5, kPorts = 7, kKinds = 8 };

// How often a writer looks for an entry, and a reader looks at one that is being changed.
constexpr int kAttempts = 16;
// A ticket that is higher was not reached by counting: damage, to be overwritten first.
constexpr uint64_t kMaxTicket = uint64_t{1} << 40;

// What a state holds beside the ticket. 3 is damage, which reads as busy.
constexpr uint64_t kBusy = 1, kForgotten = 2, kMarks = 3;

constexpr uint64_t TicketOf(uint64_t state) {
  return state / (kMarks + 1);
}

constexpr uint64_t StateOf(uint64_t ticket) {
  return ticket * (kMarks + 1);
}

// The lowest is the first to make way.
uint64_t AgeOrder(uint64_t state) {
  return TicketOf(state) > kMaxTicket || (state & kMarks) == kForgotten ? 0 : state;
}

uint32_t CheckSum(const Words& words, uint64_t state) {
  constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15;
  uint64_t sum = state;
  for (size_t i = 0; i < words.size(); ++i) {
    const uint64_t word = i == kKinds ? words[i] & 0xffff'ffff : words[i];
    sum = (sum ^ word) * kMultiplier;
    sum ^= sum >> 32;
  }
  return static_cast<uint32_t>(sum * kMultiplier >> 32);
}

void PutAddress(const IpAddress& address, uint64_t* words) {
  std::memcpy(words, address.bytes().data(), address.bytes().size());
}

// Nothing when `kind` is none.
std::optional<IpAddress> GetAddress(const uint64_t* words, uint8_t kind) {
  std::array<uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), words, bytes.size());
  if (kind == 6) return IpAddress::V6(bytes);
  if (kind != 4) return std::nullopt;
  return IpAddress::V4(uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 |
                       bytes[3]);
}

uint64_t KindOf(const IpAddress& address) {
  return address.is_v4() ? 4 : 6;
}

Words Encode(uint64_t identity, const SharedPeer& peer) {
  Words words{};
  words[kIdentity] = identity;
  PutAddress(peer.peer, &words[kPeer]);
  PutAddress(peer.proxy, &words[kProxy]);
  if (peer.bound) PutAddress(*peer.bound, &words[kBound]);
  words[kPorts] =
      uint64_t{peer.peer_port} | uint64_t{peer.proxy_port} << 16 | uint64_t{peer.bound_port} << 32;
  words[kKinds] = KindOf(peer.peer) | KindOf(peer.proxy) << 8 | (peer.bound ? KindOf(*peer.bound) : 0) << 16 |
                  uint64_t{peer.replaced_family} << 24;
  return words;
}

std::optional<SharedPeer> Decode(const Words& words) {
  const auto kind = [&](unsigned shift) { return static_cast<uint8_t>(words[kKinds] >> shift); };
  const auto port = [&](unsigned shift) { return static_cast<uint16_t>(words[kPorts] >> shift); };
  const std::optional<IpAddress> peer = GetAddress(&words[kPeer], kind(0));
  const std::optional<IpAddress> proxy = GetAddress(&words[kProxy], kind(8));
  if (!peer || !proxy) return std::nullopt;
  return SharedPeer{.proxy = *proxy,
                    .proxy_port = port(16),
                    .peer = *peer,
                    .peer_port = port(0),
                    .bound = GetAddress(&words[kBound], kind(16)),
                    .bound_port = port(32),
                    .replaced_family = kind(24)};
}

// Whether two records are of the same connection.
bool IsSameConnection(const Words& a, const Words& b) {
  constexpr uint64_t kProxyPort = 0xffff'0000;
  return a[kIdentity] == b[kIdentity] && a[kProxy] == b[kProxy] && a[kProxy + 1] == b[kProxy + 1] &&
         ((a[kPorts] ^ b[kPorts]) & kProxyPort) == 0 && ((a[kKinds] ^ b[kKinds]) & 0xff00) == 0;
}

// The words of an entry and the state they belong to, when they hold `identity`. False for another, and for
// one that is not whole.
bool Read(const PeerTableEntry& entry, uint64_t identity, Words* words, uint64_t* state) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    *state = entry.state.load(std::memory_order_acquire);
    if (*state == 0 || (*state & kMarks) != 0) return false;
    // Overwritten at this moment, the record of another socket would not have become ours.
    (*words)[kIdentity] = entry.words[kIdentity].load(std::memory_order_acquire);
    if ((*words)[kIdentity] != identity) return false;
    for (size_t i = 1; i < words->size(); ++i) (*words)[i] = entry.words[i].load(std::memory_order_acquire);
    if (entry.state.load(std::memory_order_relaxed) != *state) continue;
    return (*words)[kKinds] >> 32 == CheckSum(*words, *state);
  }
  return false;
}

}  // namespace

bool PeerTableStore::Write(PeerTableEntry* entry, uint64_t seen, uint64_t ticket, const uint64_t* words) {
  uint64_t busy = StateOf(ticket) | kBusy;
  if (!entry->state.compare_exchange_strong(seen, busy)) return false;
  step_();
  for (size_t i = 0; i < PeerTableEntry::kWords; ++i) {
    entry->words[i].store(words[i], std::memory_order_release);
    step_();
  }
  const bool is_published = entry->state.compare_exchange_strong(busy, StateOf(ticket));
  step_();
  return is_published;
}

void PeerTableStore::Record(uint64_t identity, const SharedPeer& peer) {
  PeerTableEntry* const set = entries_ + SetOf(identity);
  Words words = Encode(identity, peer);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    // A set lies on two pages at the most.
    TouchToWrite(&set->state);
    TouchToWrite(&set[kWays - 1].words[PeerTableEntry::kWords - 1]);
    PeerTableEntry* victim = set;
    uint64_t victim_state = 0;
    uint64_t oldest = UINT64_MAX;
    uint64_t newest = 0;
    bool is_known = false;
    for (PeerTableEntry* entry = set; entry != set + kWays; ++entry) {
      Words old;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by Read.
      uint64_t state = 0;
      const bool is_same = Read(*entry, identity, &old, &state) && IsSameConnection(old, words);
      if (!is_same) state = entry->state.load(std::memory_order_acquire);
      if (TicketOf(state) <= kMaxTicket) newest = std::max(newest, TicketOf(state));
      const uint64_t age_order = AgeOrder(state);
      if (is_known || (age_order >= oldest && !is_same)) continue;
      is_known = is_same;
      oldest = age_order;
      victim = entry;
      victim_state = state;
    }
    const uint64_t ticket = newest + 1;
    words[kKinds] = (words[kKinds] & 0xffff'ffff) | uint64_t{CheckSum(words, StateOf(ticket))} << 32;
    if (Write(victim, victim_state, ticket, words.data())) return;
  }
}

std::optional<SharedPeer> PeerTableStore::Find(uint64_t identity, const IpAddress& proxy,
                                               uint16_t proxy_port) const {
  SharedPeer asked;
  asked.proxy = proxy;
  asked.proxy_port = proxy_port;
  const Words key = Encode(identity, asked);
  const PeerTableEntry* const set = entries_ + SetOf(identity);
  std::optional<SharedPeer> found;
  uint64_t newest = 0;
  for (const PeerTableEntry* entry = set; entry != set + kWays; ++entry) {
    Words words;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by Read.
    uint64_t state = 0;
    if (!Read(*entry, identity, &words, &state) || state <= newest || !IsSameConnection(words, key)) continue;
    found = Decode(words);
    newest = state;
  }
  return found;
}

void PeerTableStore::Forget(uint64_t identity) {
  PeerTableEntry* const set = entries_ + SetOf(identity);
  for (PeerTableEntry* entry = set; entry != set + kWays; ++entry) {
    Words words;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by Read.
    uint64_t state = 0;
    if (Read(*entry, identity, &words, &state))
      entry->state.compare_exchange_strong(state, state | kForgotten);
  }
}

}  // namespace socksify

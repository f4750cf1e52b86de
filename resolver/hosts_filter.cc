// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/hosts_filter.h"

#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>

#include <algorithm>
#include <bit>
#include <string>

#include "base/text.h"
#include "resolver/local_names.h"

namespace socksify {
namespace {

constexpr uint64_t kNsInSecond = 1'000'000'000;
// FAT counts in steps of two seconds; no clock of a kernel ticks as slowly.
constexpr uint64_t kCoarsestTimeNs = 2 * kNsInSecond;
// Of 64 names that are not there, at most about one is taken for perhaps there.
constexpr size_t kBitsForName = 16;

uint64_t InNs(const timespec& time) {
  return static_cast<uint64_t>(time.tv_sec) * kNsInSecond + static_cast<uint64_t>(time.tv_nsec);
}

// Whether the attributes of files are this machine's own to change, so that what stat(2) says is never old.
bool HasLiveAttributes(const char* path) {
  struct statfs64 status{};
  if (statfs64(path, &status) != 0) return false;
  switch (static_cast<uint32_t>(status.f_type)) {
    case 0x6969:      // NFS
    case 0xff534d42:  // CIFS
    case 0xfe534d42:  // SMB 2
    case 0x517b:      // SMB
    case 0x65735546:  // FUSE
    case 0x01021997:  // 9p
    case 0x00c36400:  // Ceph
    case 0x5346414f:  // AFS
    case 0x6b414653:  // kAFS
    case 0x73757245:  // Coda
    case 0x786f4256:  // VirtualBox shared folders
      return false;
    default: return true;
  }
}

uint64_t HashOf(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(ToLowerAscii(c))) * 0x100000001b3;
  return (hash ^ hash >> 32) * 0x9e3779b97f4a7c15;
}

// Where the two bits of a name are.
uint32_t FirstBit(uint64_t hash) {
  return static_cast<uint32_t>(hash >> 32);
}
uint32_t SecondBit(uint64_t hash) {
  return static_cast<uint32_t>(hash >> 8);
}

// What EachNameOfHosts() shows, one name after the other.
struct Count {
  size_t names = 0;
  static void Visit(void* context, std::string_view /*name*/) { ++static_cast<Count*>(context)->names; }
};

}  // namespace

uint64_t HostsFilter::Now() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return InNs(now);
}

std::optional<HostsFilter::Identity> HostsFilter::IdentityOf(const char* path) {
  struct stat64 status{};
  if (stat64(path, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return Identity{status.st_dev, status.st_ino, static_cast<uint64_t>(status.st_size), InNs(status.st_mtim),
                  InNs(status.st_ctim)};
}

bool HostsFilter::MayHave(const char* path, std::string_view name, Clock* clock) {
  const std::optional<Identity> identity = IdentityOf(path);
  if (!identity) return true;
  if (name.ends_with('.')) name.remove_suffix(1);
  const uint64_t hash = HashOf(name);
  Answer answer = Ask(*identity, hash);
  if (answer == Answer::kUnknown && Fill(path, *identity, clock)) answer = Ask(*identity, hash);
  return answer != Answer::kNo;
}

HostsFilter::Answer HostsFilter::Ask(const Identity& identity, uint64_t hash) const {
  const uint32_t sequence = sequence_.load(std::memory_order_acquire);
  const uint32_t mask = mask_.load(std::memory_order_acquire);
  if (sequence % 2 != 0 || mask == 0 || mask >= kMaxBits) return Answer::kUnknown;
  for (size_t i = 0; i < identity.size(); ++i) {
    if (identity_[i].load(std::memory_order_acquire) != identity[i]) return Answer::kUnknown;
  }
  const auto has = [&](uint32_t bit) {
    return (bits_[(bit & mask) / 64].load(std::memory_order_acquire) >> (bit % 64) & 1) != 0;
  };
  const bool may_have = has(FirstBit(hash)) && has(SecondBit(hash));
  if (sequence_.load(std::memory_order_relaxed) != sequence) return Answer::kUnknown;
  return may_have ? Answer::kPerhaps : Answer::kNo;
}

bool HostsFilter::Fill(const char* path, const Identity& identity, Clock* clock) {
  // Another change in the same tick of the clock could not be told from the last one.
  if (identity[kChanged] + kCoarsestTimeNs >= clock() || !HasLiveAttributes(path)) return false;
  const std::string hosts = ReadHosts(path);
  // What is not as long as it says has another way to change than by being written to, or could not be read.
  if (hosts.size() != std::min<uint64_t>(identity[kSize], kMaxHostsSize) || IdentityOf(path) != identity)
    return false;
  Count count;
  EachNameOfHosts(hosts, &Count::Visit, &count);
  const size_t bits = std::clamp(std::bit_ceil(count.names * kBitsForName), kMinBits, kMaxBits);

  uint32_t sequence = sequence_.load(std::memory_order_relaxed);
  if (sequence % 2 != 0 || !sequence_.compare_exchange_strong(sequence, sequence + 1)) return false;
  mask_.store(static_cast<uint32_t>(bits - 1), std::memory_order_release);
  for (size_t i = 0; i < identity.size(); ++i) identity_[i].store(identity[i], std::memory_order_release);
  for (size_t i = 0; i < bits / 64; ++i) bits_[i].store(0, std::memory_order_release);
  EachNameOfHosts(hosts, &Enter, this);
  sequence_.store(sequence + 2, std::memory_order_release);
  return true;
}

void HostsFilter::Enter(void* filter, std::string_view name) {
  auto* const self = static_cast<HostsFilter*>(filter);
  const uint32_t mask = self->mask_.load(std::memory_order_relaxed);
  const uint64_t hash = HashOf(name);
  for (const uint32_t bit : {FirstBit(hash), SecondBit(hash)})
    self->bits_[(bit & mask) / 64].fetch_or(uint64_t{1} << bit % 64, std::memory_order_release);
}

}  // namespace socksify

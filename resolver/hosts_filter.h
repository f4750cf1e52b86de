// SPDX-License-Identifier: BSD-2-Clause
// HostsFilter: that a hosts file does not have a name, without reading it again for each name.
//
// It keeps a few bits for each name of the file as it was read last (a Bloom filter), and with them what
// stat(2) said of it. As long as that is the same, "no" costs this one call. All else is "perhaps", and the
// file itself has to say: so a name is never taken for one of the file that is no longer there, or can no
// longer be read.
//
// A file is kept only once its last change is so old that another one would have another time: on kernels
// before 6.13, and on some file systems, times tick coarsely. It is not kept when it is on a file system
// whose attributes may be old (NFS, FUSE and the like), or is no ordinary file.
//
// Thread-safe, takes no lock, never waits. An object of zeroes is an empty filter; one for each path.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>

namespace socksify {

class HostsFilter {
 public:
  constexpr HostsFilter() = default;
  HostsFilter(const HostsFilter&) = delete;
  HostsFilter& operator=(const HostsFilter&) = delete;

  // The time of CLOCK_REALTIME in nanoseconds; the kernel's ticks do.
  using Clock = uint64_t();
  static uint64_t Now();

  // False when the file at `path`, as it is now, gives no address to `name`, as HostsHaveName() of its text
  // would say. Else it may: ReadHosts() tells.
  bool MayHave(const char* path, std::string_view name, Clock* clock = &Now);

 private:
  // What changes when the content does: device, inode, size, and the times of the last change of the content
  // and of the inode, in nanoseconds.
  using Identity = std::array<uint64_t, 5>;
  static constexpr size_t kSize = 2;
  static constexpr size_t kChanged = 4;
  // Nothing for what is no ordinary file.
  static std::optional<Identity> IdentityOf(const char* path);

  enum class Answer : uint8_t { kNo, kPerhaps, kUnknown };
  Answer Ask(const Identity& identity, uint64_t hash) const;
  // Reads the file. False when it is not to be kept, is just changing, or is being read by another thread.
  bool Fill(const char* path, const Identity& identity, Clock* clock);
  static void Enter(void* filter, std::string_view name);

  // As many as 131,072 names need; of more, "perhaps" is said more often. Memory is used for those only that
  // a file of its size needs.
  static constexpr size_t kMaxBits = size_t{1} << 21;
  static constexpr size_t kMinBits = 4096;

  // Odd while the rest changes. One that stays odd, in a child that was forked just then, makes all
  // "perhaps".
  std::atomic<uint32_t> sequence_ = 0;
  std::atomic<uint32_t> mask_ = 0;  // the number of bits - 1; 0: nothing is known
  std::array<std::atomic<uint64_t>, std::tuple_size_v<Identity>> identity_{};
  std::array<std::atomic<uint64_t>, kMaxBits / 64> bits_{};
};

}  // namespace socksify

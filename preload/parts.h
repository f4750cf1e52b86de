// SPDX-License-Identifier: BSD-2-Clause
// Parts: several pieces of memory as one (struct iovec, readv(2)).
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "preload/first_page.h"

namespace socksify {

// The bytes of all parts; SIZE_MAX if they are more.
inline size_t SizeOf(std::span<const iovec> parts) {
  size_t size = 0;
  for (const iovec& part : parts) {
    if (__builtin_add_overflow(size, part.iov_len, &size)) return SIZE_MAX;
  }
  return size;
}

// Whether it is to have bytes where none are: the kernel says EFAULT of it.
inline bool IsNull(const iovec& part) {
  return part.iov_len != 0 && IsInFirstPage(part.iov_base);
}
inline bool HasNullPart(std::span<const iovec> parts) {
  return std::ranges::any_of(parts, IsNull);
}

// Copies at most `size` bytes from `offset` on to `out`; returns how many there were.
inline size_t CopyOut(std::span<const iovec> parts, size_t offset, uint8_t* out, size_t size) {
  size_t copied = 0;
  for (const iovec& part : parts) {
    if (copied == size) break;
    if (offset >= part.iov_len) {
      offset -= part.iov_len;
      continue;
    }
    const size_t count = std::min(part.iov_len - offset, size - copied);
    std::copy_n(static_cast<const uint8_t*>(part.iov_base) + offset, count, out + copied);
    copied += count;
    offset = 0;
  }
  return copied;
}

// Copies all to `out`, and returns how many bytes that are; nothing if they are more than `room`, or one of
// the parts IsNull().
inline std::optional<size_t> Gather(std::span<const iovec> parts, uint8_t* out, size_t room) {
  size_t size = 0;
  for (const iovec& part : parts) {
    const size_t length = part.iov_len;
    if (length > room - size || IsNull(part)) return std::nullopt;
    size += length;
  }
  // Whatever another thread may change of the parts meanwhile.
  return CopyOut(parts, 0, out, size);
}

// Copies bytes to `offset` on; what does not fit is dropped.
inline void CopyIn(std::span<const iovec> parts, size_t offset, const uint8_t* in, size_t size) {
  for (const iovec& part : parts) {
    if (size == 0) return;
    if (offset >= part.iov_len) {
      offset -= part.iov_len;
      continue;
    }
    const size_t count = std::min(part.iov_len - offset, size);
    std::copy_n(in, count, static_cast<uint8_t*>(part.iov_base) + offset);
    in += count;
    size -= count;
    offset = 0;
  }
}

// Moves `size` bytes within the parts, by way of a small buffer: for the datagram whose header was not of the
// size that was expected. The places may overlap.
inline void MoveWithin(std::span<const iovec> parts, size_t from, size_t to, size_t size) {
  uint8_t chunk[1024];
  const bool is_forward = to < from;
  for (size_t moved = 0; moved < size && from != to;) {
    const size_t count = std::min(size - moved, sizeof chunk);
    const size_t offset = is_forward ? moved : size - moved - count;
    CopyOut(parts, from + offset, chunk, count);
    CopyIn(parts, to + offset, chunk, count);
    moved += count;
  }
}

// Zero bytes from `offset` on.
inline void Clear(std::span<const iovec> parts, size_t offset, size_t size) {
  constexpr uint8_t kZeros[64] = {};
  for (size_t cleared = 0; cleared < size; cleared += sizeof kZeros)
    CopyIn(parts, offset + cleared, kZeros, std::min(size - cleared, sizeof kZeros));
}

// Copies `size` bytes from `offset` of one to the start of another.
inline void CopyBetween(std::span<const iovec> from, size_t offset, std::span<const iovec> to, size_t size) {
  uint8_t chunk[1024];
  for (size_t copied = 0; copied < size;) {
    const size_t count = std::min(size - copied, sizeof chunk);
    CopyOut(from, offset + copied, chunk, count);
    CopyIn(to, copied, chunk, count);
    copied += count;
  }
}

}  // namespace socksify

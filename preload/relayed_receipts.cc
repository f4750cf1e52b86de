// SPDX-License-Identifier: BSD-2-Clause
#include "preload/relayed_receipts.h"

#include <limits.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "base/socket_address.h"
#include "preload/borrowed_memory.h"
#include "preload/connections.h"
#include "preload/datagram_receiver.h"
#include "preload/datagrams.h"
#include "preload/originals.h"
#include "preload/parts.h"
#include "preload/relays.h"
#include "preload/scratch.h"

namespace socksify {
namespace {

// While the table has no relays, libc does as well.
bool MayHaveRelays(int fd) {
  if ((g_descriptors.Flags(fd) & (kRelayed | kDnsByHand)) != 0) return true;
  Runtime* const runtime = Runtime::Get();
  return runtime != nullptr && runtime->relays_datagrams();
}

void TellSource(const Shown& shown, msghdr* message) {
  if (message->msg_name != nullptr)
    CopySockaddr(shown.address, shown.address_size, static_cast<sockaddr*>(message->msg_name),
                 &message->msg_namelen);
}

// What the kernel told about `own`, and how much of `payload` bytes found room.
void TellFlags(const msghdr& own, size_t payload, size_t capacity, msghdr* message) {
  message->msg_controllen = own.msg_controllen;
  message->msg_flags = own.msg_flags & ~MSG_TRUNC;
  if (payload > capacity) message->msg_flags |= MSG_TRUNC;
}

// recvmsg(2) of `own`, whose parts are ours.
ssize_t ReceiveMessage(int fd, msghdr* own, int flags, Arrival* arrival) {
  own->msg_name = &arrival->source;
  own->msg_namelen = sizeof arrival->source;
  const ssize_t received = libc::recvmsg(fd, own, flags);
  arrival->source_size = own->msg_namelen;
  arrival->parts = {own->msg_iov, own->msg_iovlen};
  return received;
}

// The datagram that comes next and is for the program. take(receiver, flags, &arrival) makes the system call;
// give(arrival, shown, payload) hands the program what there is of `payload` bytes, and all the rest. Returns
// what the call is to return.
template <typename Take, typename Give>
ssize_t ReceiveOne(int fd, size_t capacity, int flags, Take take, Give give) {
  Receiver receiver(fd);
  for (;;) {
    Arrival arrival;  // NOLINT(cppcoreguidelines-pro-type-member-init): the kernel's to fill
    // Without a relay its length counts for no more than there is room for; and what has come to the number
    // may be another socket, to which the flag means something else (tcp(7)).
    const int own_flags = receiver.has_relays() ? flags | MSG_TRUNC : flags;
    const ssize_t received = take(receiver, own_flags, &arrival);
    receiver.LookAgain();
    if (received < 0) {
      if (receiver.IsAboutEndedRelay(errno)) continue;
      return received;
    }
    arrival.size = static_cast<size_t>(received);
    Shown shown;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    if (!receiver.Examine(arrival, flags, &shown)) {
      if (!receiver.GoOnAfterDrop(flags)) return -1;
      continue;
    }
    const size_t payload = arrival.size - shown.header_size;
    give(arrival, shown, payload);
    if ((flags & MSG_ERRQUEUE) == 0) receiver.set_expected_header(shown.header_size);
    return static_cast<ssize_t>((flags & MSG_TRUNC) != 0 ? payload : std::min(payload, capacity));
  }
}

// recvmsg(2) into memory of ours: of few bytes, or of more parts than the kernel takes beside ours.
ssize_t ReceiveWhole(int fd, size_t capacity, msghdr* message, int flags) {
  const size_t size = std::min(capacity, kMaxDatagram) + kUdpMaxHeaderSize;
  Scratch<uint8_t, kMaxCopied + kUdpMaxHeaderSize> buffer(size);
  if (buffer.data() == nullptr) {
    errno = ENOMEM;
    return -1;
  }
  iovec whole = {.iov_base = buffer.data(), .iov_len = size};
  msghdr own = *message;
  own.msg_iov = &whole;
  own.msg_iovlen = 1;
  return ReceiveOne(
      fd, capacity, flags,
      [&](const Receiver& /*receiver*/, int own_flags, Arrival* arrival) {
        own.msg_controllen = message->msg_controllen;
        return ReceiveMessage(fd, &own, own_flags, arrival);
      },
      [&](const Arrival& /*arrival*/, const Shown& shown, size_t payload) {
        CopyIn({message->msg_iov, message->msg_iovlen}, 0, buffer.data() + shown.header_size,
               std::min(payload, capacity));
        TellFlags(own, payload, capacity, message);
        TellSource(shown, message);
      });
}

// Puts the payload of a datagram whose header is not of the size that was expected where the program expects
// it. What the kernel has written behind it becomes zero: many a program has cleared its buffer and takes the
// rest of it to be so still.
void Straighten(std::span<const iovec> parts, size_t header_size, size_t expected, size_t payload,
                size_t capacity) {
  const size_t kept = std::min(payload, capacity);
  MoveWithin(parts, header_size, expected, kept);
  if (header_size <= expected) return;
  Clear(parts, expected + kept, std::min(header_size - expected, capacity - kept));
}

// The payload goes where the program wants it, the rest into the margins.
ssize_t ReceiveInPieces(int fd, size_t capacity, msghdr* message, int flags) {
  Scratch<iovec, 16> room(message->msg_iovlen + 2);
  if (room.data() == nullptr) {
    errno = ENOMEM;
    return -1;
  }
  Margins margins;  // NOLINT(cppcoreguidelines-pro-type-member-init): the kernel's to fill
  const bool has_null = HasNullPart({message->msg_iov, message->msg_iovlen});
  size_t expected = 0;
  msghdr own{};
  return ReceiveOne(
      fd, capacity, flags,
      [&](const Receiver& receiver, int own_flags, Arrival* arrival) {
        // The kernel says EFAULT, which it does only for what it is to write.
        expected = has_null ? 0 : receiver.expected_header();
        Receiver::Surround(*message, expected, &margins, room.data());
        own = *message;
        own.msg_iov = room.data();
        own.msg_iovlen = message->msg_iovlen + 2;
        return ReceiveMessage(fd, &own, own_flags, arrival);
      },
      [&](const Arrival& arrival, const Shown& shown, size_t payload) {
        if (shown.header_size != expected)
          Straighten(arrival.parts, shown.header_size, expected, payload, capacity);
        TellFlags(own, payload, capacity, message);
        TellSource(shown, message);
      });
}

// recvfrom(2) into memory of ours.
ssize_t ReceiveShort(int fd, void* buffer, size_t capacity, int flags, sockaddr* address,
                     socklen_t* address_size) {
  uint8_t whole[kMaxCopied + kUdpMaxHeaderSize];
  const iovec part = {.iov_base = whole, .iov_len = capacity + kUdpMaxHeaderSize};
  return ReceiveOne(
      fd, capacity, flags,
      [&](const Receiver& /*receiver*/, int own_flags, Arrival* arrival) {
        arrival->parts = {&part, 1};
        arrival->source_size = sizeof arrival->source;
        return libc::recvfrom(fd, part.iov_base, part.iov_len, own_flags, &arrival->source.internet.generic,
                              &arrival->source_size);
      },
      [&](const Arrival& /*arrival*/, const Shown& shown, size_t payload) {
        std::copy_n(whole + shown.header_size, std::min(payload, capacity), static_cast<uint8_t*>(buffer));
        if (address_size != nullptr) CopySockaddr(shown.address, shown.address_size, address, address_size);
      });
}

// Messages for one recvmmsg(2).
class ReceivedBatch {
 public:
  static constexpr unsigned kMaxMessages = 64;

  // How many there is room for. The datagram of one may become that of another one before it, if those
  // between are dropped, so none has less room than those before it.
  unsigned Prepare(const mmsghdr* messages, unsigned count, size_t header_size) {
    header_size_ = header_size;
    own_ = memory_.Take<mmsghdr>(kMaxMessages);
    arrivals_ = memory_.Take<Arrival>(kMaxMessages);
    if (own_ == nullptr || arrivals_ == nullptr) return 0;
    unsigned prepared = 0;
    size_t least_room = 0;
    size_t least_control = 0;
    for (; prepared < std::min(count, kMaxMessages); ++prepared) {
      const msghdr& message = messages[prepared].msg_hdr;
      if (message.msg_iovlen > IOV_MAX - 2 || (message.msg_iov == nullptr && message.msg_iovlen != 0)) break;
      const size_t room_size = SizeOf({message.msg_iov, message.msg_iovlen});
      if (room_size < least_room || message.msg_controllen < least_control) break;
      least_room = room_size;
      least_control = message.msg_controllen;
      // One that the kernel has to look at alone.
      if (HasNullPart({message.msg_iov, message.msg_iovlen})) break;
      const bool is_short = room_size <= kMaxCopied;
      const std::span<iovec> parts = is_short ? TakeWhole(room_size) : TakePieces(message);
      if (parts.data() == nullptr) break;
      msghdr& own = own_[prepared].msg_hdr;
      own = message;
      own.msg_name = &arrivals_[prepared].source;
      own.msg_namelen = sizeof arrivals_[prepared].source;
      own.msg_iov = parts.data();
      own.msg_iovlen = parts.size();
      own.msg_flags = 0;
    }
    return prepared;
  }

  mmsghdr* messages() { return own_; }
  const Arrival& arrival(unsigned index) {
    const mmsghdr& own = own_[index];
    Arrival& arrival = arrivals_[index];
    arrival.source_size = own.msg_hdr.msg_namelen;
    arrival.parts = {own.msg_hdr.msg_iov, own.msg_hdr.msg_iovlen};
    arrival.size = own.msg_len;
    return arrival;
  }

  // Gives the program the datagram at `index` as its message `to`, which is that of another one if some
  // before it were dropped. Returns its length.
  unsigned Deliver(unsigned index, const Shown& shown, bool wants_length, bool is_in_place, msghdr* to) {
    const msghdr& own = own_[index].msg_hdr;
    const Arrival& arrival = arrivals_[index];
    const size_t payload = arrival.size - shown.header_size;
    const std::span<const iovec> target(to->msg_iov, to->msg_iovlen);
    const size_t capacity = SizeOf(target);
    const size_t kept = std::min(payload, capacity);
    const size_t control_room = to->msg_controllen;
    TellFlags(own, payload, capacity, to);
    TellSource(shown, to);
    if (arrival.parts.size() == 1) {
      CopyIn(target, 0, static_cast<const uint8_t*>(arrival.parts[0].iov_base) + shown.header_size, kept);
    } else if (!is_in_place) {
      CopyBetween(arrival.parts, shown.header_size, target, kept);
    } else if (shown.header_size != header_size_) {
      Straighten(arrival.parts, shown.header_size, header_size_, payload, capacity);
    }
    if (!is_in_place) {
      to->msg_controllen = std::min(to->msg_controllen, control_room);
      if (to->msg_controllen != 0) std::memcpy(to->msg_control, own.msg_control, to->msg_controllen);
    }
    return static_cast<unsigned>(wants_length ? payload : kept);
  }

 private:
  // Null when there is no room.
  std::span<iovec> TakeWhole(size_t size) {
    auto* const part = memory_.Take<iovec>(1);
    auto* const whole = memory_.Take<uint8_t>(size + kUdpMaxHeaderSize);
    if (part == nullptr || whole == nullptr) return {};
    *part = {.iov_base = whole, .iov_len = size + kUdpMaxHeaderSize};
    return {part, 1};
  }
  std::span<iovec> TakePieces(const msghdr& message) {
    auto* const room = memory_.Take<iovec>(message.msg_iovlen + 2);
    auto* const margins = memory_.Take<Margins>(1);
    if (room == nullptr || margins == nullptr) return {};
    Receiver::Surround(message, header_size_, margins, room);
    return {room, message.msg_iovlen + 2};
  }

  BorrowedMemory memory_;
  mmsghdr* own_ = nullptr;
  Arrival* arrivals_ = nullptr;
  size_t header_size_ = 0;
};

}  // namespace

ssize_t ReceiveRelayed(int fd, msghdr* message, int flags) {
  const bool is_odd =
      message->msg_iovlen > IOV_MAX || (message->msg_iov == nullptr && message->msg_iovlen != 0);
  if (is_odd || !MayHaveRelays(fd)) return libc::recvmsg(fd, message, flags);
  const std::span<const iovec> parts(message->msg_iov, message->msg_iovlen);
  const size_t capacity = SizeOf(parts);
  if ((capacity <= kMaxCopied && !HasNullPart(parts)) || parts.size() > IOV_MAX - 2)
    return ReceiveWhole(fd, capacity, message, flags);
  return ReceiveInPieces(fd, capacity, message, flags);
}

ssize_t ReceiveRelayed(int fd, const iovec* parts, size_t count, int flags) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = count;
  return ReceiveRelayed(fd, &message, flags);
}

ssize_t ReceiveRelayed(int fd, void* buffer, size_t size, int flags, sockaddr* address,
                       socklen_t* address_size) {
  if (!MayHaveRelays(fd)) return libc::recvfrom(fd, buffer, size, flags, address, address_size);
  const bool wants_source = address != nullptr && address_size != nullptr;
  iovec part = {.iov_base = buffer, .iov_len = size};
  if (size <= kMaxCopied && !HasNullPart({&part, 1}))
    return ReceiveShort(fd, buffer, size, flags, address, wants_source ? address_size : nullptr);
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_name = wants_source ? address : nullptr;
  message.msg_namelen = wants_source ? *address_size : 0;
  const ssize_t received = ReceiveInPieces(fd, size, &message, flags);
  if (received >= 0 && wants_source) *address_size = message.msg_namelen;
  return received;
}

int ReceiveManyRelayed(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
  if (!MayHaveRelays(fd)) return libc::recvmmsg(fd, messages, count, flags, timeout);
  Receiver receiver(fd);
  unsigned given = 0;
  while (given < count) {
    ReceivedBatch batch;
    const size_t expected = receiver.expected_header();
    const unsigned first = given;
    const unsigned wanted = batch.Prepare(messages + given, count - given, expected);
    const bool may_wait = given == 0 || (flags & MSG_WAITFORONE) == 0;
    const int own_flags = flags | (receiver.has_relays() ? MSG_TRUNC : 0) | (may_wait ? 0 : MSG_DONTWAIT);
    if (wanted == 0) {
      const ssize_t size =
          ReceiveRelayed(fd, &messages[given].msg_hdr, flags | (may_wait ? 0 : MSG_DONTWAIT));
      if (size < 0) break;
      messages[given++].msg_len = static_cast<unsigned>(size);
      continue;
    }
    const int received = libc::recvmmsg(fd, batch.messages(), wanted, own_flags, timeout);
    receiver.LookAgain();
    if (received < 0) {
      if (receiver.IsAboutEndedRelay(errno)) continue;
      break;
    }
    bool has_dropped = false;
    for (unsigned i = 0; i < static_cast<unsigned>(received); ++i) {
      Shown shown;  // NOLINT(cppcoreguidelines-pro-type-member-init)
      if (!receiver.Examine(batch.arrival(i), flags, &shown)) {
        has_dropped = true;
        continue;
      }
      messages[given].msg_len =
          batch.Deliver(i, shown, (flags & MSG_TRUNC) != 0, first + i == given, &messages[given].msg_hdr);
      receiver.set_expected_header(shown.header_size);
      ++given;
    }
    if (has_dropped && !receiver.GoOnAfterDrop(own_flags)) break;
    if (static_cast<unsigned>(received) < wanted && given > 0) break;
  }
  return given > 0 || count == 0 ? static_cast<int>(given) : -1;
}

int NextDatagramSize(int fd) {
  const ssize_t size = ReceiveRelayed(fd, nullptr, size_t{0}, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC);
  return size > 0 ? static_cast<int>(size) : 0;
}

}  // namespace socksify

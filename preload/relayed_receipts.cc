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

// More than any datagram holds.
constexpr size_t kMaxDatagram = 65'536;

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

// For more parts than the kernel takes beside ours.
ssize_t ReceiveByOnePart(int fd, msghdr* message, int flags) {
  const std::span<const iovec> parts(message->msg_iov, message->msg_iovlen);
  Scratch<uint8_t, 1> buffer(kMaxDatagram);
  if (buffer.data() == nullptr) {
    errno = ENOMEM;
    return -1;
  }
  iovec whole = {.iov_base = buffer.data(), .iov_len = std::min(SizeOf(parts), kMaxDatagram)};
  msghdr own = *message;
  own.msg_iov = &whole;
  own.msg_iovlen = 1;
  const ssize_t received = ReceiveRelayed(fd, &own, flags);
  if (received < 0) return received;
  own.msg_iov = message->msg_iov;
  own.msg_iovlen = message->msg_iovlen;
  *message = own;
  CopyIn(parts, 0, buffer.data(), std::min(static_cast<size_t>(received), whole.iov_len));
  return received;
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

// Messages for one recvmmsg(2).
class ReceivedBatch {
 public:
  static constexpr unsigned kMaxMessages = 64;

  // How many there is room for. The datagram of one may become that of another one before it, if those
  // between are dropped, so none has less room than those before it.
  unsigned Prepare(const mmsghdr* messages, unsigned count, size_t header_size) {
    header_size_ = header_size;
    own_ = memory_.Take<mmsghdr>(kMaxMessages);
    names_ = memory_.Take<SourceAddress>(kMaxMessages);
    auto* const margins = memory_.Take<Margins>(kMaxMessages);
    if (own_ == nullptr || names_ == nullptr || margins == nullptr) return 0;
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
      auto* const room = memory_.Take<iovec>(message.msg_iovlen + 2);
      if (room == nullptr) break;
      Receiver::Surround(message, header_size, &margins[prepared], room);
      msghdr& own = own_[prepared].msg_hdr;
      own = message;
      own.msg_name = &names_[prepared];
      own.msg_namelen = sizeof names_[prepared];
      own.msg_iov = room;
      own.msg_iovlen = message.msg_iovlen + 2;
      own.msg_flags = 0;
    }
    return prepared;
  }

  mmsghdr* messages() { return own_; }
  const msghdr& header(unsigned index) const { return own_[index].msg_hdr; }
  std::span<const iovec> parts(unsigned index) const {
    return {own_[index].msg_hdr.msg_iov, own_[index].msg_hdr.msg_iovlen};
  }

  // Gives the program the datagram at `index` as its message `to`, which is that of another one if some
  // before it were dropped. Returns its length.
  unsigned Deliver(unsigned index, const Shown& shown, bool wants_length, bool is_in_place, msghdr* to) {
    const msghdr& own = own_[index].msg_hdr;
    const size_t payload = own_[index].msg_len - shown.header_size;
    const std::span<const iovec> target(to->msg_iov, to->msg_iovlen);
    const size_t capacity = SizeOf(target);
    const size_t kept = std::min(payload, capacity);
    const size_t control_room = to->msg_controllen;
    TellFlags(own, payload, capacity, to);
    TellSource(shown, to);
    if (!is_in_place) {
      CopyBetween(parts(index), shown.header_size, target, kept);
      to->msg_controllen = std::min(to->msg_controllen, control_room);
      if (to->msg_controllen != 0) std::memcpy(to->msg_control, own.msg_control, to->msg_controllen);
    } else if (shown.header_size != header_size_) {
      Straighten(parts(index), shown.header_size, header_size_, payload, capacity);
    }
    return static_cast<unsigned>(wants_length ? payload : kept);
  }

 private:
  BorrowedMemory memory_;
  mmsghdr* own_ = nullptr;
  SourceAddress* names_ = nullptr;
  size_t header_size_ = 0;
};

}  // namespace

ssize_t ReceiveRelayed(int fd, msghdr* message, int flags) {
  const bool is_odd =
      message->msg_iovlen > IOV_MAX || (message->msg_iov == nullptr && message->msg_iovlen != 0);
  if (is_odd || !MayHaveRelays(fd)) return libc::recvmsg(fd, message, flags);
  if (message->msg_iovlen > IOV_MAX - 2) return ReceiveByOnePart(fd, message, flags);
  Receiver receiver(fd);
  const size_t capacity = SizeOf({message->msg_iov, message->msg_iovlen});
  Scratch<iovec, 16> room(message->msg_iovlen + 2);
  if (room.data() == nullptr) {
    errno = ENOMEM;
    return -1;
  }
  for (;;) {
    Margins margins;       // NOLINT(cppcoreguidelines-pro-type-member-init): the kernel's to fill
    SourceAddress source;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    const size_t expected = receiver.expected_header();
    Receiver::Surround(*message, expected, &margins, room.data());
    msghdr own = *message;
    own.msg_name = &source;
    own.msg_namelen = sizeof source;
    own.msg_iov = room.data();
    own.msg_iovlen = message->msg_iovlen + 2;
    // Without a relay its length counts for no more than there is room for; and what has come to the number
    // may be another socket, to which the flag means something else (tcp(7)).
    const int own_flags = receiver.has_relays() ? flags | MSG_TRUNC : flags;
    const ssize_t received = libc::recvmsg(fd, &own, own_flags);
    receiver.LookAgain();
    if (received < 0) {
      if (receiver.IsAboutEndedRelay(errno)) continue;
      return received;
    }
    const auto size = static_cast<size_t>(received);
    const std::span<const iovec> parts(room.data(), own.msg_iovlen);
    Shown shown;
    if (!receiver.Examine(own, parts, size, flags, &shown)) {
      if (!receiver.GoOnAfterDrop(flags)) return -1;
      continue;
    }
    const size_t payload = size - shown.header_size;
    const size_t kept = std::min(payload, capacity);
    if (shown.header_size != expected) Straighten(parts, shown.header_size, expected, payload, capacity);
    if ((flags & MSG_ERRQUEUE) == 0) receiver.set_expected_header(shown.header_size);
    TellFlags(own, payload, capacity, message);
    TellSource(shown, message);
    return static_cast<ssize_t>((flags & MSG_TRUNC) != 0 ? payload : kept);
  }
}

ssize_t ReceiveRelayed(int fd, const iovec* parts, size_t count, int flags) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = count;
  return ReceiveRelayed(fd, &message, flags);
}

ssize_t ReceiveRelayed(int fd, void* buffer, size_t size, int flags, sockaddr* address,
                       socklen_t* address_size) {
  iovec part = {.iov_base = buffer, .iov_len = size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  const bool wants_source = address != nullptr && address_size != nullptr;
  message.msg_name = wants_source ? address : nullptr;
  message.msg_namelen = wants_source ? *address_size : 0;
  const ssize_t received = ReceiveRelayed(fd, &message, flags);
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
      Shown shown;
      if (!receiver.Examine(batch.header(i), batch.parts(i), batch.messages()[i].msg_len, flags, &shown)) {
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

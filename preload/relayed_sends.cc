// SPDX-License-Identifier: BSD-2-Clause
#include "preload/relayed_sends.h"

#include <limits.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/socket_address.h"
#include "preload/borrowed_memory.h"
#include "preload/datagrams.h"
#include "preload/first_page.h"
#include "preload/originals.h"
#include "preload/outbound.h"
#include "preload/parts.h"
#include "preload/relayed_path.h"
#include "preload/scratch.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace socksify {
namespace {

// The program's segment size would cut the datagram with its header in it.
bool WantsSegments(const msghdr& message) {
  if (IsInFirstPage(message.msg_control)) return false;
  for (const cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr;
       each = CMSG_NXTHDR(const_cast<msghdr*>(&message), const_cast<cmsghdr*>(each))) {
    if (each->cmsg_level == IPPROTO_UDP && each->cmsg_type == UDP_SEGMENT) return true;
  }
  return false;
}

void Address(const Way& way, msghdr* message) {
  message->msg_name = const_cast<sockaddr*>(way.destination());
  message->msg_namelen = way.address_size;
}

// The parts with the header in front. `room` has one place more than there are parts, or IOV_MAX, in which
// case those that have no place are copied together to `rest`, of kMaxDatagram bytes.
size_t PutInFront(std::span<const uint8_t> header, std::span<const iovec> parts, iovec* room, uint8_t* rest) {
  room[0] = {.iov_base = const_cast<uint8_t*>(header.data()), .iov_len = header.size()};
  if (parts.size() < IOV_MAX) {
    std::ranges::copy(parts, room + 1);
    return parts.size() + 1;
  }
  const size_t kept = IOV_MAX - 2;
  std::ranges::copy(parts.first(kept), room + 1);
  // What is longer than any datagram is too long either way.
  const size_t size = CopyOut(parts.subspan(kept), 0, rest, kMaxDatagram);
  room[IOV_MAX - 1] = {.iov_base = rest, .iov_len = size};
  return IOV_MAX;
}

bool HasSaneParts(const msghdr& message) {
  if (message.msg_iovlen > IOV_MAX) {
    errno = EMSGSIZE;
    return false;
  }
  if (message.msg_iov == nullptr && message.msg_iovlen != 0) {
    errno = EFAULT;
    return false;
  }
  if (!WantsSegments(message)) return true;
  errno = EINVAL;
  return false;
}

// As the kernel has it (udp_sendmsg()).
bool IsAddressOf(const RelayedSocket& socket, const msghdr& message, const Decision& decision) {
  if (message.msg_name == nullptr) return true;
  const sa_family_t family = static_cast<const sockaddr*>(message.msg_name)->sa_family;
  if (socket.family == AF_INET && family == AF_INET6) {
    errno = EAFNOSUPPORT;
    return false;
  }
  errno = decision.destination.port() == 0 ? EINVAL : errno;
  return decision.destination.port() != 0;
}

bool IsCorked(int fd, int flags) {
  return (flags & MSG_MORE) != 0 || (g_descriptors.Flags(fd) & kCorked) != 0;
}

ssize_t SendInPieces(int fd, const Way& way, const msghdr& message, int flags) {
  const std::span<const iovec> parts(message.msg_iov, message.msg_iovlen);
  Scratch<iovec, 16> room(std::min<size_t>(parts.size() + 1, IOV_MAX));
  Scratch<uint8_t, 1> rest(parts.size() < IOV_MAX ? 1 : kMaxDatagram);
  if (room.data() == nullptr || rest.data() == nullptr) {
    errno = ENOBUFS;
    return -1;
  }
  msghdr own = message;
  Address(way, &own);
  own.msg_iov = room.data();
  own.msg_iovlen = PutInFront(way.header, parts, room.data(), rest.data());
  return libc::sendmsg(fd, static_cast<const msghdr*>(&own), flags);
}

// sendto(2) of a short datagram in one piece. Nothing where it is not one. Inline, because of the returns
// that follow a system call the processor may predict none.
[[gnu::always_inline]] inline std::optional<ssize_t> SendWhole(int fd, const Way& way, const msghdr& message,
                                                               int flags) {
  uint8_t whole[kUdpMaxHeaderSize + kMaxCopied];
  const size_t header_size = way.header.size();
  // A size that the compiler knows spares the usual header a loop.
  if (header_size == kUdpIpv4HeaderSize) {
    std::memcpy(whole, way.header.data(), kUdpIpv4HeaderSize);
  } else {
    std::memcpy(whole, way.header.data(), header_size);
  }
  const std::optional<size_t> size =
      Gather({message.msg_iov, message.msg_iovlen}, whole + header_size, kMaxCopied);
  if (!size) return std::nullopt;
  return libc::sendto(fd, static_cast<const void*>(whole), header_size + *size, flags, way.destination(),
                      way.address_size);
}

// How much of the payload was sent, of what was sent in all.
ssize_t PayloadOf(ssize_t sent, size_t header_size) {
  return sent < 0 ? sent : std::max<ssize_t>(sent - static_cast<ssize_t>(header_size), 0);
}

// Before the next datagram each is looked at, and the kernel told anew whom a socket is connected to: another
// process may have the socket, too.
void LookAtRelays(RelayedSocket* socket) {
  socket->connected_to = nullptr;
  ++socket->generation;
  for (const std::atomic<Relay*>& each : socket->relays) {
    if (Relay* const relay = each.load(std::memory_order_acquire)) relay->checked_ms = 0;
  }
}

// What the destination of a message means; a message without one goes to the peer, which is AddressedSend of
// kRelay.
AddressedSend JudgeMessage(int fd, const msghdr& message, int flags, Decision* decision) {
  if (message.msg_name == nullptr)
    return IsConnectedByRelay(fd) ? AddressedSend::kRelay : AddressedSend::kPass;
  const auto* const address = static_cast<const sockaddr*>(message.msg_name);
  if (!IsInternetDestination(address, message.msg_namelen)) return AddressedSend::kPass;
  return JudgeAddressedSend(fd, address, message.msg_namelen, flags, decision);
}

ssize_t SendOne(int fd, const msghdr& message, int flags) {
  Decision decision;
  switch (JudgeMessage(fd, message, flags, &decision)) {
    case AddressedSend::kPass: return libc::sendmsg(fd, &message, flags);
    case AddressedSend::kRelay:
      return SendRelayed(fd, message, flags, message.msg_name != nullptr ? &decision : nullptr);
    // The hook knows these; the program tries them again.
    case AddressedSend::kAnswer:
    case AddressedSend::kConnectFirst: errno = EAGAIN; return -1;
    case AddressedSend::kRefuse: break;
  }
  return -1;
}

// Messages for one sendmmsg(2): the program's, those for relays with their headers and addresses.
class Batch {
 public:
  // Its arrays are filled as messages are added. NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
  Batch(int fd, int flags) : fd_(fd), flags_(flags), runtime_(Runtime::Get()), socket_(g_relays.Find(fd)) {
    own_ = memory_.Take<mmsghdr>(kMaxMessages);
    ways_ = memory_.Take<Outgoing>(kMaxMessages);
  }

  // Takes messages up to one that needs more than its header, and returns how many.
  unsigned Fill(const mmsghdr* messages, unsigned count) {
    if (runtime_ == nullptr || own_ == nullptr || ways_ == nullptr || IsCorked(fd_, flags_)) return 0;
    if (socket_ == nullptr) socket_ = g_relays.Provide(fd_, SocketOption(fd_, SO_DOMAIN));
    if (socket_ == nullptr || socket_->is_corked.load(std::memory_order_relaxed)) return 0;
    while (count_ < std::min(count, kMaxMessages) && Add(messages[count_].msg_hdr)) ++count_;
    return count_;
  }

  // sendmmsg(2); tells the program the lengths.
  int Send(mmsghdr* messages) {
    const int sent = libc::sendmmsg(fd_, own_, count_, flags_);
    for (int i = 0; i < sent; ++i) {
      const size_t header_size = last_way_[i] != kNoWay ? ways_[last_way_[i]].header.size : 0;
      messages[i].msg_len = own_[i].msg_len - static_cast<unsigned>(header_size);
    }
    return sent;
  }

 private:
  static constexpr unsigned kMaxMessages = 64;
  static constexpr uint8_t kNoWay = 255;

  bool Add(const msghdr& message) {
    own_[count_].msg_hdr = message;
    last_way_[count_] = kNoWay;
    if (!HasSaneParts(message) || message.msg_iovlen >= IOV_MAX) return false;
    const bool is_as_before = count_ > 0 && IsSameDestination(message, own_names_[count_ - 1]);
    own_names_[count_] = {message.msg_name, message.msg_namelen};
    if (is_as_before) {
      last_way_[count_] = last_way_[count_ - 1];
    } else if (!FindWay(message)) {
      return false;
    }
    if (last_way_[count_] == kNoWay) return true;
    auto* const room = memory_.Take<iovec>(message.msg_iovlen + 1);
    if (room == nullptr) return false;
    const Way way = ways_[last_way_[count_]].way();
    msghdr& own = own_[count_].msg_hdr;
    Address(way, &own);
    own.msg_iov = room;
    own.msg_iovlen = PutInFront(way.header, {message.msg_iov, message.msg_iovlen}, room, nullptr);
    return true;
  }

  bool FindWay(const msghdr& message) {
    const AddressedSend judged = JudgeMessage(fd_, message, flags_, &decision_);
    if (judged == AddressedSend::kPass) return true;
    if (judged != AddressedSend::kRelay) return false;
    if (message.msg_name == nullptr && !DecideForPeer(runtime_, fd_, &decision_)) return false;
    if (!IsAddressOf(*socket_, message, decision_)) return false;
    const bool is_to_peer = message.msg_name == nullptr || IsForPeer(fd_, decision_);
    last_way_[count_] = way_count_;
    if (!Prepare(runtime_, fd_, socket_, decision_, is_to_peer, &ways_[way_count_])) return false;
    ++way_count_;
    return true;
  }

  struct Name {
    const void* address;
    socklen_t size;
  };
  static bool IsSameDestination(const msghdr& message, const Name& before) {
    if (message.msg_namelen != before.size || (message.msg_name == nullptr) != (before.address == nullptr))
      return false;
    return message.msg_name == before.address ||
           std::memcmp(message.msg_name, before.address, before.size) == 0;
  }

  const int fd_;
  const int flags_;
  Runtime* const runtime_;
  RelayedSocket* socket_;
  BorrowedMemory memory_;
  mmsghdr* own_;
  Outgoing* ways_;
  unsigned count_ = 0;
  uint8_t way_count_ = 0;
  Decision decision_;
  Name own_names_[kMaxMessages];
  uint8_t last_way_[kMaxMessages];
};

// The datagram has begun; this is more of it, wherever it says that it goes (udp_sendmsg()).
ssize_t SendMore(int fd, RelayedSocket* socket, const msghdr& message, int flags) {
  msghdr bare = message;
  bare.msg_name = nullptr;
  bare.msg_namelen = 0;
  const ssize_t sent = libc::sendmsg(fd, static_cast<const msghdr*>(&bare), flags);
  // To IPv4, what is longer than any datagram is refused before it is added; any other failure throws all
  // away.
  const bool is_kept = sent < 0 && errno == EMSGSIZE && socket->is_corked_to_ipv4 &&
                       SizeOf({message.msg_iov, message.msg_iovlen}) >= kMaxDatagram;
  if (!is_kept && (sent < 0 || !IsCorked(fd, flags))) socket->is_corked = false;
  return sent;
}

}  // namespace

bool SendByKnownPath(int fd, const msghdr& message, int flags, SendCall call, ssize_t* result) {
  RelayedSocket* const socket = g_relays.Find(fd);
  if (socket != nullptr && socket->is_corked.load(std::memory_order_relaxed)) {
    *result = SendMore(fd, socket, message, flags);
    return true;
  }
  if (socket == nullptr || message.msg_controllen != 0 || message.msg_iovlen >= IOV_MAX) return false;
  if (message.msg_iov == nullptr || IsCorked(fd, flags)) return false;
  Unwritten<KnownPath> room;
  const KnownPath& known = room.value;
  if (!RecallPath(*socket, static_cast<const sockaddr*>(message.msg_name), message.msg_namelen, &room.value))
    return false;
  const Way way = {{known.header, known.header_size}, &known.address, known.address_size};
  const std::optional<ssize_t> whole =
      call == SendCall::kSendto ? SendWhole(fd, way, message, flags) : std::nullopt;
  *result = PayloadOf(whole ? *whole : SendInPieces(fd, way, message, flags), way.header.size());
  // The relay may be gone; those who look closer know what to do.
  return *result >= 0 || errno != ECONNREFUSED;
}

ssize_t SendRelayed(int fd, const msghdr& message, int flags, const Decision* decision) {
  Runtime* const runtime = Runtime::Get();
  if (runtime == nullptr) {
    errno = ENETUNREACH;
    return -1;
  }
  if (!HasSaneParts(message)) return -1;
  Decision for_peer;
  const bool is_to_peer = decision == nullptr || IsForPeer(fd, *decision);
  if (decision == nullptr) {
    if (!DecideForPeer(runtime, fd, &for_peer)) return -1;
    decision = &for_peer;
  }
  RelayedSocket* socket = g_relays.Find(fd);
  if (socket == nullptr) {
    const int family = SocketOption(fd, SO_DOMAIN);
    // It was a socket, once: something else has its number.
    if (family < 0) return -1;
    socket = g_relays.Provide(fd, family);
  }
  if (socket == nullptr) {
    errno = ENOBUFS;
    return -1;
  }
  if (!IsAddressOf(*socket, message, *decision)) return -1;
  if (socket->is_corked.load(std::memory_order_relaxed)) return SendMore(fd, socket, message, flags);
  for (bool is_repeated = false;; is_repeated = true) {
    Outgoing way;
    const uint32_t generation = socket->generation.load(std::memory_order_acquire);
    if (!Prepare(runtime, fd, socket, *decision, is_to_peer, &way)) return -1;
    const ssize_t sent = PayloadOf(SendInPieces(fd, way.way(), message, flags), way.header.size);
    if (sent >= 0) {
      RememberPath(runtime, socket, generation, static_cast<const sockaddr*>(message.msg_name),
                   message.msg_namelen, *decision, way);
    }
    if (sent >= 0 && IsCorked(fd, flags)) {
      socket->is_corked_to_ipv4 =
          socket->family == AF_INET || IN6_IS_ADDR_V4MAPPED(&way.address.sin6_addr) != 0;
      socket->is_corked = true;
    }
    // The relay is gone, which is not the destination's doing.
    if (sent >= 0 || errno != ECONNREFUSED || is_repeated) return sent;
    LookAtRelays(socket);
  }
}

ssize_t SendRelayed(int fd, const iovec* parts, size_t count, int flags) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = count;
  ssize_t sent = 0;
  return SendByKnownPath(fd, message, flags, SendCall::kSendto, &sent)
             ? sent
             : SendRelayed(fd, message, flags, nullptr);
}

int SendManyRelayed(int fd, mmsghdr* messages, unsigned count, int flags) {
  unsigned sent = 0;
  bool is_repeated = false;
  // As the kernel does.
  count = std::min<unsigned>(count, UIO_MAXIOV);
  while (sent < count) {
    Batch batch(fd, flags);
    const unsigned wanted = batch.Fill(messages + sent, count - sent);
    if (wanted == 0) {
      // One that needs a closer look.
      const ssize_t size = SendOne(fd, messages[sent].msg_hdr, flags);
      if (size < 0) break;
      messages[sent++].msg_len = static_cast<unsigned>(size);
      continue;
    }
    const int result = batch.Send(messages + sent);
    if (result < 0 && errno == ECONNREFUSED && !is_repeated) {
      is_repeated = true;
      if (RelayedSocket* const socket = g_relays.Find(fd)) LookAtRelays(socket);
      continue;
    }
    if (result <= 0) break;
    sent += static_cast<unsigned>(result);
    if (static_cast<unsigned>(result) < wanted) break;
  }
  return sent > 0 ? static_cast<int>(sent) : -1;
}

int HeaderSizeOfPeer(int fd) {
  Runtime* const runtime = Runtime::Get();
  Decision decision;
  if (runtime == nullptr || !DecideForPeer(runtime, fd, &decision)) return 0;
  UdpHeader header;
  MakeUdpHeader(decision.destination, &header);
  return static_cast<int>(header.size);
}

}  // namespace socksify

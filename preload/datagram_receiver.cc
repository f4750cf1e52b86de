// SPDX-License-Identifier: BSD-2-Clause
#include "preload/datagram_receiver.h"

#include <poll.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dialer/udp_association.h"
#include "preload/datagrams.h"
#include "preload/dns_by_hand.h"
#include "preload/originals.h"
#include "preload/parts.h"
#include "preload/relayed_sends.h"

namespace socksify {

void Receiver::LookAgain() {
  if (socket_ != nullptr) return;
  socket_ = g_relays.Find(fd_);
  FindPeer();
}

size_t Receiver::expected_header() const {
  return socket_ != nullptr ? socket_->header_size.load(std::memory_order_relaxed) : 0;
}

void Receiver::set_expected_header(size_t size) {
  if (socket_ != nullptr && size != expected_header()) socket_->header_size = static_cast<unsigned>(size);
}

void Receiver::Surround(const msghdr& message, size_t header_size, Margins* margins, iovec* out) {
  out[0] = {.iov_base = margins->front, .iov_len = header_size};
  std::copy_n(message.msg_iov, message.msg_iovlen, out + 1);
  out[message.msg_iovlen + 1] = {.iov_base = margins->back, .iov_len = sizeof margins->back};
}

bool Receiver::Examine(const Arrival& arrival, int flags, Shown* out) {
  if (ExamineDatagram(arrival, out)) return true;
  if ((flags & MSG_ERRQUEUE) == 0) return false;
  // An error of this side's has nothing of the datagram's but where it was to go.
  out->header_size = 0;
  ShowAsItIs(arrival, out);
  if (is_connected_)
    out->address_size = ToSockaddr(peer_.ip, peer_.port, socket_->family, &out->address.internet);
  return true;
}

bool Receiver::GoOnAfterDrop(int flags) {
  if ((flags & MSG_PEEK) != 0) {
    // It was only looked at, and must make way.
    char nothing = 0;
    libc::recv(fd_, static_cast<void*>(&nothing), size_t{0}, MSG_DONTWAIT);
  }
  if ((flags & MSG_DONTWAIT) != 0 || (g_descriptors.Flags(fd_) & kTransferTimeout) == 0) return true;
  timeval limit{};
  socklen_t size = sizeof limit;
  libc::getsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, static_cast<void*>(&limit), &size);
  if (limit.tv_sec == 0 && limit.tv_usec == 0) return true;
  const long long now_ms = MonotonicMs();
  if (deadline_ms_ == 0)
    deadline_ms_ = now_ms + static_cast<long long>(limit.tv_sec) * 1000 + limit.tv_usec / 1000;
  pollfd readable = {.fd = fd_, .events = POLLIN, .revents = 0};
  const auto left_ms = static_cast<int>(std::clamp(deadline_ms_ - now_ms, 0LL, 3'600'000LL));
  const int ready = libc::poll(&readable, nfds_t{1}, left_ms);
  if (ready == 0) errno = EAGAIN;
  return ready > 0;
}

bool Receiver::IsAboutEndedRelay(int error) const {
  if (error != ECONNREFUSED || socket_ == nullptr || !is_connected_) return false;
  const Relay* const relay = socket_->connected_to.load(std::memory_order_acquire);
  RelayData data;
  if (relay == nullptr || !relay->data.Read(&data) || data.is_direct) return relay == nullptr;
  // Another process has the socket, too, and had it connected to a relay of its own.
  SocketAddress peer{};
  socklen_t size = sizeof peer;
  libc::getpeername(fd_, &peer.generic, &size);
  if (peer.v6.sin6_port != data.address.sin6_port) {
    socket_->connected_to = nullptr;
    ++socket_->generation;
    return true;
  }
  return SocketCookie(data.control_fd) != data.control_cookie ||
         !IsAssociationAlive(OriginalSystem(), data.control_fd);
}

bool Receiver::ExamineDatagram(const Arrival& arrival, Shown* out) {
  if (arrival.source_size == 0) return ShowAsItIs(arrival, out);
  if (socket_ == nullptr) return ShowNobodysRelay(arrival, out);
  const SocketAddress& source = arrival.source.internet;
  if (source.generic.sa_family != socket_->family) return ShowAsItIs(arrival, out);
  Unwritten<RelayData> relay;
  if (!Relays::FindSource(*socket_, source, &relay.value)) return ExamineForeign(arrival, out);
  const bool is_usual = !relay.value.is_direct && !relay.value.key.is_for_name && !is_connected_;
  return (is_usual && ShowIpv4Source(arrival, out)) || ExamineRelayed(relay.value, arrival, out);
}

bool Receiver::ExamineRelayed(const RelayData& relay, const Arrival& arrival, Shown* out) {
  const std::optional<IpAndPort> source = ReadSockaddr(&arrival.source.internet.generic, arrival.source_size);
  if (!source) return false;
  IpAndPort shown = *source;
  if (!relay.is_direct) {
    const auto header = ReadHeader(arrival);
    if (!header) return false;
    out->header_size = header->size;
    if (header->source.is_name() && !relay.key.is_for_name) return false;
    shown = {header->source.ip(), header->source.port()};
  }
  shown.ip = relay.key.is_for_name ? relay.key.fake : shown.ip.Unmapped();
  if (is_connected_ && !IsFromPeer(shown)) return false;
  out->address_size = ToSockaddr(shown.ip, shown.port, socket_->family, &out->address.internet);
  return out->address_size != 0;
}

bool Receiver::IsFromPeer(const IpAndPort& source) {
  const bool has_queued = socket_->has_queued.load(std::memory_order_relaxed);
  if (source.ip != peer_.ip || source.port != peer_.port) return has_queued;
  if (has_queued) socket_->has_queued = false;
  return true;
}

std::expected<ReceivedUdpHeader, UdpHeaderError> Receiver::ReadHeader(const Arrival& arrival) {
  const iovec& front = arrival.parts[0];
  if (front.iov_len < std::min(arrival.size, kUdpMaxHeaderSize)) return ReadScatteredHeader(arrival);
  return ReadUdpHeader({static_cast<const uint8_t*>(front.iov_base), std::min(front.iov_len, arrival.size)});
}

// Apart, since it takes more of the stack.
[[gnu::noinline]] std::expected<ReceivedUdpHeader, UdpHeaderError> Receiver::ReadScatteredHeader(
    const Arrival& arrival) {
  const iovec& front = arrival.parts[0];
  const auto header = ReadUdpHeader({static_cast<const uint8_t*>(front.iov_base), front.iov_len});
  if (header || header.error() != UdpHeaderError::kTruncated) return header;
  uint8_t gathered[kUdpMaxHeaderSize];
  const size_t count = CopyOut(arrival.parts, 0, gathered, std::min(arrival.size, sizeof gathered));
  return ReadUdpHeader({gathered, count});
}

bool Receiver::ShowIpv4Source(const Arrival& arrival, Shown* out) const {
  if (socket_->family != AF_INET) return false;
  const auto* const front = static_cast<const uint8_t*>(arrival.parts[0].iov_base);
  const uint8_t* const ipv4 = Ipv4SourceOf({front, std::min(arrival.parts[0].iov_len, arrival.size)});
  if (ipv4 == nullptr) return false;
  sockaddr_in& shown = out->address.internet.v4;
  shown = {};
  shown.sin_family = AF_INET;
  std::memcpy(&shown.sin_addr, ipv4, sizeof shown.sin_addr);
  std::memcpy(&shown.sin_port, ipv4 + sizeof shown.sin_addr, sizeof shown.sin_port);
  out->address_size = sizeof shown;
  out->header_size = kUdpIpv4HeaderSize;
  return true;
}

bool Receiver::ShowAsItIs(const Arrival& arrival, Shown* out) {
  std::memcpy(&out->address, &arrival.source, std::min<size_t>(arrival.source_size, sizeof out->address));
  out->address_size = arrival.source_size;
  return true;
}

bool Receiver::ShowNobodysRelay(const Arrival& arrival, Shown* out) const {
  ShowAsItIs(arrival, out);
  if ((g_descriptors.Flags(fd_) & kDnsByHand) == 0) return true;
  socklen_t size = out->address_size;
  if (ShowNameServer(&out->address.internet.generic, sizeof out->address, &size)) out->address_size = size;
  return true;
}

bool Receiver::ExamineForeign(const Arrival& arrival, Shown* out) {
  ShowAsItIs(arrival, out);
  if (is_connected_ && !socket_->has_queued.load(std::memory_order_relaxed)) return false;
  if (Relays::IsForgotten(*socket_, out->address.internet)) return false;
  socklen_t size = out->address_size;
  if (ShowNameServer(&out->address.internet.generic, sizeof out->address, &size)) {
    out->address_size = size;
    return true;
  }
  Runtime* const runtime = Runtime::Get();
  const auto source = EndpointFromSockaddr(&out->address.internet.generic, out->address_size);
  if (runtime == nullptr || !source) return false;
  Decision decision;
  Decide(runtime, fd_, *source, Transport::kUdp, &decision);
  if (decision.failure != nullptr || decision.is_fake) return false;
  return decision.rule->group[0].kind == Target::Kind::kDirect;
}

void Receiver::FindPeer() {
  is_connected_ = socket_ != nullptr && IsConnectedByRelay(fd_);
  const std::optional<Connection> connection = is_connected_ ? g_descriptors.Find(fd_) : std::nullopt;
  const auto peer =
      connection ? ReadSockaddr(&connection->peer.generic, connection->peer_size) : std::nullopt;
  if (peer) peer_ = {peer->ip.Unmapped(), peer->port};
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// What has come to a datagram socket with relays: from whom, where the payload begins, and whether it is for
// the program at all.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>
#include <expected>
#include <span>

#include "base/socket_address.h"
#include "preload/connections.h"
#include "preload/relays.h"
#include "protocol/udp_header.h"

namespace socksify {

// Whom a datagram came from. What has come to the number may be a socket of another family.
union SourceAddress {
  SocketAddress internet;
  sockaddr_storage any;
};

// A datagram, header and all, as the kernel has given it. Its parts are filled in from the front as far as it
// reaches; it may be longer than they are.
struct Arrival {  // NOLINT(cppcoreguidelines-pro-type-member-init): the kernel's to fill
  SourceAddress source;
  socklen_t source_size;  // 0: the kernel has not said
  std::span<const iovec> parts;
  size_t size;
};

// What the program is to see of a datagram.
struct Shown {  // NOLINT(cppcoreguidelines-pro-type-member-init): made for each datagram
  SourceAddress address;
  socklen_t address_size = 0;
  size_t header_size = 0;
};

// Memory in front of the program's and behind it: the header, and what the program has no room for because
// the header is longer than it was the last time.
struct Margins {
  uint8_t front[kUdpMaxHeaderSize];
  uint8_t back[kUdpMaxHeaderSize];
};

// One call's view of the socket.
class Receiver {
 public:
  explicit Receiver(int fd) : fd_(fd), socket_(g_relays.Find(fd)) { FindPeer(); }

  // To be called when something has come: the first relay may be there since.
  void LookAgain();

  bool has_relays() const { return socket_ != nullptr; }
  // The size that the next header is expected to have.
  size_t expected_header() const;
  void set_expected_header(size_t size);

  // The parts of `message` with the margins around them: two more than it has.
  static void Surround(const msghdr& message, size_t header_size, Margins* margins, iovec* out);

  // False: the datagram is not for the program.
  bool Examine(const Arrival& arrival, int flags, Shown* out);

  // A datagram has come that nobody may see. False with errno when the call is not to wait for another one:
  // its time is over.
  bool GoOnAfterDrop(int flags);

  // Whether an error of the kernel's is about a relay that has ended, which the program does not know of.
  bool IsAboutEndedRelay(int error) const;

 private:
  bool ExamineDatagram(const Arrival& arrival, Shown* out);
  bool ExamineRelayed(const RelayData& relay, const Arrival& arrival, Shown* out);

  // They come in the order in which they came to the socket.
  bool IsFromPeer(const IpAndPort& source);

  static std::expected<ReceivedUdpHeader, UdpHeaderError> ReadHeader(const Arrival& arrival);
  // One that may not lie in the first part.
  static std::expected<ReceivedUdpHeader, UdpHeaderError> ReadScatteredHeader(const Arrival& arrival);

  // The usual case, without the detour by way of an Endpoint.
  bool ShowIpv4Source(const Arrival& arrival, Shown* out) const;

  static bool ShowAsItIs(const Arrival& arrival, Shown* out);

  bool ShowNobodysRelay(const Arrival& arrival, Shown* out) const;

  // From none of the relays that are known: a helper for a name server, or somebody whom the program reaches
  // directly.
  bool ExamineForeign(const Arrival& arrival, Shown* out);

  void FindPeer();

  const int fd_;
  RelayedSocket* socket_;
  bool is_connected_ = false;
  IpAndPort peer_;
  long long deadline_ms_ = 0;  // of the call, once something was dropped
};

}  // namespace socksify

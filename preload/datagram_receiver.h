// SPDX-License-Identifier: BSD-2-Clause
// What has come to a datagram socket with relays: from whom, where the payload begins, and whether it is for
// the program at all.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>
#include <expected>
#include <span>

#include "base/endpoint.h"
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

// What the program is to see of a datagram.
struct Shown {
  SourceAddress address{};
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

  // Looks at a datagram of `size` bytes, which lies in `parts` as far as they reach. False: it is not for the
  // program.
  bool Examine(const msghdr& message, std::span<const iovec> parts, size_t size, int flags, Shown* out);

  // A datagram has come that nobody may see. False with errno when the call is not to wait for another one:
  // its time is over.
  bool GoOnAfterDrop(int flags);

  // Whether an error of the kernel's is about a relay that has ended, which the program does not know of.
  bool IsAboutEndedRelay(int error) const;

 private:
  bool ExamineDatagram(const msghdr& message, std::span<const iovec> parts, size_t size, Shown* out);

  // They come in the order in which they came to the socket.
  bool IsFromPeer(const Endpoint& source);

  static std::expected<ReceivedUdpHeader, UdpHeaderError> ReadHeader(std::span<const iovec> parts,
                                                                     size_t size);

  // The usual case, without the detour by way of an Endpoint.
  bool ShowIpv4Source(std::span<const iovec> parts, size_t size, Shown* out) const;

  static bool ShowAsItIs(const msghdr& message, Shown* out);

  bool ShowNobodysRelay(const msghdr& message, Shown* out) const;

  // From none of the relays that are known: a helper for a name server, or somebody whom the program reaches
  // directly.
  bool ExamineForeign(const msghdr& message, Shown* out);

  void FindPeer();

  const int fd_;
  RelayedSocket* socket_;
  bool is_connected_ = false;
  Endpoint peer_;
  long long deadline_ms_ = 0;  // of the call, once something was dropped
};

}  // namespace socksify

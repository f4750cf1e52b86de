// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/socks4_client.h"

#include <array>
#include <cerrno>
#include <memory>

#include "protocol/expected_peer.h"
#include "protocol/reply_code.h"

namespace socksify {
namespace {

constexpr uint8_t kVersion = 4;
constexpr uint8_t kReplyVersion = 0;
constexpr uint8_t kRequestGranted = 90;

// The SOCKS4 memo, section "CONNECT".
constexpr ReplyCode kReplyCodes[] = {
    {91, ECONNREFUSED, Fault::kDestination, "request rejected or failed"},
    {92, EACCES, Fault::kServer, "request rejected: the proxy cannot reach identd on this host"},
    {93, EACCES, Fault::kServer, "request rejected: identd reports a different user id"},
};

// 0.0.0.x with a non-zero x announces a name in SOCKS4A.
constexpr uint32_t kNameFollows = 0x00000001;
bool AnnouncesName(uint32_t address) {
  return address != 0 && address <= 0xff;
}

Failure CannotCarry(int error, const char* reason) {
  return {.fault = Fault::kServer, .error = error, .reply_code = -1, .reason = reason};
}

}  // namespace

// Not at its declaration, so that what it leaves alone is not cleared (message.h).
Socks4Client::Socks4Client() = default;

// The request (4A appends the name, after an address of 0.0.0.x):
//
//   +----+----+---------+-------+----------+------+ - - - - -+- - - +
//   | VN | CD | DSTPORT | DSTIP |  USERID  | NULL | HOSTNAME | NULL |
//   +----+----+---------+-------+----------+------+ - - - - -+- - - +
//   | 4  | 1/2|    2    |   4   | variable |  0   | variable |  0   |
//   +----+----+---------+-------+----------+------+ - - - - -+- - - +
void Socks4Client::Start(const Endpoint& destination, Socks4Dialect dialect, std::string_view user_id,
                         Socks4Command command) {
  std::destroy_at(this);
  std::construct_at(this);
  if (command == Socks4Command::kBind) listening_ = Listening::kAsked;
  if (user_id.size() > kMaxUserIdSize) {
    return Fail(CannotCarry(EACCES, "the SOCKS4 user id is longer than 255 bytes"));
  }
  if (user_id.find('\0') != std::string_view::npos) {
    return Fail(CannotCarry(EACCES, "the SOCKS4 user id contains a NUL byte"));
  }
  uint32_t address = kNameFollows;
  if (destination.is_name()) {
    if (dialect == Socks4Dialect::kSocks4) {
      return Fail(CannotCarry(EAFNOSUPPORT,
                              "SOCKS4 carries addresses only; use socks4a or socks5 to send host names"));
    }
  } else if (!destination.ip().is_v4()) {
    return Fail(CannotCarry(EAFNOSUPPORT, "SOCKS4 carries IPv4 only; use socks5 for IPv6 destinations"));
  } else {
    address = destination.ip().v4_value();
    if (AnnouncesName(address)) {
      return Fail(CannotCarry(ENETUNREACH, "SOCKS4 cannot carry the addresses 0.0.0.1 to 0.0.0.255"));
    }
  }

  output_.AppendByte(kVersion);
  output_.AppendByte(static_cast<uint8_t>(command));
  output_.AppendUint16(destination.port());
  output_.AppendUint16(static_cast<uint16_t>(address >> 16));
  output_.AppendUint16(static_cast<uint16_t>(address));
  output_.Append(AsBytes(user_id));
  output_.AppendByte(0);
  if (destination.is_name()) {
    output_.Append(AsBytes(destination.name()));
    output_.AppendByte(0);
  }
  state_ = HandshakeState::kWrite;
}

void Socks4Client::OutputSent(size_t count) {
  if (state_ != HandshakeState::kWrite) return;
  output_.Sent(count);
  if (!output_.pending().empty()) return;
  input_.Expect(kReplySize);
  state_ = HandshakeState::kRead;
}

// The reply, of which BIND has two: the second comes with the peer. VN is 0; some servers send 4. Anything
// but "granted" is the answer as soon as CD is there: some servers close the connection before the rest.
//
//   +----+----+---------+-------+
//   | VN | CD | DSTPORT | DSTIP |
//   +----+----+---------+-------+
//   | 1  | 1  |    2    |   4   |
//   +----+----+---------+-------+
void Socks4Client::Input(std::span<const uint8_t> bytes) {
  if (state_ != HandshakeState::kRead) return;
  input_.Take(bytes);
  const std::span<const uint8_t> reply = input_.bytes();
  if (input_.Has(1) && reply[0] != kReplyVersion && reply[0] != kVersion) {
    return Fail(ProtocolViolation("the reply does not begin with version 0; is this a SOCKS4 proxy?"));
  }
  if (input_.Has(2) && reply[1] != kRequestGranted) {
    const ReplyCode* const refusal = FindReplyCode(kReplyCodes, reply[1]);
    return Fail(refusal != nullptr ? Refusal(*refusal)
                                   : ProtocolViolation("the reply has a code that SOCKS4 does not know"));
  }
  if (input_.missing() != 0) return;
  const uint32_t address =
      uint32_t{reply[4]} << 24 | uint32_t{reply[5]} << 16 | uint32_t{reply[6]} << 8 | reply[7];
  const Endpoint endpoint =
      Endpoint::FromIp(IpAddress::V4(address), static_cast<uint16_t>(reply[2] << 8 | reply[3]));
  if (listening_ == Listening::kAwaitsPeer) return OnPeer(endpoint);
  if (listening_ == Listening::kAsked) listening_ = Listening::kListening;
  bound_ = endpoint;
  state_ = HandshakeState::kDone;
}

void Socks4Client::AwaitPeer(const std::optional<IpAddress>& expected) {
  if (state_ != HandshakeState::kDone || listening_ != Listening::kListening) return;
  expected_peer_ = expected;
  listening_ = Listening::kAwaitsPeer;
  state_ = HandshakeState::kRead;
  input_.Expect(kReplySize);
}

void Socks4Client::OnPeer(const Endpoint& peer) {
  if (!peer.ip().IsUnspecified() && !IsExpectedPeer(expected_peer_, peer)) return Fail(kUnexpectedPeer);
  peer_ = peer;
  state_ = HandshakeState::kDone;
}

void Socks4Client::InputClosed() {
  if (state_ != HandshakeState::kWrite && state_ != HandshakeState::kRead) return;
  const size_t received = input_.bytes().size();
  Fail(listening_ == Listening::kAwaitsPeer && received == 0 ? kNoPeerCame : ClosedByProxy(received));
}

void Socks4Client::Fail(const Failure& failure) {
  output_.Wipe();
  failure_ = failure;
  state_ = HandshakeState::kFailed;
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/socks5_client.h"

#include <array>
#include <cerrno>
#include <memory>

#include "protocol/expected_peer.h"
#include "protocol/reply_code.h"

namespace socksify {
namespace {

constexpr uint8_t kVersion = 5;
constexpr uint8_t kReplySucceeded = 0;
constexpr size_t kLeastReplySize = 3 + kSocks5MinAddressSize;
// So many bytes of a reply tell how many it has.
constexpr size_t kTellingSize = 5;

// RFC 1928 section 3.
constexpr uint8_t kMethodNone = 0x00;
constexpr uint8_t kMethodUsername = 0x02;
constexpr uint8_t kNoAcceptableMethod = 0xff;

// RFC 1929 section 2.
constexpr uint8_t kCredentialsVersion = 1;
constexpr uint8_t kCredentialsAccepted = 0;

// RFC 1928 section 6. A general failure says nothing of the destination, so another path may do better.
constexpr ReplyCode kReplyCodes[] = {
    {1, ECONNREFUSED, Fault::kServer, "general SOCKS server failure"},
    {2, EACCES, Fault::kDestination, "connection not allowed by the proxy's ruleset"},
    {3, ENETUNREACH, Fault::kDestination, "network unreachable"},
    {4, EHOSTUNREACH, Fault::kDestination, "host unreachable"},
    {5, ECONNREFUSED, Fault::kDestination, "connection refused"},
    {6, ETIMEDOUT, Fault::kDestination, "TTL expired"},
    {7, EOPNOTSUPP, Fault::kServer, "command not supported by the proxy"},
    {8, EAFNOSUPPORT, Fault::kServer, "address type not supported by the proxy"},
};

constexpr Failure kOverrun = {.fault = Fault::kServer,
                              .error = ECONNABORTED,
                              .reply_code = -1,
                              .reason = "the proxy's reply is shorter than its replies before"};

Failure AccessFailure(const char* reason) {
  return {.fault = Fault::kServer, .error = EACCES, .reply_code = -1, .reason = reason};
}

}  // namespace

// Not at its declaration, so that what it leaves alone is not cleared (message.h).
Socks5Client::Socks5Client() = default;

// The greeting (RFC 1928 section 3):
//
//   +-----+----------+----------+
//   | VER | NMETHODS | METHODS  |
//   +-----+----------+----------+
//   |  5  |    1     | 1 to 255 |
//   +-----+----------+----------+
void Socks5Client::Start(const Endpoint& destination, const Socks5Auth& auth, Socks5Command command) {
  // Not by assigning another one, which would take two kilobytes of the program's stack.
  std::destroy_at(this);
  std::construct_at(this);
  command_ = command;
  destination_ = destination;
  none_offered_ = auth.offer_none;
  username_offered_ = auth.offer_username && !auth.username.empty();
  is_pipelined_ = auth.pipelined;
  expects_usual_reply_ = auth.expects_usual_reply && command == Socks5Command::kConnect;
  if (is_pipelined_ && username_offered_) none_offered_ = false;
  if (!none_offered_ && !username_offered_) {
    return Fail(AccessFailure("no authentication method to offer; set a username or allow method none"));
  }
  if (username_offered_) {
    if (auth.username.size() > kMaxCredentialSize) {
      return Fail(AccessFailure("the SOCKS5 username is longer than 255 bytes"));
    }
    if (auth.password.size() > kMaxCredentialSize) {
      return Fail(AccessFailure("the SOCKS5 password is longer than 255 bytes"));
    }
    BuildCredentials(auth);
  }

  output_.AppendByte(kVersion);
  output_.AppendByte(none_offered_ && username_offered_ ? 2 : 1);
  if (none_offered_) output_.AppendByte(kMethodNone);
  if (username_offered_) output_.AppendByte(kMethodUsername);
  step_ = Step::kSendGreeting;
  if (!is_pipelined_) return;
  output_.Append(credentials_.pending());
  credentials_.Wipe();
  AppendRequest();
  step_ = Step::kSendFlight;
}

// The user name and password (RFC 1929 section 2):
//
//   +-----+------+----------+------+----------+
//   | VER | ULEN |  UNAME   | PLEN |  PASSWD  |
//   +-----+------+----------+------+----------+
//   |  1  |  1   | 1 to 255 |  1   | 1 to 255 |
//   +-----+------+----------+------+----------+
void Socks5Client::BuildCredentials(const Socks5Auth& auth) {
  credentials_.AppendByte(kCredentialsVersion);
  credentials_.AppendByte(static_cast<uint8_t>(auth.username.size()));
  credentials_.Append(AsBytes(auth.username));
  credentials_.AppendByte(static_cast<uint8_t>(auth.password.size()));
  credentials_.Append(AsBytes(auth.password));
}

// The request (RFC 1928 section 4):
//
//   +-----+-----+-----+------+----------+----------+
//   | VER | CMD | RSV | ATYP | DST.ADDR | DST.PORT |
//   +-----+-----+-----+------+----------+----------+
//   |  5  | 1-3 |  0  |  1   | variable |    2     |
//   +-----+-----+-----+------+----------+----------+
void Socks5Client::AppendRequest() {
  output_.AppendByte(kVersion);
  output_.AppendByte(static_cast<uint8_t>(command_));
  output_.AppendByte(0);
  std::array<uint8_t, kSocks5MaxAddressSize> address{};
  const size_t size = EncodeSocks5Address(destination_, address);
  output_.Append(std::span(address).first(size));
}

// The request is next; in one flight it has been sent.
void Socks5Client::SendRequest() {
  if (is_pipelined_) return ReadReply();
  AppendRequest();
  step_ = Step::kSendRequest;
}

void Socks5Client::ReadReply() {
  step_ = Step::kReadReply;
  input_.Expect(kLeastReplySize);
}

HandshakeState Socks5Client::state() const {
  switch (step_) {
    case Step::kSendFlight:
    case Step::kSendGreeting:
    case Step::kSendCredentials:
    case Step::kSendRequest: return HandshakeState::kWrite;
    case Step::kReadMethod:
    case Step::kReadCredentialsStatus:
    case Step::kReadReply:
    case Step::kReadPeer: return HandshakeState::kRead;
    case Step::kListening:
    case Step::kDone: return HandshakeState::kDone;
    case Step::kFailed: break;
  }
  return HandshakeState::kFailed;
}

std::span<const uint8_t> Socks5Client::output() const {
  return step_ == Step::kSendCredentials ? credentials_.pending() : output_.pending();
}

void Socks5Client::OutputSent(size_t count) {
  if (state() != HandshakeState::kWrite) return;
  if (step_ == Step::kSendCredentials) {
    credentials_.Sent(count);
  } else {
    output_.Sent(count);
  }
  if (!output().empty()) return;
  switch (step_) {
    case Step::kSendFlight:
    case Step::kSendGreeting:
      step_ = Step::kReadMethod;
      input_.Expect(2);
      return;
    case Step::kSendCredentials:
      step_ = Step::kReadCredentialsStatus;
      input_.Expect(2);
      return;
    default: return ReadReply();
  }
}

// Of the reply to a CONNECT, before it is known.
size_t Socks5Client::least_reply_size() const {
  return expects_usual_reply_ ? kSocks5UsualReplySize : kLeastReplySize;
}

// What the messages that are certain to come lack: a proxy that refuses says less, and then ends the
// connection. The fifth byte of a reply tells its size, whatever was expected.
size_t Socks5Client::input_needed() const {
  if (state() != HandshakeState::kRead) return 0;
  size_t needed = input_.missing();
  if (step_ == Step::kReadReply && !input_.Has(kTellingSize)) needed += least_reply_size() - kLeastReplySize;
  if (!is_pipelined_) return needed;
  if (step_ == Step::kReadMethod) needed += (username_offered_ ? 2 : 0) + least_reply_size();
  if (step_ == Step::kReadCredentialsStatus) needed += least_reply_size();
  return needed;
}

void Socks5Client::Input(std::span<const uint8_t> bytes) {
  bytes = bytes.first(std::min(bytes.size(), input_needed()));
  while (!bytes.empty() && state() == HandshakeState::kRead) {
    const size_t taken = std::min(bytes.size(), input_.missing());
    input_.Take(bytes);
    bytes = bytes.subspan(taken);
    InputMessage();
  }
  if (!bytes.empty() && step_ == Step::kDone) {
    Fail(kOverrun);
    has_overrun_ = true;
  }
}

void Socks5Client::InputMessage() {
  switch (step_) {
    case Step::kReadMethod: return OnMethod();
    case Step::kReadCredentialsStatus: return OnCredentialsStatus();
    default: return OnReply();
  }
}

// The method selection (RFC 1928 section 3):
//
//   +-----+--------+
//   | VER | METHOD |
//   +-----+--------+
//   |  5  |   1    |
//   +-----+--------+
void Socks5Client::OnMethod() {
  const std::span<const uint8_t> reply = input_.bytes();
  if (input_.Has(1) && reply[0] != kVersion) {
    return Fail(ProtocolViolation("the reply does not begin with version 5; is this a SOCKS5 proxy?"));
  }
  if (input_.missing() != 0) return;
  const uint8_t method = reply[1];
  if (method == kNoAcceptableMethod) {
    return Fail(AccessFailure(
        username_offered_ ? "the proxy accepts none of the offered authentication methods"
                          : "the proxy accepts no anonymous clients; give a username and a password"));
  }
  if (method == kMethodNone && none_offered_) {
    credentials_.Wipe();
    return SendRequest();
  }
  if (method == kMethodUsername && username_offered_) {
    step_ = is_pipelined_ ? Step::kReadCredentialsStatus : Step::kSendCredentials;
    if (is_pipelined_) input_.Expect(2);
    return;
  }
  Fail(ProtocolViolation("the proxy chose an authentication method that was not offered"));
}

// The status of the credentials (RFC 1929 section 2). Some servers answer with the version of SOCKS instead
// of that of the sub-negotiation.
//
//   +-----+--------+
//   | VER | STATUS |
//   +-----+--------+
//   |  1  |   1    |
//   +-----+--------+
void Socks5Client::OnCredentialsStatus() {
  const std::span<const uint8_t> reply = input_.bytes();
  if (input_.Has(1) && reply[0] != kCredentialsVersion && reply[0] != kVersion) {
    return Fail(ProtocolViolation("the reply to the username and password does not begin with version 1"));
  }
  if (input_.missing() != 0) return;
  if (reply[1] != kCredentialsAccepted) {
    return Fail(AccessFailure("the proxy rejected the username and password"));
  }
  SendRequest();
}

// The reply (RFC 1928 section 6), and the second one to BIND, where BND is the peer. A refusal is the answer
// as soon as REP is there: some servers close the connection before the rest, or fill the address with
// anything. RSV is ignored.
//
//   +-----+-----+-----+------+----------+----------+
//   | VER | REP | RSV | ATYP | BND.ADDR | BND.PORT |
//   +-----+-----+-----+------+----------+----------+
//   |  5  |  1  |  0  |  1   | variable |    2     |
//   +-----+-----+-----+------+----------+----------+
void Socks5Client::OnReply() {
  constexpr size_t kAddressOffset = 3;
  const std::span<const uint8_t> reply = input_.bytes();
  if (input_.Has(1) && reply[0] != kVersion) {
    return Fail(ProtocolViolation("the reply to the request does not begin with version 5"));
  }
  if (input_.Has(2) && reply[1] != kReplySucceeded) {
    const ReplyCode* const refusal = FindReplyCode(kReplyCodes, reply[1]);
    const ReplyCode unknown = {reply[1], ECONNREFUSED, Fault::kServer, "refused with an unknown reply code"};
    return Fail(Refusal(refusal != nullptr ? *refusal : unknown));
  }
  if (input_.Has(kAddressOffset + 1) && Socks5AddressSize(reply[kAddressOffset], 0) == 0) {
    return Fail(ProtocolViolation("the reply has an address type that SOCKS5 does not know"));
  }
  static_assert(kTellingSize == kAddressOffset + 2);
  if (input_.Has(kTellingSize)) {
    input_.ExpectTotal(kAddressOffset + Socks5AddressSize(reply[kAddressOffset], reply[kAddressOffset + 1]));
  }
  if (input_.missing() != 0) return;
  const Endpoint address = DecodeSocks5Address(reply.subspan(kAddressOffset));
  if (step_ == Step::kReadPeer) return OnPeer(address);
  bound_ = address;
  step_ = command_ == Socks5Command::kBind ? Step::kListening : Step::kDone;
}

void Socks5Client::AwaitPeer(const std::optional<IpAddress>& expected) {
  if (step_ != Step::kListening) return;
  expected_peer_ = expected;
  step_ = Step::kReadPeer;
  input_.Expect(kLeastReplySize);
}

void Socks5Client::OnPeer(const Endpoint& peer) {
  if (!IsExpectedPeer(expected_peer_, peer)) return Fail(kUnexpectedPeer);
  peer_ = peer;
  step_ = Step::kDone;
}

void Socks5Client::InputClosed() {
  const HandshakeState current = state();
  if (current == HandshakeState::kDone || current == HandshakeState::kFailed) return;
  const size_t received = current == HandshakeState::kRead ? input_.bytes().size() : 0;
  Fail(step_ == Step::kReadPeer && received == 0 ? kNoPeerCame : ClosedByProxy(received));
}

void Socks5Client::Fail(const Failure& failure) {
  output_.Wipe();
  credentials_.Wipe();
  failure_ = failure;
  step_ = Step::kFailed;
}

}  // namespace socksify

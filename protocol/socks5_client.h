// SPDX-License-Identifier: BSD-2-Clause
// Socks5Client: one SOCKS5 request (RFC 1928): CONNECT, BIND or UDP ASSOCIATE, with no authentication or with
// a user name and password (RFC 1929), without I/O. Driven as protocol/handshake.h shows.
//
// No allocation, no system call; a plain value that may be copied. Not thread-safe. The credentials are kept
// only until they have been sent, the proxy has chosen another method, or the negotiation has failed; they
// appear in no reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/endpoint.h"
#include "base/failure.h"
#include "protocol/handshake_state.h"
#include "protocol/message.h"
#include "protocol/socks5_address.h"

namespace socksify {

// What may be offered to the proxy. The texts are copied by Start.
struct Socks5Auth {
  bool offer_none = true;
  bool offer_username = false;  // without effect while `username` is empty
  std::string_view username;    // at most 255 bytes
  std::string_view password;    // at most 255 bytes; an empty one is sent as such
  // Method selection, credentials and request are sent in one flight, without waiting for the proxy in
  // between, which saves a round trip, or two with credentials. Only one method can be offered then: the user
  // name where there is one. Not every proxy keeps bytes that come early; some lose them, and never answer.
  bool pipelined = false;
  // The reply to a CONNECT is expected to have at least kSocks5UsualReplySize bytes, as those of all servers
  // have that tell an address, so that many are asked for at once. Should one be shorter after all, a byte of
  // the application's may have been taken: has_overrun() then.
  bool expects_usual_reply = false;
};

// A reply with an IPv4 address. One with a name of a byte or two is shorter, or with none.
inline constexpr size_t kSocks5UsualReplySize = 3 + kSocks5Ipv4AddressSize;

// CMD (RFC 1928 section 4).
enum class Socks5Command : uint8_t {
  kConnect = 1,
  // `destination` says who may connect: an address or a name, or 0.0.0.0 for anybody; beside 0.0.0.0 its port
  // is the one to listen on if the proxy can (Dante and others read it so), 0 for any. BND.ADDR and BND.PORT
  // of the first reply tell where the peer is to connect. See Handshake::AwaitPeer for the second one.
  kBind = 2,
  // `destination` is where the client will send datagrams from; 0.0.0.0:0 when that is not known. BND.ADDR
  // and BND.PORT tell where it is to send them to.
  kUdpAssociate = 3,
};

class Socks5Client {
 public:
  Socks5Client();

  // Begins anew. Fails at once with EACCES, the server's fault, when no method is left to offer and when the
  // user name or the password is longer than 255 bytes.
  void Start(const Endpoint& destination, const Socks5Auth& auth,
             Socks5Command command = Socks5Command::kConnect);

  HandshakeState state() const;
  std::span<const uint8_t> output() const;
  void OutputSent(size_t count);
  size_t input_needed() const;
  // Takes at most input_needed() bytes; ignored outside kRead.
  void Input(std::span<const uint8_t> bytes);
  void InputClosed();
  const Failure& failure() const { return failure_; }
  const Endpoint& bound() const { return bound_; }
  // Only in kDone: how many bytes the reply to a CONNECT had; 0 for other commands.
  size_t reply_size() const { return command_ == Socks5Command::kConnect ? input_.bytes().size() : 0; }
  // Only in kFailed: more was taken than the reply had. What the application was to get is lost, so that the
  // connection is of no use; the proxy has done nothing wrong.
  bool has_overrun() const { return has_overrun_; }
  // See Handshake.
  void AwaitPeer(const std::optional<IpAddress>& expected);
  const Endpoint& peer() const { return peer_; }

 private:
  enum class Step : uint8_t {
    kSendFlight,
    kSendGreeting,
    kReadMethod,
    kSendCredentials,
    kReadCredentialsStatus,
    kSendRequest,
    kReadReply,
    kListening,  // the first reply to BIND has come, and nobody waits for the second
    kReadPeer,
    kDone,
    kFailed,
  };

  static constexpr size_t kMaxCredentialSize = 255;
  static constexpr size_t kMaxCredentialsMessageSize = 3 + 2 * kMaxCredentialSize;
  static constexpr size_t kMaxRequestSize = 3 + kSocks5MaxAddressSize;
  static constexpr size_t kMaxFlightSize = 3 + kMaxCredentialsMessageSize + kMaxRequestSize;
  static constexpr size_t kMaxReplySize = 3 + kSocks5MaxAddressSize;

  void BuildCredentials(const Socks5Auth& auth);
  void AppendRequest();
  void SendRequest();
  void ReadReply();
  void InputMessage();
  void OnMethod();
  void OnCredentialsStatus();
  void OnReply();
  void OnPeer(const Endpoint& peer);
  size_t least_reply_size() const;
  void Fail(const Failure& failure);

  Step step_ = Step::kFailed;
  Socks5Command command_ = Socks5Command::kConnect;
  bool none_offered_ = false;
  bool username_offered_ = false;
  bool is_pipelined_ = false;
  bool expects_usual_reply_ = false;
  bool has_overrun_ = false;
  OutgoingMessage<kMaxFlightSize> output_;                   // the greeting, then the request, or all at once
  OutgoingMessage<kMaxCredentialsMessageSize> credentials_;  // built by Start
  IncomingMessage<kMaxReplySize> input_;
  Failure failure_;
  Endpoint destination_;
  Endpoint bound_;
  std::optional<IpAddress> expected_peer_;
  Endpoint peer_;
};

}  // namespace socksify

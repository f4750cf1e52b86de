// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/bind_query.h"

#include <cerrno>

#include "protocol/reply_code.h"

namespace socksify {
namespace {

constexpr uint8_t kCommandBind = 2;
constexpr uint8_t kTypeIpv4 = 1;

// What a good reply begins with.
struct ReplyLayout {
  uint8_t version;
  uint8_t granted;
  size_t size;
  size_t address_offset;
  size_t port_offset;
};
constexpr ReplyLayout kSocks4Reply = {
    .version = 0, .granted = 90, .size = 8, .address_offset = 4, .port_offset = 2};
constexpr ReplyLayout kSocks5Reply = {
    .version = 5, .granted = 0, .size = 10, .address_offset = 4, .port_offset = 8};

const ReplyLayout& LayoutOf(BindQuery::Version version) {
  return version == BindQuery::Version::kSocks5 ? kSocks5Reply : kSocks4Reply;
}

}  // namespace

Endpoint BindExtensionRequest(uint16_t port) {
  return Endpoint::FromIp(IpAddress::V4(0xffffffff), port);
}

void BindQuery::Start(Version version, const Endpoint& far_end) {
  *this = BindQuery();
  version_ = version;
  const IpAddress address = far_end.ip().Unmapped();
  if (far_end.is_name() || !address.is_v4()) {
    return Fail({Fault::kCaller, EAFNOSUPPORT, -1, "the bind extension knows IPv4 addresses only"});
  }
  output_.AppendByte(static_cast<uint8_t>(version));
  output_.AppendByte(kCommandBind);
  if (version == Version::kSocks5) {
    output_.AppendByte(0);
    output_.AppendByte(kTypeIpv4);
    output_.Append(address.bytes());
    output_.AppendUint16(far_end.port());
  } else {
    output_.AppendUint16(far_end.port());
    output_.Append(address.bytes());
    output_.AppendByte(0);
  }
  state_ = HandshakeState::kWrite;
}

void BindQuery::OutputSent(size_t count) {
  if (state_ != HandshakeState::kWrite) return;
  output_.Sent(count);
  if (!output_.pending().empty()) return;
  input_.Expect(kSocks4Reply.size);
  state_ = HandshakeState::kRead;
}

void BindQuery::Input(std::span<const uint8_t> bytes) {
  if (state_ != HandshakeState::kRead) return;
  input_.Take(bytes);
  const ReplyLayout& layout = LayoutOf(version_);
  const std::span<const uint8_t> reply = input_.bytes();
  if (input_.Has(1) && reply[0] != layout.version) {
    return Fail(ProtocolViolation("the reply about a forwarded connection begins with a wrong version"));
  }
  // SOCKS4: 0 is Dante's, see the header.
  if (input_.Has(2) && reply[1] != layout.granted && reply[1] != 0) {
    return Fail(
        {Fault::kServer, ECONNABORTED, reply[1], "the proxy does not say whose connection it forwarded"});
  }
  if (version_ == Version::kSocks5 && input_.Has(4) && reply[3] != kTypeIpv4) {
    return Fail(ProtocolViolation("the reply about a forwarded connection has no IPv4 address"));
  }
  input_.ExpectTotal(layout.size);
  if (input_.missing() != 0) return;
  const std::span<const uint8_t> address = reply.subspan(layout.address_offset, 4);
  const std::span<const uint8_t> port = reply.subspan(layout.port_offset, 2);
  peer_ = Endpoint::FromIp(IpAddress::V4(uint32_t{address[0]} << 24 | uint32_t{address[1]} << 16 |
                                         uint32_t{address[2]} << 8 | address[3]),
                           static_cast<uint16_t>(port[0] << 8 | port[1]));
  state_ = HandshakeState::kDone;
}

void BindQuery::InputClosed() {
  if (state_ != HandshakeState::kWrite && state_ != HandshakeState::kRead) return;
  Fail(ClosedByProxy(input_.bytes().size()));
}

void BindQuery::Fail(const Failure& failure) {
  output_.Wipe();
  failure_ = failure;
  state_ = HandshakeState::kFailed;
}

}  // namespace socksify

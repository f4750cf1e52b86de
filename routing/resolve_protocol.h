// SPDX-License-Identifier: BSD-2-Clause
// ResolveProtocol: how a name that a program looks up becomes an address.
#pragma once

#include <cstdint>

namespace socksify {

enum class ResolveProtocol : uint8_t {
  kFake,           // a fake address; whoever the connection goes through resolves the name
  kLocal,          // the system's own look-up
  kLocalThenFake,  // a fake address only for a name that the system does not know
  kTcp,            // DNS over TCP (RFC 7766) to the name servers, carried by the route table
  kUdp,            // the same over UDP: through a proxy it needs UDP ASSOCIATE
};

// As in the configuration: "fake", "local", "local-then-fake", "tcp", "udp".
constexpr const char* ResolveProtocolName(ResolveProtocol protocol) {
  switch (protocol) {
    case ResolveProtocol::kFake: return "fake";
    case ResolveProtocol::kLocal: return "local";
    case ResolveProtocol::kLocalThenFake: return "local-then-fake";
    case ResolveProtocol::kTcp: return "tcp";
    case ResolveProtocol::kUdp: break;
  }
  return "udp";
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// What a negotiation wants of its caller, whatever the protocol.
#pragma once

#include <cstdint>

namespace socksify::testserver {

enum class NegotiationStep : uint8_t {
  kNeedInput,
  kConnect,    // connect to origin(), which is never of kind kUnknown or kRefuse, and call Answer()
  kAssociate,  // open a UDP relay and call Answer()
  kBind,       // listen for a peer and call Answer()
  kAwaitPeer,  // the answer to a BIND is success: call AnswerPeer() when the peer has come or will not
  kForward,    // the same with Dante's bind extension: offer what follows to ReceiveQuery()
  kQuery,      // look up who the peer is and call AnswerQuery()
  kRelay,      // the answer is success: what follows is application data
  kOver,       // nothing that the client says matters any more
};

}  // namespace socksify::testserver

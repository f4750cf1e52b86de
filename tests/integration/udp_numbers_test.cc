// SPDX-License-Identifier: BSD-2-Clause
// Numbers of UDP sockets that become something else's where the preload cannot see it, and processes that
// share sockets or memory.

#include "tests/integration/udp_fixture.h"

namespace socksify {
namespace {

class UdpNumbersTest : public UdpTest {};

TEST_F(UdpNumbersTest, OfSocketsThatSentNothing) {
  ExpectLikeDirect("udp_numbers", {"fresh"});
}

TEST_F(UdpNumbersTest, OfConnectedSockets) {
  ExpectLikeDirect("udp_numbers", {"used"});
}

TEST_F(UdpNumbersTest, AChildInTheSameMemory) {
  ExpectLikeDirect("udp_numbers", {"vfork", "vfork-sends"});
}

TEST_F(UdpNumbersTest, AChildWithTheSameSocket) {
  ExpectLikeDirect("udp_numbers", {"child-ends", "child-begins", "both-begin"});
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/reply_code.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/protocol/scripted_socket.h"

namespace socksify {
namespace {

constexpr ReplyCode kTable[] = {
    {7, EACCES, Fault::kServer, "seven"},
    {9, ETIMEDOUT, Fault::kDestination, "nine"},
};

TEST(ReplyCodeTest, FindsTheEntryOfACode) {
  EXPECT_EQ(FindReplyCode(kTable, 7), &kTable[0]);
  EXPECT_EQ(FindReplyCode(kTable, 9), &kTable[1]);
  EXPECT_EQ(FindReplyCode(kTable, 8), nullptr);
  EXPECT_EQ(FindReplyCode({}, 7), nullptr);
}

TEST(ReplyCodeTest, RefusalCarriesTheWholeEntry) {
  ExpectFailure(Refusal(kTable[1]), Fault::kDestination, ETIMEDOUT, 9, "nine");
}

TEST(ReplyCodeTest, BreachesAreTheServersFault) {
  ExpectFailure(ProtocolViolation("why"), Fault::kServer, ECONNABORTED, -1, "why");
  ExpectFailure(ClosedByProxy(0), Fault::kServer, ECONNABORTED, -1,
                "the proxy closed the connection without a reply");
  ExpectFailure(ClosedByProxy(1), Fault::kServer, ECONNABORTED, -1,
                "the proxy closed the connection in the middle of a reply");
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// Pending connections and signals; blocking connects that signals, time limits and other threads come
// between.

#include "tests/integration/pending_fixture.h"

namespace socksify {
namespace {

class PendingSignalsTest : public PendingTest {};

TEST_F(PendingSignalsTest, WaitsAreInterrupted) {
  ExpectAllLikeDirect("pending_signals", {"interrupted", "interrupted-restart", "masked", "storm"});
}

TEST_F(PendingSignalsTest, IgnoredSignalsInterruptNothing) {
  ExpectAllLikeDirect("pending_signals", {"ignored"});
}

TEST_F(PendingSignalsTest, SignalHandlersConnect) {
  ExpectAllLikeDirect("pending_signals", {"handler-connects", "handler-starts", "handler-in-connect"});
}

TEST_F(PendingSignalsTest, SignalHandlersJumpOutOfWaits) {
  ExpectAllLikeDirect("pending_signals", {"jumped-out", "jumped-out-set"});
}

TEST_F(PendingSignalsTest, BlockingConnects) {
  ExpectAllLikeDirect("pending_blocking", {"plain", "ignored"});
  ExpectAllLikeDirect("pending_blocking", {"refused", "restarted-refused"}, Ending::kRefuse);
}

TEST_F(PendingSignalsTest, BlockingConnectsAreInterrupted) {
  ExpectAllLikeDirect("pending_blocking", {"interrupted", "repeated", "written", "limited-restarted"});
}

TEST_F(PendingSignalsTest, BlockingConnectsAreRestarted) {
  ExpectAllLikeDirect("pending_blocking", {"restarted", "restarted-beside-faults"});
}

TEST_F(PendingSignalsTest, BlockingConnectsWithATimeLimit) {
  ExpectAllLikeDirect("pending_blocking",
                      {"limited", "limited-by-new-number", "limited-amply", "limited-receiving"});
  ExpectLikeDirect("pending_blocking", "limited-refused", Ending::kRefuse);
}

TEST_F(PendingSignalsTest, SignalHandlersJumpOutOfConnect) {
  ExpectAllLikeDirect("pending_blocking", {"jumped-out", "jumped-out-closed"});
}

TEST_F(PendingSignalsTest, BlockingConnectsThatAnotherThreadWatches) {
  ExpectAllLikeDirect("pending_blocking", {"watched", "twice"});
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// epoll sets that hold a socket whose connection is pending.

#include "tests/integration/pending_fixture.h"

namespace socksify {
namespace {

class PendingEpollTest : public PendingTest {};

TEST_F(PendingEpollTest, RegisteredAfterConnect) {
  ExpectAllLikeDirect("pending_epoll", {"level", "edge", "oneshot"});
}

TEST_F(PendingEpollTest, RegisteredBeforeConnect) {
  ExpectAllLikeDirect("pending_epoll", {"before-level", "before-edge", "before-oneshot", "before-unseen"});
}

TEST_F(PendingEpollTest, TwoSets) {
  ExpectAllLikeDirect("pending_epoll", {"two-sets"});
}

TEST_F(PendingEpollTest, OnlyWhatWasAskedFor) {
  ExpectAllLikeDirect("pending_epoll", {"read-only"});
}

TEST_F(PendingEpollTest, ChangedAndRemoved) {
  ExpectAllLikeDirect("pending_epoll", {"modified", "removed", "errors"});
}

TEST_F(PendingEpollTest, Exclusive) {
  ExpectAllLikeDirect("pending_epoll", {"exclusive"});
}

TEST_F(PendingEpollTest, Refused) {
  ExpectAllLikeDirect("pending_epoll", {"refused", "refused-edge", "nothing-asked"}, Ending::kRefuse);
}

TEST_F(PendingEpollTest, ClosedAndShutDown) {
  ExpectAllLikeDirect("pending_epoll", {"closed", "closed-copy", "shut"});
}

TEST_F(PendingEpollTest, CopiedMixedAndNestedSets) {
  ExpectAllLikeDirect("pending_epoll", {"copied-set", "mixed", "inside"});
}

TEST_F(PendingEpollTest, AThreadThatWaitsAlready) {
  ExpectAllLikeDirect("pending_epoll", {"blocked-add", "blocked-connect", "blocked-poll"});
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// What the calls say about a connection that is pending, and what a program may do to it meanwhile.

#include "tests/integration/pending_fixture.h"

namespace socksify {
namespace {

class PendingCallsTest : public PendingTest {};

TEST_F(PendingCallsTest, WhilePending) {
  ExpectLikeDirect("pending_calls", "pending");
}

TEST_F(PendingCallsTest, WhilePendingInAFortifiedProgram) {
  ExpectLikeDirect("pending_calls-fortified", "pending");
  ExpectLikeDirect("pending_calls-fortified", "completed");
}

TEST_F(PendingCallsTest, OnceConnected) {
  ExpectLikeDirect("pending_calls", "completed");
}

TEST_F(PendingCallsTest, AProgramThatAsksInsteadOfWaiting) {
  ExpectAllLikeDirect("pending_calls", {"asked-by-connect", "asked-by-write", "asked-by-getpeername"});
}

TEST_F(PendingCallsTest, OnceRefused) {
  ExpectAllLikeDirect(
      "pending_calls",
      {"refused", "refused-read", "refused-write", "refused-connect", "refused-then-elsewhere"},
      Ending::kRefuse);
}

TEST_F(PendingCallsTest, ShutDown) {
  ExpectAllLikeDirect("pending_modes", {"shutdown", "shutdown-read", "shutdown-write"});
}

TEST_F(PendingCallsTest, Closed) {
  ExpectAllLikeDirect("pending_modes", {"close", "close-hidden", "overwrite"});
}

TEST_F(PendingCallsTest, Dissolved) {
  ExpectLikeDirect("pending_modes", "dissolve");
}

TEST_F(PendingCallsTest, MadeBlocking) {
  ExpectAllLikeDirect("pending_modes", {"blocking-write", "blocking-write-ioctl", "blocking-send",
                                        "blocking-read", "blocking-connect"});
}

TEST_F(PendingCallsTest, Copied) {
  ExpectAllLikeDirect("pending_modes", {"dup", "dup2", "dup-cloexec", "dup-both", "dup-together"});
}

TEST_F(PendingCallsTest, CallsByNumber) {
  ExpectAllLikeDirect("pending_by_number", {"waits", "sets", "copies"});
}

TEST_F(PendingCallsTest, HighDescriptor) {
  ExpectLikeDirect("pending_modes", "high");
}

TEST_F(PendingCallsTest, OtherDescriptorsInTheSameWait) {
  ExpectLikeDirect("pending_modes", "mixed");
}

TEST_F(PendingCallsTest, ATimeLimitIsKept) {
  ExpectLikeDirect("pending_modes", "too-short");
}

}  // namespace
}  // namespace socksify

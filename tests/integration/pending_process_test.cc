// SPDX-License-Identifier: BSD-2-Clause
// Pending connections and other processes and threads.

#include "tests/integration/pending_fixture.h"

namespace socksify {
namespace {

class PendingProcessTest : public PendingTest {};

TEST_F(PendingProcessTest, ForkAndTheChildGoesOn) {
  ExpectAllLikeDirect("pending_process", {"fork-child", "fork-daemon"});
}

TEST_F(PendingProcessTest, ForkAndTheParentGoesOn) {
  ExpectAllLikeDirect("pending_process", {"fork-parent", "fork-ends", "fork-other"});
}

TEST_F(PendingProcessTest, VforkAndSpawn) {
  ExpectAllLikeDirect("pending_process", {"vfork", "vfork-closes", "spawn"});
}

TEST_F(PendingProcessTest, Exec) {
  ExpectAllLikeDirect("pending_process", {"exec-closes"});
}

TEST_F(PendingProcessTest, ManyThreads) {
  ExpectAllLikeDirect("pending_threads", {"many-blocking", "many-polling", "many-epolling"});
}

TEST_F(PendingProcessTest, SeveralThreadsAtOneConnection) {
  ExpectAllLikeDirect("pending_threads", {"together", "together-in-sets", "asked-meanwhile", "cancelled"});
}

TEST_F(PendingProcessTest, ForkAmongThreads) {
  ExpectAllLikeDirect("pending_threads", {"forked"});
}

}  // namespace
}  // namespace socksify

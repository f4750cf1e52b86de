// SPDX-License-Identifier: BSD-2-Clause
// Listening at a proxy by BIND (RFC 1928 section 4), as a program sees it: each way to wait for a peer.

#include "tests/integration/listen_fixture.h"

namespace socksify {
namespace {

TEST_F(ListenTest, AcceptsByEveryCall) {
  ExpectLikeDirect("listen_wait", {"accept", "accept4", "nonblock", "cloexec", "both", "together"});
}

TEST_F(ListenTest, WaitsByPollAndSelect) {
  ExpectLikeDirect("listen_wait", {"poll", "ppoll", "select", "pselect"});
}

TEST_F(ListenTest, WaitsByEpoll) {
  ExpectLikeDirect("listen_wait", {"level", "edge", "oneshot", "exclusive"});
}

// Boost.Asio registers sockets when it makes them.
TEST_F(ListenTest, RegisteredBeforeItListens) {
  ExpectLikeDirect("listen_wait", {"early", "early-edge", "early-all"});
}

TEST_F(ListenTest, ThreadsAcceptTogether) {
  ExpectLikeDirect("listen_wait", {"threads", "polling-thread"});
}

TEST_F(ListenTest, ChildrenAccept) {
  ExpectLikeDirect("listen_wait", {"forked", "forked-for-each", "vforked"});
}

TEST_F(ListenTest, CopiesOfTheDescriptor) {
  ExpectLikeDirect("listen_wait", {"copies", "closes-all"});
}

TEST_F(ListenTest, NobodyComes) {
  ExpectLikeDirect("listen_wait", {"timed-out", "nobody"});
}

TEST_F(ListenTest, SignalsAndCancellation) {
  ExpectLikeDirect("listen_wait", {"interrupted", "restarted", "cancelled", "shut-down"});
}

}  // namespace
}  // namespace socksify

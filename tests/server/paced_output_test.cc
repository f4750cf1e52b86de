// SPDX-License-Identifier: BSD-2-Clause
// The output goes to a SOCK_SEQPACKET pair, which keeps the segments apart as TCP would not.
#include "tests/server/paced_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace socksify::testserver {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PacedOutputTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    server_.Reset(pair[0]);
    client_.Reset(pair[1]);
  }

  // Flushes until nothing has to wait any more; gaps are a millisecond here.
  PacedOutput::Status FlushAll() {
    PacedOutput::Status status = PacedOutput::Status::kWaiting;
    while (status == PacedOutput::Status::kWaiting) status = output_.Flush(server_.get());
    return status;
  }

  std::vector<std::string> Segments() {
    std::vector<std::string> segments;
    char buffer[4096];
    for (ssize_t count = 0; (count = recv(client_.get(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0;) {
      segments.emplace_back(buffer, count);
    }
    return segments;
  }

  UniqueFd server_;
  UniqueFd client_;
  PacedOutput output_;
};

TEST_F(PacedOutputTest, SendsAMessageInOneSegmentWithItsTrailingBytes) {
  EXPECT_TRUE(output_.PushMessage("reply", {.trailing = "hello"}));
  EXPECT_EQ(FlushAll(), PacedOutput::Status::kIdle);
  EXPECT_THAT(Segments(), ElementsAre("replyhello"));
  EXPECT_EQ(output_.data_sent(), 5U);
}

TEST_F(PacedOutputTest, SplitsAMessage) {
  EXPECT_TRUE(output_.PushMessage("reply", {.split = 2, .trailing = "hi"}));
  output_.PushData("data");
  EXPECT_EQ(FlushAll(), PacedOutput::Status::kIdle);
  EXPECT_THAT(Segments(), ElementsAre("re", "pl", "yh", "i", "data"));
  EXPECT_EQ(output_.data_sent(), 6U);
  EXPECT_EQ(output_.pending(), 0U);
}

TEST_F(PacedOutputTest, HoldsADelayedMessageAndAllBehindIt) {
  const Clock::time_point start = Clock::now();
  EXPECT_TRUE(output_.PushMessage("reply", {.delay_ms = 60'000}));
  output_.PushData("data");
  EXPECT_EQ(output_.Flush(server_.get()), PacedOutput::Status::kWaiting);
  EXPECT_GE(output_.due(), start + std::chrono::minutes(1));
  EXPECT_EQ(output_.pending(), 9U);
  EXPECT_THAT(Segments(), IsEmpty());
}

TEST_F(PacedOutputTest, EndsBehindATruncatedMessage) {
  EXPECT_TRUE(output_.PushMessage("reply", {.truncate = 3, .trailing = "never"}));
  EXPECT_EQ(FlushAll(), PacedOutput::Status::kEnded);
  EXPECT_THAT(Segments(), ElementsAre("rep"));
}

TEST_F(PacedOutputTest, TruncatesToNothing) {
  EXPECT_TRUE(output_.PushMessage("reply", {.truncate = 0}));
  EXPECT_EQ(FlushAll(), PacedOutput::Status::kEnded);
  EXPECT_THAT(Segments(), IsEmpty());
}

TEST_F(PacedOutputTest, NeverSendsASilentMessage) {
  EXPECT_FALSE(output_.PushMessage("reply", {.silent = true}));
  EXPECT_EQ(FlushAll(), PacedOutput::Status::kIdle);
  EXPECT_THAT(Segments(), IsEmpty());
}

TEST_F(PacedOutputTest, SendsJunkInstead) {
  EXPECT_TRUE(output_.PushMessage("reply", {.junk = 3}));
  EXPECT_EQ(FlushAll(), PacedOutput::Status::kIdle);
  EXPECT_THAT(Segments(), ElementsAre("\xa5\xa5\xa5"));
}

TEST_F(PacedOutputTest, EndsAtItsLimit) {
  output_.SetLimit(7);
  EXPECT_TRUE(output_.PushMessage("reply", {}));
  output_.PushData("data");
  EXPECT_EQ(FlushAll(), PacedOutput::Status::kEnded);
  EXPECT_THAT(Segments(), ElementsAre("reply", "da"));
  EXPECT_EQ(output_.data_sent(), 2U);
}

TEST_F(PacedOutputTest, NoticesThatTheClientIsGone) {
  client_.Reset();
  EXPECT_TRUE(output_.PushMessage("reply", {}));
  EXPECT_EQ(FlushAll(), PacedOutput::Status::kFailed);
}

}  // namespace
}  // namespace socksify::testserver

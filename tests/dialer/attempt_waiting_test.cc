// SPDX-License-Identifier: BSD-2-Clause
// Proxies that do not answer while others would: who waits, and who goes elsewhere.

#include "tests/dialer/dialer_fixture.h"
#include "tests/dialer/private_health.h"

namespace socksify {
namespace {

using State = Attempt::State;
using testserver::TestServer;

class AttemptWaitingTest : public DialerTest {
 protected:
  AttemptWaitingTest() {
    options_.health = &health_;
    server_.AddEcho("echo.test");
    silent_ = AddServer(SilentPort());
    good_ = AddServer(server_);
  }
  // Before the table goes.
  ~AttemptWaitingTest() override { attempt_.reset(); }
  // Begins to connect at `start_ms_`.
  State Begin(std::vector<Target> targets) {
    rule_ = MakeRule(std::move(targets));
    socket_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    attempt_ =
        std::make_unique<Attempt>(LibcSystem(), socket_.get(), AF_INET, rule_, Name("echo.test"), options_);
    return attempt_->Start(start_ms_);
  }
  // Likewise, by a server that has chosen a method one millisecond later, and never answers the request:
  // `slow_`.
  State BeginWithSlowDestination() {
    slow_server_.SetScript("reply.silent=1");
    slow_ = AddServer(slow_server_);
    if (Begin({Via({slow_}), Via({good_})}) == State::kFailed) return State::kFailed;
    pollfd readable = {.fd = socket_.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&readable, 1, 5000), 1);
    return attempt_->Advance(start_ms_ + 1);
  }
  bool IsAtFirst() const { return attempt_->target() == rule_.group.data(); }

  const long long start_ms_ = MonotonicMs();
  PrivateHealth health_{1, 300};
  TestServer server_;
  TestServer slow_server_;
  Server* silent_;
  Server* good_;
  Server* slow_ = nullptr;
  Rule rule_;
};

TEST_F(AttemptWaitingTest, TheFirstWaitsToTheEnd) {
  ASSERT_EQ(Begin({Via({silent_}), Via({good_})}), State::kWaitWritable);
  EXPECT_EQ(attempt_->deadline_ms(), start_ms_ + 1000);
  attempt_->Advance(start_ms_ + 1000);
  EXPECT_TRUE(IsAtFirst());
  EXPECT_EQ(attempt_->deadline_ms(), start_ms_ + 10'000);
  EXPECT_FALSE(health_.NoteWaiting(*silent_, start_ms_ + 1001)) << "it has told that it waits";
  attempt_->Advance(start_ms_ + 9999);
  EXPECT_TRUE(IsAtFirst());
  attempt_->Advance(start_ms_ + 10'000);
  EXPECT_FALSE(IsAtFirst());
  EXPECT_TRUE(health_.IsBad(*silent_, start_ms_ + 10'000));
  EXPECT_EQ(RunToCompletion(LibcSystem(), socket_.get(), attempt_.get()), State::kConnected);
}

TEST_F(AttemptWaitingTest, TheOthersGoElsewhere) {
  ASSERT_EQ(Begin({Via({silent_}), Via({good_})}), State::kWaitWritable);
  health_.NoteWaiting(*silent_, start_ms_ + 500);
  attempt_->Advance(start_ms_ + 1000);
  EXPECT_FALSE(IsAtFirst());
  EXPECT_FALSE(health_.IsBad(*silent_, start_ms_ + 1000)) << "nobody knows yet";
  EXPECT_EQ(RunToCompletion(LibcSystem(), socket_.get(), attempt_.get()), State::kConnected);
  // And whoever comes later does not even try.
  ASSERT_NE(Begin({Via({silent_}), Via({good_})}), State::kFailed);
  EXPECT_FALSE(IsAtFirst());
}

TEST_F(AttemptWaitingTest, WhatWasLeftIsTriedWhenAllElseHasFailed) {
  Server* const dead = AddServer(ClosedPort());
  ASSERT_EQ(Begin({Via({silent_}), Via({dead})}), State::kWaitWritable);
  health_.NoteWaiting(*silent_, start_ms_ + 500);
  attempt_->Advance(start_ms_ + 1000);
  EXPECT_TRUE(IsAtFirst());
  EXPECT_TRUE(health_.IsBad(*dead, start_ms_ + 1000));
  EXPECT_EQ(attempt_->state(), State::kWaitWritable);
  EXPECT_EQ(attempt_->Advance(start_ms_ + 11'000), State::kFailed);
  EXPECT_EQ(attempt_->failure().error, ETIMEDOUT);
}

TEST_F(AttemptWaitingTest, NobodyGoesToWhereNoProxyIs) {
  for (const Target& other : {Direct(), Block()}) {
    health_.NoteSuccess(*silent_, start_ms_, 0);
    ASSERT_EQ(Begin({Via({silent_}), other}), State::kWaitWritable);
    EXPECT_EQ(attempt_->deadline_ms(), start_ms_ + 10'000);
    health_.NoteWaiting(*silent_, start_ms_ + 500);
    attempt_->Advance(start_ms_ + 1000);
    EXPECT_TRUE(IsAtFirst());
  }
}

TEST_F(AttemptWaitingTest, AlsoFromAServerThatAcceptsAndIsSilent) {
  TestServer frozen;
  frozen.SetScript("method.silent=1");
  ASSERT_EQ(Begin({Via({AddServer(frozen)}), Via({good_})}), State::kWaitReadable);
  EXPECT_EQ(attempt_->deadline_ms(), start_ms_ + 1000);
  health_.NoteWaiting(*rule_.group[0].hops[0], start_ms_ + 500);
  attempt_->Advance(start_ms_ + 1000);
  EXPECT_FALSE(IsAtFirst());
}

// The answer to the request takes as long as the destination does.
TEST_F(AttemptWaitingTest, ASlowDestinationIsWaitedFor) {
  ASSERT_EQ(BeginWithSlowDestination(), State::kWaitReadable);
  health_.NoteWaiting(*slow_, start_ms_ + 500);
  attempt_->Advance(start_ms_ + 5000);
  EXPECT_TRUE(IsAtFirst());
}

// But what others have found out meanwhile is heard within a second.
TEST_F(AttemptWaitingTest, ASlowDestinationIsNotWaitedForByABadServer) {
  ASSERT_EQ(BeginWithSlowDestination(), State::kWaitReadable);
  EXPECT_EQ(attempt_->deadline_ms(), start_ms_ + 1001);
  attempt_->Advance(start_ms_ + 1001);
  EXPECT_TRUE(IsAtFirst());
  EXPECT_EQ(attempt_->deadline_ms(), start_ms_ + 2001);
  health_.NoteFailure(*slow_, start_ms_ + 1500, ETIMEDOUT);
  attempt_->Advance(start_ms_ + 2001);
  EXPECT_FALSE(IsAtFirst());
}

TEST_F(AttemptWaitingTest, WhoProbesAServerWaitsForIt) {
  health_.NoteFailure(*silent_, start_ms_ - 300'000, ETIMEDOUT);
  ASSERT_EQ(Begin({Via({silent_}), Via({good_})}), State::kWaitWritable);
  attempt_->Advance(start_ms_ + 5000);
  EXPECT_TRUE(IsAtFirst());
  health_.NoteSuccess(*silent_, start_ms_ + 5001, 0);
  // One that gives up leaves it to the next.
  health_.NoteFailure(*silent_, start_ms_ - 300'000, ETIMEDOUT);
  ASSERT_EQ(Begin({Via({silent_}), Via({good_})}), State::kWaitWritable);
  EXPECT_TRUE(health_.IsBad(*silent_, start_ms_)) << "to others";
  attempt_.reset();
  EXPECT_FALSE(health_.IsBad(*silent_, start_ms_));
}

TEST_F(AttemptWaitingTest, ADynamicChainIsProbedToo) {
  health_.NoteFailure(*good_, start_ms_ - 300'000, ETIMEDOUT);
  TestServer second;
  TestServer other;
  Target chain = Via({good_, AddServer(second)});
  chain.chain = Chain::kDynamic;
  ASSERT_NE(Begin({chain, Via({AddServer(other)})}), State::kFailed);
  EXPECT_TRUE(IsAtFirst());
  EXPECT_EQ(attempt_->hops().size(), 2U);
}

TEST_F(AttemptWaitingTest, NobodyGoesElsewhereWithoutALimit) {
  PrivateHealth patient(0, 300);
  options_.health = &patient;
  ASSERT_EQ(Begin({Via({silent_}), Via({good_})}), State::kWaitWritable);
  EXPECT_EQ(attempt_->deadline_ms(), start_ms_ + 10'000);
  patient.NoteWaiting(*silent_, start_ms_ + 500);
  attempt_->Advance(start_ms_ + 1000);
  EXPECT_TRUE(IsAtFirst());
  attempt_.reset();
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/health_entry.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>
#include <vector>

#include "tests/resolver/health_table_fixture.h"

namespace socksify {
namespace {

using Admission = HealthEntry::Admission;

constexpr HealthPolicy kPolicy{.max_fail = 2, .bad_expire_s = 300, .probe_ms = 30'000};
constexpr int64_t kExpireMs = 300'000;

// As the first line of an entry is laid out.
enum Word : size_t { kFailing = 3, kProbe = 4, kSuspect = 5 };

void Put(HealthEntry* entry, Word word, uint64_t value) {
  std::memcpy(reinterpret_cast<char*>(entry) + word * 8, &value, sizeof value);
}

class HealthEntryTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(table_);
    Renew();
    ASSERT_NE(entry_, nullptr);
  }
  // A server that nobody knows anything of.
  void Renew() {
    table_->Clear();
    entry_ = table_->Find("server", kNowMs);
  }
  HealthReport Report() const { return ReportOf(*table_, "server").value_or(HealthReport{}); }
  void Fail(unsigned times, int64_t now_ms = kNowMs) {
    for (unsigned i = 0; i < times; ++i) entry_->NoteFailure(now_ms, ECONNREFUSED);
  }
  // What all the judges say, which must agree: IsBad() of entry and report, and Admit() when asked last.
  Admission Judge(const HealthPolicy& policy, int64_t now_ms) {
    const bool is_bad = entry_->IsBad(policy, now_ms);
    EXPECT_EQ(Report().IsBad(policy, now_ms), is_bad);
    const Admission admission = entry_->Admit(policy, now_ms);
    EXPECT_EQ(admission == Admission::kBad, is_bad);
    return admission;
  }

  const std::unique_ptr<HealthTable> table_ = MakePrivateHealth();
  HealthEntry* entry_ = nullptr;
};

TEST_F(HealthEntryTest, RemembersWhatHandshakesAreLike) {
  EXPECT_EQ(entry_->pipelining(), Pipelining::kUnknown);
  EXPECT_EQ(entry_->reply_form(), ReplyForm::kUnknown);
  entry_->NotePipelining(Pipelining::kTaken);
  entry_->NoteReplyForm(ReplyForm::kUsual);
  EXPECT_EQ(entry_->pipelining(), Pipelining::kTaken);
  EXPECT_EQ(entry_->reply_form(), ReplyForm::kUsual);
  entry_->NotePipelining(Pipelining::kNotTaken);
  EXPECT_EQ(entry_->reply_form(), ReplyForm::kUsual);
  entry_->NoteReplyForm(ReplyForm::kShort);
  entry_->NoteReplyForm(ReplyForm::kUsual);
  EXPECT_EQ(entry_->reply_form(), ReplyForm::kShort) << "for good";
  EXPECT_EQ(entry_->pipelining(), Pipelining::kNotTaken);
  EXPECT_EQ(Report().pipelining, Pipelining::kNotTaken);
  Renew();
  EXPECT_EQ(entry_->pipelining(), Pipelining::kUnknown);
  EXPECT_EQ(entry_->reply_form(), ReplyForm::kUnknown);
}

TEST_F(HealthEntryTest, NewServerIsGood) {
  for (const int64_t now_ms : {int64_t{0}, int64_t{1}, kNowMs}) {
    EXPECT_EQ(Judge(kPolicy, now_ms), Admission::kGood);
    EXPECT_EQ(Judge({.max_fail = 1, .bad_expire_s = 0}, now_ms), Admission::kGood);
    EXPECT_FALSE(entry_->IsSuspect(now_ms));
  }
}

TEST_F(HealthEntryTest, FailuresInARowMakeBad) {
  const struct {
    unsigned failures;
    unsigned max_fail;
    Admission expected;
  } kCases[] = {
      {1, 1, Admission::kBad},         {1, 2, Admission::kGood}, {2, 2, Admission::kBad},
      {3, 2, Admission::kBad},         {3, 0, Admission::kGood}, {9, 10, Admission::kGood},
      {9, UINT_MAX, Admission::kGood},
  };
  for (const auto& [failures, max_fail, expected] : kCases) {
    Renew();
    Fail(failures);
    EXPECT_EQ(Judge({.max_fail = max_fail, .bad_expire_s = 300}, kNowMs), expected)
        << failures << ' ' << max_fail;
  }
}

TEST_F(HealthEntryTest, SuccessBreaksTheRow) {
  Fail(1);
  entry_->NoteSuccess(kNowMs, 0);
  Fail(1);
  EXPECT_EQ(Judge(kPolicy, kNowMs), Admission::kGood);
  Fail(1);
  EXPECT_EQ(Judge(kPolicy, kNowMs), Admission::kBad);
  entry_->NoteSuccess(kNowMs, 0);
  EXPECT_EQ(Judge(kPolicy, kNowMs), Admission::kGood);
}

TEST_F(HealthEntryTest, BadTimeBeginsWithTheLastFailure) {
  constexpr int64_t kSlack = HealthEntry::kClockSlackMs;
  const struct {
    unsigned bad_expire_s;
    int64_t now_ms;
    Admission expected;
  } kCases[] = {
      {300, kNowMs, Admission::kBad},
      {300, kNowMs + kExpireMs - 1, Admission::kBad},
      {300, kNowMs + kExpireMs, Admission::kProbe},
      {300, kNowMs + 10 * kExpireMs, Admission::kProbe},
      {1, kNowMs + 999, Admission::kBad},
      {1, kNowMs + 1000, Admission::kProbe},
      {UINT_MAX, kNowMs + int64_t{UINT_MAX} * 1000 - 1, Admission::kBad},
      {UINT_MAX, kNowMs + int64_t{UINT_MAX} * 1000, Admission::kProbe},
      {0, kNowMs + (int64_t{1} << 39), Admission::kBad},
      // A failure in the caller's future: its clock was read a little earlier, or the time is none.
      {300, kNowMs - kSlack, Admission::kBad},
      {300, kNowMs - kSlack - 1, Admission::kProbe},
      {0, kNowMs - kSlack - 1, Admission::kProbe},
  };
  for (const auto& [bad_expire_s, now_ms, expected] : kCases) {
    Renew();
    Fail(1, kNowMs - 500);
    Fail(1);
    EXPECT_EQ(Judge({.max_fail = 2, .bad_expire_s = bad_expire_s}, now_ms), expected)
        << bad_expire_s << ' ' << now_ms;
  }
}

TEST_F(HealthEntryTest, OneProbeUntilItsTimeIsOver) {
  Fail(2);
  const int64_t then_ms = kNowMs + kExpireMs;
  EXPECT_EQ(Judge(kPolicy, then_ms), Admission::kProbe);
  EXPECT_EQ(Report().probe_until_ms, then_ms + 30'000);
  EXPECT_EQ(Report().probe_pid, static_cast<uint32_t>(getpid()));
  for (const int64_t later_ms : {0, 1, 29'999}) {
    EXPECT_EQ(Judge(kPolicy, then_ms + later_ms), Admission::kBad) << later_ms;
  }
  EXPECT_EQ(Judge(kPolicy, then_ms + 30'000), Admission::kProbe);
  EXPECT_EQ(Judge(kPolicy, then_ms + 30'000), Admission::kBad);
  EXPECT_EQ(Report().probe_until_ms, then_ms + 60'000);
}

TEST_F(HealthEntryTest, TimeOfAProbeIsBounded) {
  const std::pair<unsigned, int64_t> kCases[] = {
      {0, 1}, {1, 1}, {600'000, 600'000}, {600'001, 600'000}, {UINT_MAX, 600'000}};
  for (const auto& [probe_ms, expected_ms] : kCases) {
    Renew();
    Fail(2);
    const HealthPolicy policy{.max_fail = 2, .bad_expire_s = 300, .probe_ms = probe_ms};
    const int64_t then_ms = kNowMs + kExpireMs;
    EXPECT_EQ(Judge(policy, then_ms), Admission::kProbe);
    EXPECT_EQ(Judge(policy, then_ms + expected_ms - 1), Admission::kBad) << probe_ms;
    EXPECT_EQ(Judge(policy, then_ms + expected_ms), Admission::kProbe) << probe_ms;
  }
}

TEST_F(HealthEntryTest, ProbeThatSucceedsMakesGood) {
  Fail(2);
  const int64_t then_ms = kNowMs + kExpireMs;
  ASSERT_EQ(Judge(kPolicy, then_ms), Admission::kProbe);
  entry_->NoteSuccess(then_ms + 5, 0);
  EXPECT_EQ(Report().probe_until_ms, 0);
  EXPECT_EQ(Judge(kPolicy, then_ms + 5), Admission::kGood);
}

TEST_F(HealthEntryTest, ProbeThatFailsBeginsTheBadTimeAnew) {
  Fail(2);
  const int64_t then_ms = kNowMs + kExpireMs;
  ASSERT_EQ(Judge(kPolicy, then_ms), Admission::kProbe);
  Fail(1, then_ms + 5);
  EXPECT_EQ(Report().probe_until_ms, 0);
  EXPECT_EQ(Judge(kPolicy, then_ms + 5), Admission::kBad);
  EXPECT_EQ(Judge(kPolicy, then_ms + 4 + kExpireMs), Admission::kBad);
  EXPECT_EQ(Judge(kPolicy, then_ms + 5 + kExpireMs), Admission::kProbe);
}

// What others note while a prober is about to become one decides, even if they die after their first store,
// and no probe is left behind.
TEST_F(HealthEntryTest, NoteAmidTheTakingOfAProbeEndsIt) {
  using Note = void (*)(HealthEntry*, const FakeTableSteps&);
  const Note fail = [](HealthEntry* entry, const FakeTableSteps& steps) {
    entry->NoteFailure(kNowMs + kExpireMs, EIO, steps);
  };
  const Note succeed = [](HealthEntry* entry, const FakeTableSteps& steps) {
    entry->NoteSuccess(kNowMs + kExpireMs, 0, steps);
  };
  struct Meddler {
    HealthEntry* entry;
    Note note;
    int death_step;
    int calls;
    static void Step(void* context) {
      auto& meddler = *static_cast<Meddler*>(context);
      if (++meddler.calls != 2) return;  // after the exchange
      Reap(StartChild([&] {
        DeathAtStep death{meddler.death_step};
        meddler.note(meddler.entry, death.steps());
        return 0;
      }));
    }
  };
  for (const int death_step : {1, 100}) {
    for (const auto& [note, expected] : {std::pair{fail, Admission::kBad}, {succeed, Admission::kGood}}) {
      Renew();
      Fail(2);
      Meddler meddler{entry_, note, death_step, 0};
      EXPECT_EQ(
          entry_->Admit(kPolicy, kNowMs + kExpireMs, nullptr, {.hook = Meddler::Step, .context = &meddler}),
          expected);
      EXPECT_EQ(meddler.calls, 3);
      EXPECT_EQ(Report().probe_until_ms, 0);
    }
  }
}

// Two find the time over at once: the one that comes first is the prober.
TEST_F(HealthEntryTest, ProbeIsNotTakenFromWhoeverWasFaster) {
  struct Rival {
    HealthEntry* entry;
    int calls;
    Admission admission;
    static void Step(void* context) {
      auto& rival = *static_cast<Rival*>(context);
      if (++rival.calls == 1) rival.admission = rival.entry->Admit(kPolicy, kNowMs + kExpireMs + 7);
    }
  };
  // Where nobody has probed yet, and where the last prober has died.
  for (const int64_t old_until_ms : {int64_t{0}, kNowMs}) {
    Renew();
    Fail(2);
    Put(entry_, kProbe, static_cast<uint64_t>(old_until_ms));
    Rival rival{entry_, 0, Admission::kGood};
    EXPECT_EQ(entry_->Admit(kPolicy, kNowMs + kExpireMs, nullptr, {.hook = Rival::Step, .context = &rival}),
              Admission::kBad);
    EXPECT_EQ(rival.admission, Admission::kProbe);
    EXPECT_EQ(Report().probe_until_ms, kNowMs + kExpireMs + 7 + kPolicy.probe_ms);
  }
}

TEST_F(HealthEntryTest, SuspicionLastsUntilANoteOrAMinute) {
  entry_->NoteWaiting(kNowMs);
  entry_->NoteWaiting(kNowMs + 20'000);
  EXPECT_EQ(Report().suspect_since_ms, kNowMs);
  const std::pair<int64_t, bool> kCases[] = {{kNowMs - HealthEntry::kClockSlackMs - 1, false},
                                             {kNowMs - HealthEntry::kClockSlackMs, true},
                                             {kNowMs, true},
                                             {kNowMs + 59'999, true},
                                             {kNowMs + 60'000, false}};
  for (const auto& [now_ms, expected] : kCases) {
    EXPECT_EQ(entry_->IsSuspect(now_ms), expected) << now_ms;
    EXPECT_EQ(Report().IsSuspect(now_ms), expected) << now_ms;
  }
  entry_->NoteWaiting(kNowMs + 60'000);
  EXPECT_EQ(Report().suspect_since_ms, kNowMs + 60'000);
  entry_->NoteSuccess(kNowMs + 60'001, 0);
  EXPECT_FALSE(entry_->IsSuspect(kNowMs + 60'001));
  entry_->NoteWaiting(kNowMs + 60'002);
  entry_->NoteFailure(kNowMs + 60'003, ETIMEDOUT);
  EXPECT_FALSE(entry_->IsSuspect(kNowMs + 60'003));
  EXPECT_EQ(Report().suspect_since_ms, 0);
  // A suspicion is no failure, and no reason to leave the server out.
  entry_->NoteSuccess(kNowMs, 0);
  entry_->NoteWaiting(0);
  EXPECT_TRUE(entry_->IsSuspect(0));
  EXPECT_EQ(Judge({.max_fail = 1}, 0), Admission::kGood);
}

TEST_F(HealthEntryTest, LatencyIsSmoothedByAnEighth) {
  const struct {
    uint32_t sample;
    uint32_t smoothed;
    uint32_t last;
  } kSteps[] = {
      {0, 0, 0},  // not measured
      {1000, 1000, 1000},
      {1800, 1100, 1800},
      {0, 1100, 1800},
      {300, 1000, 300},
      {1003, 1000, 1003},
      {1004, 1001, 1004},
      {UINT32_MAX, 536'871'788, UINT32_MAX},
  };
  for (const auto& [sample, smoothed, last] : kSteps) {
    entry_->NoteSuccess(kNowMs, sample);
    EXPECT_EQ(Report().latency_us, smoothed) << sample;
    EXPECT_EQ(Report().last_latency_us, last) << sample;
  }
}

TEST_F(HealthEntryTest, ReportTellsEverything) {
  entry_->NoteFailure(kNowMs, ECONNREFUSED);
  entry_->NoteSuccess(kNowMs + 1, 250);
  HealthReport report = Report();
  EXPECT_EQ(report.key, "server");
  EXPECT_FALSE(report.is_key_cut);
  EXPECT_EQ(report.failures_in_a_row, 0U);
  EXPECT_EQ(report.failures, 1U);
  EXPECT_EQ(report.successes, 1U);
  EXPECT_EQ(report.last_error, ECONNREFUSED);
  EXPECT_EQ(report.failed_ms, kNowMs);
  EXPECT_EQ(report.succeeded_ms, kNowMs + 1);
  EXPECT_EQ(report.latency_us, 250U);
  EXPECT_EQ(report.used_ms, kNowMs);
  EXPECT_EQ(report.turns, 0U);

  entry_->NoteFailure(kNowMs + 2, ETIMEDOUT);
  entry_->NoteFailure(kNowMs + 3, EHOSTUNREACH);
  EXPECT_EQ(entry_->NextTurn(), 0U);
  EXPECT_EQ(entry_->NextTurn(), 1U);
  report = Report();
  EXPECT_EQ(report.failures_in_a_row, 2U);
  EXPECT_EQ(report.failures, 3U);
  EXPECT_EQ(report.successes, 1U);
  EXPECT_EQ(report.last_error, EHOSTUNREACH);
  EXPECT_EQ(report.failed_ms, kNowMs + 3);
  EXPECT_EQ(report.succeeded_ms, kNowMs + 1);
  EXPECT_EQ(report.latency_us, 250U);
  EXPECT_EQ(report.turns, 2U);
}

TEST_F(HealthEntryTest, FailuresInARowDoNotRunOver) {
  // The word as a long row would leave it, without the sixteen million failures.
  Put(entry_, kFailing, uint64_t{HealthEntry::kMaxFailures - 1} << 40 | kNowMs);
  const HealthPolicy policy{.max_fail = UINT_MAX, .bad_expire_s = 300};
  ASSERT_EQ(Report().failures_in_a_row, HealthEntry::kMaxFailures - 1);
  EXPECT_EQ(Judge(policy, kNowMs), Admission::kGood);
  for (int i = 0; i < 2; ++i) {
    Fail(1);
    EXPECT_EQ(Report().failures_in_a_row, HealthEntry::kMaxFailures);
    EXPECT_EQ(Judge(policy, kNowMs), Admission::kBad);
  }
}

// Times that nobody can have noted are damage, and hold nobody up.
TEST_F(HealthEntryTest, TimesBeyondAllBoundsAreOver) {
  const int64_t then_ms = kNowMs + kExpireMs;
  const std::pair<int64_t, Admission> kProbes[] = {
      {HealthEntry::kLongestProbeMs + HealthEntry::kClockSlackMs, Admission::kBad},
      {HealthEntry::kLongestProbeMs + HealthEntry::kClockSlackMs + 1, Admission::kProbe},
      {int64_t{1} << 39, Admission::kProbe}};
  for (const auto& [left_ms, expected] : kProbes) {
    Renew();
    Fail(2);
    Put(entry_, kProbe, static_cast<uint64_t>(then_ms + left_ms));
    EXPECT_EQ(Judge(kPolicy, then_ms), expected) << left_ms;
  }
  for (const uint64_t suspect_since_ms : {UINT64_MAX, UINT64_MAX / 2, UINT64_MAX / 2 + 1}) {
    Put(entry_, kSuspect, suspect_since_ms);
    EXPECT_FALSE(entry_->IsSuspect(0)) << suspect_since_ms;
    EXPECT_FALSE(Report().IsSuspect(kNowMs)) << suspect_since_ms;
  }
}

// A success of a server that is well leaves the line alone that everybody reads.
TEST_F(HealthEntryTest, SuccessOfAGoodServerChangesOnlyTheCounters) {
  std::vector<char> before(64);
  std::memcpy(before.data(), static_cast<const void*>(entry_), before.size());
  entry_->NoteSuccess(kNowMs, 100);
  EXPECT_EQ(std::memcmp(before.data(), static_cast<const void*>(entry_), before.size()), 0);
  // Nor does it store there what stands there: three stores, none of them to the first line.
  int stores = 0;
  const auto count = [](void* context) { ++*static_cast<int*>(context); };
  entry_->NoteSuccess(kNowMs, 100, {.hook = count, .context = &stores});
  EXPECT_EQ(stores, 3);
  Fail(1);
  stores = 0;
  entry_->NoteSuccess(kNowMs, 100, {.hook = count, .context = &stores});
  EXPECT_EQ(stores, 4);
}

}  // namespace
}  // namespace socksify

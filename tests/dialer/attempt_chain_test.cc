// SPDX-License-Identifier: BSD-2-Clause
// Chains of mixed proxies, chains that choose, and who is to blame when one breaks.

#include <deque>

#include "tests/dialer/dialer_fixture.h"
#include "tests/dialer/private_health.h"

namespace socksify {
namespace {

using State = Attempt::State;
using testserver::TestServer;

struct Trial {
  std::string server;
  int error;
  bool goes_on;
};
std::vector<Trial> g_trials;

class AttemptChainTest : public DialerTest {
 protected:
  AttemptChainTest() {
    options_.health = &health_;
    g_trials.clear();
    options_.on_failed_trial = [](const Attempt&, const FailedTrial& trial) {
      g_trials.push_back(
          {trial.server != nullptr ? trial.server->name : "", trial.failure.error, trial.goes_on});
    };
    last_.AddEcho("echo.test");
  }
  Server* Named(const char* name, Server* server) {
    server->name = name;
    return server;
  }
  Server* Named(const char* name, const TestServer& server, uint8_t protocols = kServerSocks5) {
    return Named(name, AddServer(server.endpoints().front(), protocols));
  }
  static Target Choosing(std::vector<const Server*> hops, Chain chain, unsigned length = 0) {
    Target target = Via(std::move(hops));
    target.chain = chain;
    target.chain_length = length;
    return target;
  }
  bool IsBad(const Server* server) { return health_.IsBad(*server, MonotonicMs()); }

  PrivateHealth health_{1, 300};
  TestServer first_;
  TestServer second_;
  TestServer last_;
};

TEST_F(AttemptChainTest, ProtocolsMayBeMixed) {
  TestServer third;
  const Rule rule = MakeRule({Via({Named("a", first_), Named("b", second_, kServerHttp),
                                   Named("c", third, kServerSocks4a), Named("d", last_)})});
  ASSERT_EQ(Dial(rule, Name("echo.test")), State::kConnected);
  EXPECT_EQ(Echo("hello"), "hello");
  EXPECT_EQ(first_.requests()[0].protocol, "socks5");
  EXPECT_EQ(second_.requests()[0].protocol, "http");
  EXPECT_EQ(third.requests()[0].protocol, "socks4");
  EXPECT_EQ(last_.requests()[0].host, "echo.test");
  ASSERT_EQ(Dial(rule, Name("echo.test"), AF_INET, SOCK_NONBLOCK), State::kConnected);
  EXPECT_EQ(Echo("hello"), "hello");
}

TEST_F(AttemptChainTest, ADynamicChainGoesOnWithoutWhatIsDead) {
  Server* const dead = Named("dead", AddServer(ClosedPort()));
  for (size_t place = 0; place < 3; ++place) {
    std::vector<const Server*> hops = {Named("a", first_), Named("b", last_)};
    hops.insert(hops.begin() + static_cast<std::ptrdiff_t>(place), dead);
    g_trials.clear();
    health_.NoteSuccess(*dead, MonotonicMs(), 0);
    ASSERT_EQ(Dial(MakeRule({Choosing(hops, Chain::kDynamic)}), Name("echo.test")), State::kConnected)
        << place;
    EXPECT_EQ(Echo("hello"), "hello");
    EXPECT_EQ(attempt_->hops().size(), 2U);
    ASSERT_EQ(g_trials.size(), 1U);
    EXPECT_EQ(g_trials[0].server, "dead") << place;
    EXPECT_TRUE(g_trials[0].goes_on);
    EXPECT_TRUE(IsBad(dead)) << place;
    EXPECT_FALSE(IsBad(hops[place == 0 ? 1 : 0]));
    // The next one does not try it again.
    ASSERT_EQ(Dial(MakeRule({Choosing(hops, Chain::kDynamic)}), Name("echo.test")), State::kConnected);
    EXPECT_EQ(g_trials.size(), 1U);
  }
}

TEST_F(AttemptChainTest, ADynamicChainOfDeadServersFails) {
  Server* const dead = Named("dead", AddServer(ClosedPort()));
  Server* const other = Named("other", AddServer(ClosedPort()));
  EXPECT_EQ(Dial(MakeRule({Choosing({dead, other}, Chain::kDynamic)}), Name("echo.test")), State::kFailed);
  EXPECT_EQ(attempt_->failure().error, ECONNREFUSED);
  ASSERT_EQ(g_trials.size(), 2U);
  EXPECT_TRUE(g_trials[0].goes_on);
  EXPECT_FALSE(g_trials[1].goes_on);
}

TEST_F(AttemptChainTest, ARandomChainReplacesWhatIsDead) {
  Server* const dead = Named("dead", AddServer(ClosedPort()));
  last_.AddEcho("echo.test");
  second_.AddEcho("echo.test");
  first_.AddEcho("echo.test");
  for (uint64_t draw = 0; draw < 12; ++draw) {
    options_.draw = draw;
    health_.NoteSuccess(*dead, MonotonicMs(), 0);
    const Target chain =
        Choosing({Named("a", first_), dead, Named("b", second_), Named("c", last_)}, Chain::kRandom, 2);
    ASSERT_EQ(Dial(MakeRule({chain}), Name("echo.test")), State::kConnected) << draw;
    EXPECT_EQ(attempt_->hops().size(), 2U);
    EXPECT_EQ(Echo("hello"), "hello");
  }
}

TEST_F(AttemptChainTest, TheHopThatCannotBeReachedIsToBlame) {
  const struct {
    const char* script;
    bool first_is_bad;
    bool second_is_bad;
  } kCases[] = {
      {"reply.code=5", false, true},   // refused
      {"reply.code=4", false, true},   // unreachable
      {"reply.code=1", false, false},  // who knows
      {"reply.truncate=0", false, false}, {"method.truncate=0", true, false},
      {"method.junk=2", true, false},     {"method.code=none", false, false},  // other credentials may do
  };
  // All stay to the end: another would get the port of one that has ended, and its bad name with it.
  std::deque<TestServer> servers;
  for (const auto& test : kCases) {
    TestServer& first = servers.emplace_back();
    first.SetScript(test.script);
    const TestServer& second = servers.emplace_back();
    Server* const a = Named("a", first);
    Server* const b = Named("b", second);
    ASSERT_EQ(Dial(MakeRule({Via({a, b}), Via({Named("c", last_)})}), Name("echo.test")), State::kConnected)
        << test.script;
    EXPECT_EQ(PathNumber(), 1U);
    EXPECT_EQ(IsBad(a), test.first_is_bad) << test.script;
    EXPECT_EQ(IsBad(b), test.second_is_bad) << test.script;
  }
}

// A server whose answer names a trouble of its own does its work.
TEST_F(AttemptChainTest, AServerThatAnswersIsNotBad) {
  for (const uint8_t protocols : {uint8_t{kServerSocks5}, uint8_t{kServerHttp}}) {
    TestServer server;
    server.SetScript(protocols == kServerHttp ? "http.status=503" : "reply.code=1");
    Server* const saying_no = Named("a", server, protocols);
    ASSERT_EQ(Dial(MakeRule({Via({saying_no}), Via({Named("b", last_)})}), Name("echo.test")),
              State::kConnected);
    EXPECT_EQ(PathNumber(), 1U);
    EXPECT_FALSE(IsBad(saying_no));
    ASSERT_EQ(g_trials.size(), 1U);
    EXPECT_EQ(g_trials[0].server, "a");
    g_trials.clear();
  }
}

TEST_F(AttemptChainTest, ADynamicChainGoesOnWithoutANameThatIsUnknown) {
  Server* const unknown = Named("unknown", AddServer(*Endpoint::FromName("nosuch.invalid", 1080)));
  System system = LibcSystem();
  system.resolve = [](const char*, std::span<IpAddress>) { return size_t{0}; };
  const Rule rule = MakeRule({Choosing({unknown, Named("a", last_)}, Chain::kDynamic)});
  socket_.Reset(socket(AF_INET, SOCK_STREAM, 0));
  Attempt attempt(system, socket_.get(), AF_INET, rule, Name("echo.test"), options_);
  attempt.Start(MonotonicMs());
  ASSERT_EQ(RunToCompletion(system, socket_.get(), &attempt), State::kConnected);
  EXPECT_EQ(attempt.hops().size(), 1U);
  EXPECT_TRUE(IsBad(unknown));
}

// The way past the proxies is taken by addresses, which only a proxy may know.
TEST_F(AttemptChainTest, ADirectFallbackFailsForANameThatIsUnknown) {
  const Rule rule = MakeRule({Via({Named("dead", AddServer(ClosedPort()))}), Direct()});
  EXPECT_EQ(Dial(rule, Name("nosuch.invalid")), State::kFailed);
  EXPECT_EQ(attempt_->failure().error, EHOSTUNREACH);
  EXPECT_STREQ(attempt_->failure().reason, "the name cannot be resolved locally");
}

TEST_F(AttemptChainTest, AServerThatTheDestinationRefusesIsWell) {
  first_.AddRefused("refused.test");
  Server* const a = Named("a", first_);
  health_.NoteFailure(*a, MonotonicMs(), ETIMEDOUT);
  const Rule rule = MakeRule({Via({a})});
  EXPECT_EQ(Dial(rule, Name("refused.test")), State::kFailed);
  EXPECT_EQ(attempt_->failure().error, ECONNREFUSED);
  EXPECT_FALSE(IsBad(a)) << "it has answered";
}

TEST_F(AttemptChainTest, AnHttpProxyIsNotAskedToListen) {
  Server* const http = Named("http", first_, kServerHttp);
  options_.command = Socks5Command::kBind;
  EXPECT_EQ(Dial(MakeRule({Via({http})}), *Endpoint::FromHost("0.0.0.0", 0)), State::kFailed);
  EXPECT_EQ(attempt_->failure().error, EOPNOTSUPP);
  EXPECT_STREQ(attempt_->failure().reason, "an HTTP proxy does not listen");
  EXPECT_TRUE(first_.requests().empty());
}

}  // namespace
}  // namespace socksify

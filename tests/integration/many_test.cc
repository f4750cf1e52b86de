// SPDX-License-Identifier: BSD-2-Clause
// Many connections at once, in every way of waiting for them.

#include "tests/integration/pending_fixture.h"

namespace socksify {
namespace {

constexpr const char* kWays[] = {"select",       "pselect",      "poll",         "ppoll",
                                 "epoll",        "epollet",      "epolloneshot", "epollbefore",
                                 "epoll_pwait",  "epoll_pwait2", "epollinepoll", "epollinpoll",
                                 "epollinselect"};

// What the victim prints when nothing goes wrong.
std::string Counts(int connected, int refused) {
  return "connected " + std::to_string(connected) + "\nrefused " + std::to_string(refused) +
         "\nfailed 0\nhanging 0\nearly 0\nspurious 0\nwrong 0\nstrangers 0\n";
}

class ManyTest : public PendingTest {
 protected:
  ManyTest() {
    options_.deadline = std::chrono::seconds(60);
    server_.AddScript("10.99.99.99", "reply.delay=200");
    server_.AddRefused("10.99.99.98");
    server_.AddScript("10.99.99.98", "reply.delay=200");
  }

  // All ways at the same time, each with an origin of its own.
  void ExpectDirect(Ending ending, const std::vector<std::string>& more, const std::string& counts) {
    std::vector<std::future<std::string>> outputs;
    for (const char* way : kWays) {
      outputs.push_back(std::async(std::launch::async, [this, way, ending, &more] {
        const EchoOrigin slow(ending);
        std::vector<std::string> arguments = {way, "50", "127.0.0.1", slow.port()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return RunDirect("many", arguments).out;
      }));
    }
    for (size_t i = 0; i < std::size(kWays); ++i) EXPECT_EQ(outputs[i].get(), counts) << kWays[i];
  }
};

TEST_F(ManyTest, EveryWayOfWaitingIsFair) {
  ExpectDirect(Ending::kAccept, {}, Counts(50, 0));
  ExpectDirect(Ending::kRefuse, {"refused"}, Counts(0, 50));
}

TEST_F(ManyTest, EveryWayOfWaiting) {
  for (const char* way : kWays) {
    const ProgramOutcome outcome = Run("many", {way, "100", "10.99.99.99", "7"});
    EXPECT_EQ(outcome.out, Counts(100, 0)) << way;
    EXPECT_EQ(outcome.exit_code, 0) << way;
    EXPECT_EQ(outcome.err, "") << way;
  }
}

TEST_F(ManyTest, EveryWayOfWaitingForRefusals) {
  for (const char* way : kWays) {
    EXPECT_EQ(Run("many", {way, "100", "10.99.99.98", "7", "refused"}).out, Counts(0, 100)) << way;
  }
}

TEST_F(ManyTest, EveryWayOfWaitingInAFortifiedProgram) {
  for (const char* way : kWays) {
    EXPECT_EQ(Run("many-fortified", {way, "50", "10.99.99.99", "7"}).out, Counts(50, 0)) << way;
  }
}

// Were they made one after the other, the server would never see two at a time.
TEST_F(ManyTest, TheServerSeesThemTogether) {
  testserver::RaiseDescriptorLimit();
  EXPECT_EQ(Run("many", {"poll", "1000", "10.99.99.99", "7"}).out, Counts(1000, 0));
  EXPECT_GE(server_.peak_connections(), 900U);
}

TEST_F(ManyTest, BytesOfTheHandshakeThatComeOneByOne) {
  server_.AddScript("10.99.99.99", "reply.split=1 reply.gap=5");
  for (const char* way : {"poll", "epollet", "epollbefore"}) {
    EXPECT_EQ(Run("many", {way, "30", "10.99.99.99", "7"}).out, Counts(30, 0)) << way;
  }
}

}  // namespace
}  // namespace socksify

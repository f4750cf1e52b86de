// SPDX-License-Identifier: BSD-2-Clause
// Name servers that are gone, silent, or hang up; and look-ups in threads, children and cancelled threads.
#include <pthread.h>
#include <sys/wait.h>

#include <thread>

#include "tests/resolver/real_lookup_fixture.h"

namespace socksify {
namespace {

using testing::ElementsAre;

TEST_F(RealLookupTest, GoesToTheNextServerWhenOneCannotBeReached) {
  const DnsTestServer server(&Sevens);
  transport_.Block(AddServer(), ECONNREFUSED);
  AddServer(server);
  EXPECT_EQ(LookUp("web.test"), "192.0.2.7 2001:db8::7");
  // Once for both questions.
  EXPECT_THAT(transport_.opened(), ElementsAre("tcp 192.0.2.1:53", "tcp 192.0.2.2:53"));
}

TEST_F(RealLookupTest, FailsWhenNoServerCanBeReached) {
  // The errors that a non-blocking connect() begins with are failures like the others.
  for (const int error : {ECONNREFUSED, EACCES, EINPROGRESS, EAGAIN, 0}) {
    transport_.Block(AddServer(), error);
  }
  EXPECT_EQ(LookUp("web.test"), "try again: no name server can be reached");
  EXPECT_EQ(transport_.opened().size(), 5U);
}

TEST_F(RealLookupTest, GoesToTheNextServerWhenOneIsUnable) {
  const DnsTestServer unable(&ServerFailure);
  const DnsTestServer able(&Sevens);
  AddServer(unable);
  AddServer(able);
  EXPECT_EQ(LookUp("web.test"), "192.0.2.7 2001:db8::7");
}

TEST_F(RealLookupTest, GoesToTheNextServerWhenOneHangsUpInTheMiddleOfAnAnswer) {
  const DnsTestServer broken([](const ServedQuestion& question) -> DnsReply {
    const std::string answer = Sevens(question).messages[0];
    return {.messages = {},
            .raw = TwoBytes(answer.size()) + answer.substr(0, answer.size() - 1),
            .is_last = true};
  });
  const DnsTestServer whole(&Sevens);
  AddServer(broken);
  AddServer(whole);
  EXPECT_EQ(LookUp("web.test"), "192.0.2.7 2001:db8::7");
}

TEST_F(RealLookupTest, AsksAServerAgainThatHungUp) {
  bool is_first = true;
  const DnsTestServer server([&](const ServedQuestion& question) -> DnsReply {
    if (!std::exchange(is_first, false)) return Sevens(question);
    return {.messages = {}, .is_last = true};
  });
  AddServer(server);
  EXPECT_EQ(LookUp("web.test", LookupFamily::kV4), "192.0.2.7");
  EXPECT_EQ(server.connections(), 2U);
}

TEST_F(RealLookupTest, GivesUpAServerThatAlwaysHangsUp) {
  const DnsTestServer server(
      [&](const ServedQuestion&) -> DnsReply { return {.messages = {}, .is_last = true}; });
  AddServer(server);
  options_.tries = 3;
  EXPECT_EQ(LookUp("web.test", LookupFamily::kV4), "try again: no name server was able to answer");
  EXPECT_EQ(server.connections(), 3U);
}

TEST_F(RealLookupTest, SurvivesMessagesWithoutSense) {
  const std::string cases[] = {
      std::string(2, '\0'),                  // a message of no bytes
      TwoBytes(1) + 'x',                     // shorter than a header
      TwoBytes(12) + std::string(12, '\0'),  // a header without a question
      TwoBytes(65'535) + std::string(65'535, '\xff'),
  };
  for (const std::string& bytes : cases) {
    const DnsTestServer server(
        [&](const ServedQuestion&) -> DnsReply { return {.messages = {}, .raw = bytes, .is_last = true}; });
    options_.servers.clear();
    AddServer(server);
    EXPECT_EQ(LookUp("web.test", LookupFamily::kV4), "try again: no name server was able to answer");
  }
}

TEST_F(RealLookupTest, IgnoresAnswersToOtherQuestions) {
  const DnsTestServer server([](const ServedQuestion& question) -> DnsReply {
    ServedQuestion other = question;
    other.message[0] = static_cast<char>(other.message[0] ^ 1);
    const std::string wrong_id = AnswerTo(other, {ARecord(question.name, "192.0.2.66")});
    other = question;
    other.message[13] = 'x';
    const std::string wrong_name = AnswerTo(other, {ARecord("xeb.test", "192.0.2.66")});
    return {.messages = {wrong_id, wrong_name, Sevens(question).messages[0]}};
  });
  AddServer(server);
  EXPECT_EQ(LookUp("web.test", LookupFamily::kV4), "192.0.2.7");
}

TEST_F(RealLookupTest, EndsWithItsTime) {
  const DnsTestServer server(&Silence);
  AddServer(server);
  options_.timeout_ms = 20;
  for (const DnsProtocol protocol : {DnsProtocol::kTcp, DnsProtocol::kUdp}) {
    options_.protocol = protocol;
    EXPECT_EQ(LookUp("web.test"), "try again: no name server answered in time");
  }
}

TEST_F(RealLookupTest, GoesToTheNextServerWhenOneIsSilent) {
  const DnsTestServer silent(&Silence);
  const DnsTestServer able(&Sevens);
  AddServer(silent);
  AddServer(able);
  options_.timeout_ms = 3000;
  for (const DnsProtocol protocol : {DnsProtocol::kTcp, DnsProtocol::kUdp}) {
    options_.protocol = protocol;
    EXPECT_EQ(LookUp("web.test"), "192.0.2.7 2001:db8::7");
  }
}

TEST_F(RealLookupTest, RepeatsAQuestionByUdp) {
  bool is_first = true;
  const DnsTestServer server([&](const ServedQuestion& question) -> DnsReply {
    return std::exchange(is_first, false) ? Silence(question) : Sevens(question);
  });
  AddServer(server);
  options_.protocol = DnsProtocol::kUdp;
  options_.timeout_ms = 3000;
  EXPECT_EQ(LookUp("web.test", LookupFamily::kV4), "192.0.2.7");
  EXPECT_THAT(server.questions(), ElementsAre("udp web.test 1", "udp web.test 1"));
}

TEST_F(RealLookupTest, AsksNoServerThatIsAName) {
  options_.servers = {*Endpoint::FromName("ns.test", 53)};
  EXPECT_EQ(LookUp("web.test"), "failed: no name server is given as an address");
  EXPECT_EQ(LookUpName("192.0.2.1"), "failed: no name server is given as an address");
}

TEST_F(RealLookupTest, AsksNoMoreServersThanItCan) {
  for (size_t i = 0; i < kMaxNameServers + 3; ++i) AddServer();
  EXPECT_EQ(LookUp("web.test"), "try again: no name server can be reached");
  EXPECT_EQ(transport_.opened().size(), kMaxNameServers);
}

TEST_F(RealLookupTest, AsksAtPort53WhereNoneIsGiven) {
  options_.servers = {Endpoint::FromIp(*IpAddress::Parse("192.0.2.1"), 0)};
  LookUp("web.test");
  EXPECT_THAT(transport_.opened(), ElementsAre("tcp 192.0.2.1:53"));
}

TEST_F(RealLookupTest, TellsTheTransportTheScopeOfAServer) {
  options_.servers = {Endpoint::FromIp(*IpAddress::Parse("fe80::1%7"), 53)};
  LookUp("web.test");
  EXPECT_THAT(transport_.opened(), ElementsAre("tcp [fe80::1%7]:53"));
}

TEST_F(RealLookupTest, BoundsOptionsThatMakeNoSense) {
  const DnsTestServer server(&Silence);
  AddServer(server);
  options_.timeout_ms = -1;
  options_.tries = 1 << 30;
  options_.protocol = DnsProtocol::kUdp;
  // The shortest limit that there is may pass before the question has left.
  EXPECT_THAT(LookUp("web.test"), testing::AnyOf("try again: no name server answered in time",
                                                 "try again: no name server can be reached"));
}

TEST_F(RealLookupTest, WorksInManyThreadsAtOnce) {
  const DnsTestServer server([](const ServedQuestion& question) -> DnsReply {
    const std::string address = "192.0.2." + question.name.substr(0, question.name.find('.'));
    return {.messages = {AnswerTo(question, {ARecord(question.name, address.c_str())})}};
  });
  AddServer(server);
  std::vector<std::thread> threads;
  for (int i = 1; i <= 8; ++i) {
    threads.emplace_back([&, number = std::to_string(i)] {
      for (int round = 0; round < 10; ++round)
        EXPECT_EQ(LookUp(number + ".test", LookupFamily::kV4), "192.0.2." + number);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(RealLookupTest, WorksInAForkedChild) {
  const DnsTestServer server(&Sevens);
  AddServer(server);
  const pid_t child = fork();
  if (child == 0) _exit(LookUp("web.test") == "192.0.2.7 2001:db8::7" ? 0 : 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_F(RealLookupTest, LeavesNothingOpenWhenItsThreadIsCancelled) {
  const DnsTestServer server(&Silence);
  AddServer(server);
  pthread_t thread{};
  const auto body = [](void* self) -> void* {
    static_cast<RealLookupTest*>(self)->LookUpForThread();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, nullptr, body, this), 0);
  server.AwaitQuestions(2);
  EXPECT_EQ(DnsTestTransport::open_sockets(), 1);
  pthread_cancel(thread);
  void* result = nullptr;
  ASSERT_EQ(pthread_join(thread, &result), 0);
  EXPECT_EQ(result, PTHREAD_CANCELED);
  EXPECT_EQ(DnsTestTransport::open_sockets(), 0);
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// What look-ups answer, with one name server.
#include "resolver/real_lookup.h"

#include "tests/resolver/real_lookup_fixture.h"

namespace socksify {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

TEST_F(RealLookupTest, FindsTheAddressesOfTheFamilyAskedFor) {
  const DnsTestServer server(&Sevens);
  AddServer(server);
  EXPECT_EQ(LookUp("web.test", LookupFamily::kV4), "192.0.2.7");
  EXPECT_EQ(LookUp("web.test", LookupFamily::kV6), "2001:db8::7");
  EXPECT_EQ(LookUp("web.test", LookupFamily::kBoth), "192.0.2.7 2001:db8::7");
  EXPECT_THAT(server.questions(),
              ElementsAre("tcp web.test 1", "tcp web.test 28", "tcp web.test 1", "tcp web.test 28"));
}

TEST_F(RealLookupTest, TakesTheWayOfTheTransport) {
  const DnsTestServer server(&Sevens);
  AddServer(server);
  EXPECT_EQ(LookUp("web.test"), "192.0.2.7 2001:db8::7");
  EXPECT_THAT(transport_.opened(), ElementsAre("tcp 192.0.2.1:53"));
}

TEST_F(RealLookupTest, AsksBothQuestionsOnOneConnectionAndTakesAnswersInAnyOrder) {
  std::string first;
  const DnsTestServer server([&](const ServedQuestion& question) -> DnsReply {
    const std::string answer = Sevens(question).messages[0];
    if (first.empty()) {
      first = answer;
      return {.messages = {}};
    }
    return {.messages = {answer, first}};
  });
  AddServer(server);
  EXPECT_EQ(LookUp("web.test"), "192.0.2.7 2001:db8::7");
  EXPECT_EQ(server.connections(), 1U);
}

TEST_F(RealLookupTest, KeepsAllAddressesInTheOrderOfTheAnswer) {
  const DnsTestServer server([](const ServedQuestion& question) -> DnsReply {
    std::vector<ServedRecord> records;
    for (int i = 200; i > 0; --i)
      records.push_back(ARecord(question.name, ("192.0.2." + std::to_string(i)).c_str()));
    return {.messages = {AnswerTo(question, records)}};
  });
  AddServer(server);
  const auto found = LookUpReal("many.test", LookupFamily::kV4, options_, transport_.Get());
  ASSERT_TRUE(found.has_value());
  ASSERT_EQ(found->size(), 200U);
  EXPECT_EQ(found->front().ToString(), "192.0.2.200");
  EXPECT_EQ(found->back().ToString(), "192.0.2.1");
}

TEST_F(RealLookupTest, FollowsAliases) {
  const DnsTestServer server([](const ServedQuestion& question) -> DnsReply {
    return {.messages = {AnswerTo(
                question, {NameRecord("www.test", ns_t_cname, "web.test"),
                           NameRecord("web.test", ns_t_cname, "host.test"), ARecord("host.test", "192.0.2.9"),
                           ARecord("stray.test", "192.0.2.66")})}};
  });
  AddServer(server);
  EXPECT_EQ(LookUp("www.test", LookupFamily::kV4), "192.0.2.9");
}

TEST_F(RealLookupTest, ReadsAndWritesByteByByte) {
  const DnsTestServer server(&Sevens);
  AddServer(server);
  EXPECT_EQ(TextOf(LookUpReal("web.test", LookupFamily::kBoth, options_, transport_.GetSlow())),
            "192.0.2.7 2001:db8::7");
}

TEST_F(RealLookupTest, TellsWhyThereIsNoAddress) {
  const struct {
    const char* name;
    LookupFamily family;
    const char* result;
  } cases[] = {
      {"none.test", LookupFamily::kBoth, "no name: there is no such name"},
      {"none.test", LookupFamily::kV4, "no name: there is no such name"},
      {"empty.test", LookupFamily::kV4, "no address: the name has no IPv4 address"},
      {"empty.test", LookupFamily::kV6, "no address: the name has no IPv6 address"},
      {"empty.test", LookupFamily::kBoth, "no address: the name has no address"},
      {"alias-of-nothing.test", LookupFamily::kV4, "no address: the name has no IPv4 address"},
      {"servfail.test", LookupFamily::kBoth, "try again: no name server was able to answer"},
      {"refused.test", LookupFamily::kV4, "try again: no name server was able to answer"},
      {"formerr.test", LookupFamily::kV4, "failed: a name server's answer makes no sense"},
      {"looping.test", LookupFamily::kV4, "failed: a name server's answer makes no sense"},
      {"six.test", LookupFamily::kV4, "no address: the name has no IPv4 address"},
      {"six.test", LookupFamily::kBoth, "2001:db8::6"},
      {"half.test", LookupFamily::kBoth, "192.0.2.5"},
      {"half-nothing.test", LookupFamily::kBoth, "try again: no name server was able to answer"},
  };
  const DnsTestServer server([](const ServedQuestion& question) -> DnsReply {
    const bool is_v4 = question.type == ns_t_a;
    const auto say = [&](const std::vector<ServedRecord>& records, unsigned flags = 0) -> DnsReply {
      return {.messages = {AnswerTo(question, records, flags)}};
    };
    if (question.name == "none.test") return say({}, ns_r_nxdomain);
    if (question.name == "empty.test") return say({});
    if (question.name == "alias-of-nothing.test")
      return say({NameRecord(question.name, ns_t_cname, "nothing.test")});
    if (question.name == "servfail.test") return say({}, ns_r_servfail);
    if (question.name == "refused.test") return say({}, ns_r_refused);
    if (question.name == "formerr.test") return say({}, ns_r_formerr);
    // A name that points to itself: the two bytes after header and question are its own place.
    if (question.name == "looping.test") {
      std::string answer = AnswerTo(question, {ARecord("", "192.0.2.1")});
      const size_t place = question.message.size();
      answer.replace(place, 1, TwoBytes(0xc000 | place));
      return {.messages = {answer}};
    }
    if (question.name == "six.test") return is_v4 ? say({}) : say({AaaaRecord(question.name, "2001:db8::6")});
    if (question.name == "half.test")
      return is_v4 ? say({ARecord(question.name, "192.0.2.5")}) : say({}, ns_r_servfail);
    return is_v4 ? say({}) : say({}, ns_r_servfail);
  });
  AddServer(server);
  for (const auto& c : cases) EXPECT_EQ(LookUp(c.name, c.family), c.result) << c.name;
}

TEST_F(RealLookupTest, AsksNobodyForWhatIsNoName) {
  const DnsTestServer server(&Sevens);
  AddServer(server);
  const std::string names[] = {"",
                               ".",
                               ".test",
                               "web..test",
                               "a\\.b",
                               std::string("web.test\0.evil", 14),
                               "x.onion",
                               std::string(64, 'a') + ".test",
                               std::string(60, 'a') + '.' + std::string(60, 'b') + '.' +
                                   std::string(60, 'c') + '.' + std::string(60, 'd') + '.' +
                                   std::string(60, 'e')};
  for (const std::string& name : names) EXPECT_THAT(LookUp(name), testing::StartsWith("no name: ")) << name;
  EXPECT_EQ(LookUp("web..test"), "no name: not a name that DNS can have");
  EXPECT_THAT(transport_.opened(), ElementsAre());
}

TEST_F(RealLookupTest, TakesNamesAsAbsoluteWhateverTheEnvironmentSays) {
  setenv("LOCALDOMAIN", "search.test", 1);
  setenv("RES_OPTIONS", "ndots:5 rotate retry:0 retrans:0", 1);
  setenv("HOSTALIASES", "/dev/zero", 1);
  const DnsTestServer server(&Sevens);
  AddServer(server);
  EXPECT_EQ(LookUp("web", LookupFamily::kV4), "192.0.2.7");
  EXPECT_EQ(LookUp("web.test.", LookupFamily::kV4), "192.0.2.7");
  EXPECT_EQ(LookUp("localhost", LookupFamily::kV4), "192.0.2.7");
  EXPECT_THAT(server.questions(), ElementsAre("tcp web 1", "tcp web.test 1", "tcp localhost 1"));
  unsetenv("LOCALDOMAIN");
  unsetenv("RES_OPTIONS");
  unsetenv("HOSTALIASES");
}

TEST_F(RealLookupTest, FindsTheNamesOfAnAddress) {
  const DnsTestServer server([](const ServedQuestion& question) -> DnsReply {
    return {.messages = {AnswerTo(question, {NameRecord(question.name, ns_t_ptr, "one.test"),
                                             NameRecord(question.name, ns_t_ptr, "two.test")})}};
  });
  AddServer(server);
  EXPECT_EQ(LookUpName("192.0.2.10"), "one.test two.test");
  EXPECT_EQ(LookUpName("::ffff:192.0.2.10"), "one.test two.test");
  EXPECT_EQ(LookUpName("2001:db8::1f"), "one.test two.test");
  EXPECT_THAT(server.questions(),
              ElementsAre("tcp 10.2.0.192.in-addr.arpa 12", "tcp 10.2.0.192.in-addr.arpa 12",
                          "tcp f.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa 12"));
}

TEST_F(RealLookupTest, FollowsTheAliasOfAnAddress) {
  // RFC 2317 section 4
  const DnsTestServer server([](const ServedQuestion& question) -> DnsReply {
    return {.messages = {
                AnswerTo(question, {NameRecord(question.name, ns_t_cname, "10.0-63.2.0.192.in-addr.arpa"),
                                    NameRecord("10.0-63.2.0.192.in-addr.arpa", ns_t_ptr, "one.test")})}};
  });
  AddServer(server);
  EXPECT_EQ(LookUpName("192.0.2.10"), "one.test");
}

TEST_F(RealLookupTest, TellsWhyAnAddressHasNoName) {
  const DnsTestServer server([](const ServedQuestion& question) -> DnsReply {
    if (question.name.starts_with("1.")) return {.messages = {AnswerTo(question, {}, ns_r_nxdomain)}};
    if (question.name.starts_with("2.")) return {.messages = {AnswerTo(question, {})}};
    if (question.name.starts_with("3.")) return {.messages = {AnswerTo(question, {}, ns_r_servfail)}};
    // No host name: it would end up in somebody's log, or shell.
    return {.messages = {AnswerTo(question, {NameRecord(question.name, ns_t_ptr, "$(reboot).test")})}};
  });
  AddServer(server);
  EXPECT_EQ(LookUpName("192.0.2.1"), "no name: the address has no name");
  EXPECT_EQ(LookUpName("192.0.2.2"), "no name: the address has no name");
  EXPECT_EQ(LookUpName("192.0.2.3"), "try again: no name server was able to answer");
  EXPECT_EQ(LookUpName("192.0.2.4"), "failed: a name server's answer makes no sense");
}

TEST_F(RealLookupTest, AsksByUdp) {
  const DnsTestServer server(&Sevens);
  AddServer(server);
  options_.protocol = DnsProtocol::kUdp;
  EXPECT_EQ(LookUp("web.test"), "192.0.2.7 2001:db8::7");
  EXPECT_THAT(transport_.opened(), ElementsAre("udp 192.0.2.1:53"));
  EXPECT_THAT(server.questions(), UnorderedElementsAre("udp web.test 1", "udp web.test 28"));
}

TEST_F(RealLookupTest, AsksAgainByTcpWhenADatagramWasCut) {
  const DnsTestServer server([](const ServedQuestion& question) -> DnsReply {
    if (question.is_tcp) return Sevens(question);
    return {.messages = {AnswerTo(question, {}, kTruncated)}};
  });
  AddServer(server);
  options_.protocol = DnsProtocol::kUdp;
  EXPECT_EQ(LookUp("web.test", LookupFamily::kV4), "192.0.2.7");
  EXPECT_THAT(transport_.opened(), ElementsAre("udp 192.0.2.1:53", "tcp 192.0.2.1:53"));
}

TEST_F(RealLookupTest, LeavesErrnoAlone) {
  AddServer();
  errno = EXDEV;
  EXPECT_EQ(LookUp("web.test"), "try again: no name server can be reached");
  EXPECT_EQ(errno, EXDEV);
}

}  // namespace
}  // namespace socksify

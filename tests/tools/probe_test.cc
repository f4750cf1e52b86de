// SPDX-License-Identifier: BSD-2-Clause
// What a probe finds out, and what it sends.
#include "tools/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/socket_address.h"
#include "base/unique_fd.h"
#include "tests/server/closed_port.h"
#include "tests/server/test_server.h"
#include "tests/tools/plain_server.h"

namespace socksify {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Each;
using ::testing::Field;
using testing::PlainServer;
using ::testing::StartsWith;
using testserver::RequestRecord;
using testserver::TestServer;
using State = ProbeAnswer::State;

constexpr unsigned kShortMs = 150;

Server ServerAt(uint16_t port, uint8_t protocols = kServerSocks5) {
  Server server;
  server.address = Endpoint::FromIp(IpAddress::V4(0x7f000001), port);
  server.protocols = protocols;
  server.methods = kMethodNone;
  return server;
}

Server WithUser(Server server, const char* username, const char* password) {
  server.methods |= kMethodUsername;
  server.username = username;
  server.password = password;
  server.has_password = true;
  return server;
}

ProbeReport Probe(const Server& server, const ProbeOptions& options = {}) {
  return ProbeServer(LibcSystem(), server, options);
}

ProbeOptions To(const char* name, uint16_t port = 80) {
  return {.limits = {}, .destination = Endpoint::FromHost(name, port)};
}

ProbeOptions Hurried() {
  return {.limits = {.connect_ms = kShortMs, .negotiate_ms = kShortMs}, .destination = {}};
}

std::string Reason(const ProbeAnswer& answer) {
  return Describe(answer.failure);
}

TEST(ProbeTest, AServerThatDoesEverything) {
  const TestServer server;
  const ProbeReport report = Probe(ServerAt(server.port()));
  EXPECT_EQ(report.problem, "");
  ASSERT_EQ(report.addresses.size(), 1U);
  EXPECT_EQ(report.addresses[0].address.ToString(), "127.0.0.1");
  EXPECT_GT(report.addresses[0].connect_ms, 0);
  EXPECT_FALSE(report.addresses[0].failure);
  for (const ProbeAnswer* const answer : {&report.socks5, &report.socks4, &report.socks4a, &report.http,
                                          &report.none, &report.bind, &report.udp, &report.pipelining})
    EXPECT_EQ(answer->state, State::kYes);
  EXPECT_EQ(report.username.state, State::kYes) << "of whatever user";
  EXPECT_EQ(report.gssapi.state, State::kNo);
  EXPECT_EQ(Reason(report.gssapi), "not accepted");
  EXPECT_EQ(report.credentials.state, State::kNotAsked);
  EXPECT_EQ(report.connect.state, State::kNotAsked);
  EXPECT_THAT(report.listens_at, StartsWith("127.0.0.1:"));
  EXPECT_THAT(report.relay, StartsWith("127.0.0.1:"));
  EXPECT_NE(report.listens_at, "127.0.0.1:0");
  EXPECT_EQ(report.round_trips, 3U);
}

TEST(ProbeTest, NothingIsAskedForThatTheUserDidNotName) {
  TestServer server;
  Probe(ServerAt(server.port()));
  server.Stop();
  EXPECT_THAT(server.requests(),
              Each(AllOf(Field(&RequestRecord::host, AnyOf("", "0.0.0.0")), Field(&RequestRecord::port, 0))));
}

TEST(ProbeTest, ADestinationIsConnectedToInEachProtocolThatCanSayIt) {
  TestServer server;
  server.AddPage("web.test", "hello\n");
  const ProbeReport report = Probe(ServerAt(server.port()), To("web.test"));
  EXPECT_EQ(report.problem, "");
  EXPECT_EQ(report.destination, "web.test:80");
  EXPECT_EQ(report.connect.state, State::kYes);
  EXPECT_GT(report.connect_ms, 0);
  EXPECT_FALSE(report.socks4a.failure);
  EXPECT_FALSE(report.http.failure);
  EXPECT_EQ(Reason(report.socks4), "request rejected or failed (reply 91)") << "it went to 0.0.0.0";
  server.Stop();
  size_t connects = 0;
  for (const RequestRecord& request : server.requests()) {
    if (request.command != 1) continue;
    EXPECT_EQ(request.host, request.protocol == "socks4" ? "0.0.0.0" : "web.test");
    ++connects;
  }
  EXPECT_EQ(connects, 6U) << "SOCKS5 thrice (connect, round trips, pipelining), SOCKS4, 4A and HTTP";
}

TEST(ProbeTest, ARefusedDestinationIsNotTheServersFault) {
  TestServer server;
  server.AddRefused("closed.test");
  const ProbeReport report = Probe(ServerAt(server.port()), To("closed.test"));
  EXPECT_EQ(report.problem, "");
  EXPECT_EQ(report.connect.state, State::kNo);
  EXPECT_EQ(Reason(report.connect), "connection refused (reply 5)");
  EXPECT_EQ(report.pipelining.state, State::kYes);
}

TEST(ProbeTest, AGeneralFailureIsTheServersFaultWhereTheUserNamedTheDestination) {
  TestServer server;
  server.SetScript("reply.code=1");
  const Server target = ServerAt(server.port());
  EXPECT_EQ(Probe(target, To("web.test")).problem, "general SOCKS server failure (reply 1)");
  EXPECT_EQ(Probe(target).problem, "") << "of 0.0.0.0 it says nothing";
}

// As ssh -D does, which has no reply for what cannot be had.
TEST(ProbeTest, ARequestThatLeadsNowhereNeedsNoAnswer) {
  TestServer server;
  server.SetScript("reply.truncate=0");
  const ProbeReport report = Probe(ServerAt(server.port()));
  EXPECT_EQ(report.problem, "");
  EXPECT_EQ(report.round_trips, 0U);
  EXPECT_EQ(report.pipelining.state, State::kNotAsked);
  EXPECT_EQ(Probe(ServerAt(server.port(), kServerSocks4)).problem,
            "it does not speak socks4: the proxy closed the connection without a reply (some answer only "
            "where they can connect; name a destination with --to)");
  EXPECT_EQ(Probe(ServerAt(server.port()), To("web.test")).problem,
            "the proxy closed the connection without a reply");
  server.SetScript("reply.truncate=1");
  EXPECT_EQ(Probe(ServerAt(server.port())).problem,
            "the proxy closed the connection in the middle of a reply");
  server.SetScript("reply.truncate=0");
  server.SetCredentials("alice", "secret");
  EXPECT_EQ(Probe(WithUser(ServerAt(server.port()), "alice", "secret")).problem, "");
}

TEST(ProbeTest, CredentialsAreTried) {
  TestServer server;
  server.SetCredentials("alice", "secret");
  const ProbeReport right = Probe(WithUser(ServerAt(server.port()), "alice", "secret"));
  EXPECT_EQ(right.problem, "");
  EXPECT_EQ(right.none.state, State::kNo);
  EXPECT_EQ(right.username.state, State::kYes);
  EXPECT_EQ(right.credentials.state, State::kYes);
  EXPECT_EQ(right.round_trips, 4U);
  EXPECT_EQ(right.pipelining.state, State::kYes);

  const ProbeReport wrong = Probe(WithUser(ServerAt(server.port()), "alice", "guess"));
  EXPECT_EQ(wrong.problem, "the proxy rejected the username and password");
  EXPECT_EQ(wrong.credentials.state, State::kNo);
  EXPECT_EQ(Reason(wrong.credentials), wrong.problem);
  EXPECT_EQ(wrong.bind.state, State::kNotAsked);
  EXPECT_EQ(wrong.pipelining.state, State::kNotAsked);

  const ProbeReport none = Probe(ServerAt(server.port()));
  EXPECT_EQ(none.problem, "the proxy accepts no anonymous clients; give a username and a password");
  EXPECT_EQ(none.username.state, State::kYes) << "the method is known without a user";
  EXPECT_EQ(none.credentials.state, State::kNotAsked);
}

TEST(ProbeTest, APasswordThatIsKeptElsewhereIsSaid) {
  TestServer server;
  server.SetCredentials("alice", "secret");
  Server target = WithUser(ServerAt(server.port()), "alice", "");
  target.has_password = false;
  target.password_source = PasswordSource::kPrompt;
  const ProbeReport report = Probe(target);
  EXPECT_EQ(report.problem, "its password is not in the configuration, and socksctl does not ask for it");
  EXPECT_EQ(report.username.state, State::kYes);
  EXPECT_EQ(report.credentials.state, State::kNotAsked);
}

TEST(ProbeTest, MethodsThatTheServerNames) {
  const struct {
    const char* script;
    State socks5;
    const char* reason;
    State gssapi;
  } cases[] = {
      {"method.code=none", State::kYes, "", State::kNo},
      {"method.code=1", State::kNo, "the proxy chose an authentication method that was not offered",
       State::kNotAsked},
      {"method.version=4", State::kNo, "the reply does not begin with version 5; is this a SOCKS5 proxy?",
       State::kNotAsked},
      {"method.truncate=1", State::kNo, "the proxy closed the connection in the middle of a reply",
       State::kNotAsked},
      {"method.truncate=0", State::kNo, "the proxy closed the connection without a reply", State::kNotAsked},
  };
  for (const auto& c : cases) {
    TestServer server;
    server.SetScript(c.script);
    const ProbeReport report = Probe(ServerAt(server.port()));
    EXPECT_EQ(report.socks5.state, c.socks5) << c.script;
    EXPECT_EQ(Reason(report.socks5), c.reason) << c.script;
    EXPECT_EQ(report.gssapi.state, c.gssapi) << c.script;
    EXPECT_NE(report.problem, "") << c.script;
    EXPECT_EQ(report.bind.state, State::kNotAsked) << c.script;
  }
}

TEST(ProbeTest, GssapiIsOfferedAlone) {
  const PlainServer server(PlainServer::Manner::kChooses);
  const ProbeReport report = Probe(ServerAt(server.port()), Hurried());
  EXPECT_EQ(report.none.state, State::kYes);
  EXPECT_EQ(report.username.state, State::kYes);
  EXPECT_EQ(report.gssapi.state, State::kYes);
  EXPECT_EQ(report.problem, "the proxy fell silent");
}

TEST(ProbeTest, LimitsAreThoseOfTheConfigurationUpToTenSeconds) {
  Settings settings;
  settings.connect_timeout_ms = 3000;
  settings.negotiate_timeout_ms = 20'000;
  const ProbeLimits limits = LimitsOf(settings);
  EXPECT_EQ(limits.connect_ms, 3000U);
  EXPECT_EQ(limits.negotiate_ms, 10'000U);
  settings.connect_timeout_ms = 11'000;
  settings.negotiate_timeout_ms = 50;
  EXPECT_EQ(LimitsOf(settings).connect_ms, 10'000U);
  EXPECT_EQ(LimitsOf(settings).negotiate_ms, 50U);
}

TEST(ProbeTest, CommandsThatAreNotOffered) {
  TestServer server;
  server.SetBind(false);
  server.SetUdp(false);
  const ProbeReport report = Probe(ServerAt(server.port()));
  EXPECT_EQ(report.problem, "");
  EXPECT_EQ(Reason(report.bind), "command not supported by the proxy (reply 7)");
  EXPECT_EQ(Reason(report.udp), "command not supported by the proxy (reply 7)");
  EXPECT_EQ(report.listens_at, "");
  EXPECT_EQ(report.relay, "");
}

TEST(ProbeTest, AWildcardStandsForTheServersOwnAddress) {
  TestServer server;
  server.SetScript("reply.bound=0.0.0.0:0");
  const ProbeReport report = Probe(ServerAt(server.port()));
  EXPECT_THAT(report.listens_at, StartsWith("127.0.0.1:"));
  EXPECT_THAT(report.relay, StartsWith("127.0.0.1:"));
}

TEST(ProbeTest, OtherProtocolsAsConfigured) {
  const TestServer server;
  const ProbeReport socks4a = Probe(ServerAt(server.port(), kServerSocks4a));
  EXPECT_EQ(socks4a.problem, "");
  EXPECT_EQ(socks4a.protocol, ProxyProtocol::kSocks4a);
  EXPECT_EQ(socks4a.socks5.state, State::kYes);
  EXPECT_EQ(socks4a.bind.state, State::kYes);
  EXPECT_EQ(socks4a.udp.state, State::kNotAsked);
  EXPECT_EQ(socks4a.pipelining.state, State::kNotAsked);
  EXPECT_EQ(socks4a.round_trips, 2U);

  const ProbeReport http = Probe(ServerAt(server.port(), kServerHttp));
  EXPECT_EQ(http.problem, "");
  EXPECT_EQ(http.protocol, ProxyProtocol::kHttp);
  EXPECT_EQ(http.bind.state, State::kNotAsked);
  EXPECT_EQ(http.round_trips, 2U);
}

TEST(ProbeTest, HttpCredentialsByDigestTakeMoreRoundTrips) {
  TestServer server;
  server.SetCredentials("alice", "secret");
  server.SetScript("http.auth=digest http.keep=0");
  const ProbeReport report = Probe(WithUser(ServerAt(server.port(), kServerHttp), "alice", "secret"));
  EXPECT_EQ(report.problem, "");
  EXPECT_EQ(report.round_trips, 4U) << "connect, 407, connect, answer";
  EXPECT_EQ(Probe(ServerAt(server.port(), kServerHttp)).problem,
            "the proxy accepts no anonymous clients; give a username and a password");
}

TEST(ProbeTest, AServerWithoutHttp) {
  TestServer server;
  server.SetHttp(false);
  const ProbeReport report = Probe(ServerAt(server.port(), kServerHttp));
  EXPECT_EQ(report.problem, "it does not speak http: the proxy closed the connection without a reply");
  EXPECT_EQ(report.socks5.state, State::kYes) << "what it does speak is told all the same";
}

TEST(ProbeTest, SilentStages) {
  TestServer server;
  server.SetScript("method.silent=1");
  const ProbeReport unspoken = Probe(ServerAt(server.port()), Hurried());
  EXPECT_EQ(unspoken.problem, "it does not speak socks5: no answer");
  EXPECT_EQ(unspoken.socks4.state, State::kYes);
  server.SetScript("reply.silent=1");
  const ProbeReport report = Probe(ServerAt(server.port()), Hurried());
  EXPECT_EQ(report.socks5.state, State::kYes);
  EXPECT_EQ(report.problem, "the proxy fell silent");
  EXPECT_EQ(Reason(report.socks4), "no answer");
  EXPECT_EQ(report.round_trips, 0U);
}

// Like those that read with a large buffer and look at the first message in it alone: microsocks.
TEST(ProbeTest, AServerThatSwallowsEarlyBytes) {
  const std::string method("\5\0", 2);
  const std::string granted("\5\0\0\1\0\0\0\0\0\0", 10);
  const PlainServer server(PlainServer::Manner::kReplies, {method, granted});
  const ProbeReport report = Probe(ServerAt(server.port()), Hurried());
  EXPECT_EQ(report.problem, "");
  EXPECT_EQ(report.round_trips, 3U);
  EXPECT_EQ(report.pipelining.state, State::kNo);
  EXPECT_EQ(Reason(report.pipelining), "what is sent early gets no answer");
}

TEST(ProbeTest, WhatIsNoProxy) {
  const PlainServer echo(PlainServer::Manner::kEchoes);
  const ProbeReport echoed = Probe(ServerAt(echo.port()));
  EXPECT_EQ(echoed.problem,
            "it does not speak socks5: the proxy chose an authentication method that was not offered");
  EXPECT_EQ(Reason(echoed.socks4), "the reply has a code that SOCKS4 does not know");
  EXPECT_EQ(Reason(echoed.http), "the proxy does not speak HTTP");

  const PlainServer web(PlainServer::Manner::kReplies, {"HTTP/1.1 405 Method Not Allowed\r\n\r\n"});
  const ProbeReport asked = Probe(ServerAt(web.port(), kServerHttp));
  EXPECT_EQ(asked.problem, "it does not speak http: the proxy does not do CONNECT: 405 Method Not Allowed");
  EXPECT_EQ(Reason(asked.socks5), "the reply does not begin with version 5; is this a SOCKS5 proxy?");

  const PlainServer silent(PlainServer::Manner::kSilent);
  const ProbeReport unheard = Probe(ServerAt(silent.port()), Hurried());
  EXPECT_EQ(unheard.problem, "it does not speak socks5: no answer");
  EXPECT_EQ(Reason(unheard.http), "no answer");
}

TEST(ProbeTest, AnHttpProxyThatRefusesThePortWorks) {
  const PlainServer squid(PlainServer::Manner::kReplies, {"HTTP/1.1 403 Forbidden\r\n\r\n"});
  const ProbeReport report = Probe(ServerAt(squid.port(), kServerHttp));
  EXPECT_EQ(report.problem, "");
  EXPECT_EQ(report.http.state, State::kYes);
  EXPECT_EQ(Reason(report.http), "the proxy refused: 403 Forbidden");
}

TEST(ProbeTest, WhatCannotBeReached) {
  const testserver::ClosedPort closed;
  const ProbeReport refused = Probe(ServerAt(closed.port()));
  EXPECT_EQ(refused.problem, "cannot be reached: Connection refused");
  ASSERT_EQ(refused.addresses.size(), 1U);
  EXPECT_EQ(refused.addresses[0].failure.value_or(Failure()).error, ECONNREFUSED);
  EXPECT_EQ(refused.socks5.state, State::kNotAsked);

  // A listener whose queue is full answers no connection request any more.
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM, 0));
  SocketAddress address{};
  socklen_t size = ToSockaddr(IpAddress::V4(0x7f000001), 0, AF_INET, &address);
  ASSERT_EQ(bind(listener.get(), &address.generic, size), 0);
  ASSERT_EQ(listen(listener.get(), 0), 0);
  ASSERT_EQ(getsockname(listener.get(), &address.generic, &size), 0);
  std::vector<UniqueFd> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    EXPECT_LE(connect(fillers.back().get(), &address.generic, size), 0);
  }
  const Server dropping = ServerAt(EndpointFromSockaddr(&address.generic, size).value_or(Endpoint()).port());
  EXPECT_EQ(Probe(dropping, Hurried()).problem, "no answer to the connection request");
}

size_t NoAddresses(const char* /*name*/, std::span<IpAddress> /*out*/) {
  return 0;
}

size_t TwoAddresses(const char* /*name*/, std::span<IpAddress> out) {
  out[0] = IpAddress::Parse("::1").value_or(IpAddress());
  out[1] = IpAddress::V4(0x7f000001);
  return 2;
}

TEST(ProbeTest, TheNameOfAServerIsResolved) {
  const TestServer proxy;
  Server server = ServerAt(proxy.port());
  server.address = Endpoint::FromName("proxy.test", proxy.port()).value_or(Endpoint());
  System system = LibcSystem();
  system.resolve = &NoAddresses;
  EXPECT_EQ(ProbeServer(system, server, {}).problem, "its name cannot be resolved");
  system.resolve = &TwoAddresses;
  const ProbeReport report = ProbeServer(system, server, {});
  EXPECT_EQ(report.problem, "");
  ASSERT_EQ(report.addresses.size(), 2U);
  EXPECT_TRUE(report.addresses[0].failure);
  EXPECT_FALSE(report.addresses[1].failure);
  EXPECT_EQ(report.socks5.state, State::kYes) << "asked at the one that is reached";
}

TEST(ProbeTest, WhatThisVersionCannotUseIsToldWithTheReason) {
  const TestServer proxy;
  Server server = ServerAt(proxy.port());
  server.unusable = "gssapi is not supported yet";
  const ProbeReport report = Probe(server);
  EXPECT_EQ(report.problem, "gssapi is not supported yet");
  EXPECT_EQ(report.socks5.state, State::kYes);
  EXPECT_EQ(report.bind.state, State::kNotAsked);
}

TEST(ProbeTest, ManyAreReportedInTheirOrder) {
  const TestServer proxy;
  std::vector<Server> servers(20, ServerAt(proxy.port()));
  std::vector<const Server*> pointers;
  for (Server& server : servers) {
    server.name = "s" + std::to_string(pointers.size());
    pointers.push_back(&server);
  }
  const std::vector<ProbeReport> reports = ProbeServers(LibcSystem(), pointers, {});
  ASSERT_EQ(reports.size(), 20U);
  for (size_t i = 0; i < reports.size(); ++i) {
    EXPECT_EQ(reports[i].name, servers[i].name);
    EXPECT_EQ(reports[i].problem, "");
  }
}

}  // namespace
}  // namespace socksify

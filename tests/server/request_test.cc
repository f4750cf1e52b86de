// SPDX-License-Identifier: BSD-2-Clause
// The well-behaved server: every way to ask, every kind of answer, many at a time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/server/closed_port.h"
#include "tests/server/raw_client.h"
#include "tests/server/test_server.h"

namespace socksify::testserver {
namespace {

using ::testing::ElementsAre;
using namespace std::string_literals;

Endpoint Here(const TestServer& server) {
  return server.endpoints().front();
}

// A SOCKS5 refusal: VER, REP, RSV, ATYP, 0.0.0.0:0.
std::string Refusal(char code) {
  return "\x05"s + code + "\0\x01\0\0\0\0\0\0"s;
}

// The bound address of a built-in origin is the server's own: 127.0.0.1 and the port.
std::string PortBytes(const TestServer& server) {
  return {static_cast<char>(server.port() >> 8), static_cast<char>(server.port() & 0xff)};
}

std::string Success(const TestServer& server) {
  return "\x05\0\0\x01\x7f\0\0\x01"s + PortBytes(server);
}

TEST(RequestTest, Socks5ReachesABuiltInOrigin) {
  TestServer server;
  server.AddEcho("echo.test");
  RawClient client(Here(server));
  ASSERT_TRUE(Greet(&client));
  ASSERT_TRUE(client.Send(Socks5Request("echo.test", 7)));
  EXPECT_EQ(client.Read(10), Success(server));
  ASSERT_TRUE(client.Send("hello"));
  EXPECT_EQ(client.Read(5), "hello");
  client.ShutdownWrite();
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_EQ(client.error(), 0);
}

TEST(RequestTest, Socks5ReadsItsInputByteByByte) {
  TestServer server;
  server.AddEcho("echo.test");
  RawClient client(Here(server));
  for (const char c : std::string(kGreetingNone)) ASSERT_TRUE(client.Send({&c, 1}));
  EXPECT_EQ(client.Read(2), kMethodNoneChosen);
  for (const char c : Socks5Request("echo.test", 7)) ASSERT_TRUE(client.Send({&c, 1}));
  EXPECT_EQ(client.Read(10), Success(server));
}

TEST(RequestTest, Socks5AcceptsEverythingInOneSegment) {
  TestServer server;
  server.AddEcho("echo.test");
  RawClient client(Here(server));
  ASSERT_TRUE(client.Send(std::string(kGreetingNone) + Socks5Request("echo.test", 7) + "early"));
  EXPECT_EQ(client.Read(17), std::string(kMethodNoneChosen) + Success(server) + "early");
}

TEST(RequestTest, Socks4aReachesABuiltInOrigin) {
  TestServer server;
  server.AddEcho("echo.test");
  RawClient client(Here(server));
  ASSERT_TRUE(client.Send(Socks4Request("echo.test", 7, "alice")));
  EXPECT_EQ(client.Read(8), "\0\x5a"s + PortBytes(server) + "\x7f\0\0\x01"s);
  ASSERT_TRUE(client.Send("hello"));
  EXPECT_EQ(client.Read(5), "hello");
}

// Another TestServer stands for the destination: anything that it answers came through the first one.
TEST(RequestTest, AddressesAreConnectedTo) {
  TestServer destination;
  TestServer server;
  RawClient four(Here(server));
  ASSERT_TRUE(four.Send(Socks4Request("127.0.0.1", destination.port())));
  EXPECT_EQ(four.Read(8).substr(0, 2), "\0\x5a"s);
  ASSERT_TRUE(four.Send(kGreetingNone));
  EXPECT_EQ(four.Read(2), kMethodNoneChosen);

  RawClient five(Here(server));
  ASSERT_TRUE(Greet(&five));
  ASSERT_TRUE(five.Send(Socks5Request("127.0.0.1", destination.port())));
  EXPECT_EQ(five.Read(10).substr(0, 4), "\x05\0\0\x01"s);
  ASSERT_TRUE(five.Send("?nonsense"));
  EXPECT_EQ(five.ReadToEnd(), "");
  EXPECT_EQ(destination.requests()[1].outcome, "malformed: first byte 63");
}

TEST(RequestTest, NamesStandForTheAddressesThatTheyWereGiven) {
  TestServer destination;
  TestServer server;
  server.AddName("fixed.test", "127.0.0.1:" + std::to_string(destination.port()));
  server.AddName("*.any.test", "127.0.0.1");
  for (const auto& [name, port] :
       {std::pair<const char*, uint16_t>{"fixed.test", 80}, {"a.any.test", destination.port()}}) {
    RawClient client(Here(server));
    ASSERT_TRUE(Greet(&client));
    ASSERT_TRUE(client.Send(Socks5Request(name, port)));
    EXPECT_EQ(client.Read(10).substr(0, 4), "\x05\0\0\x01"s) << name;
    ASSERT_TRUE(client.Send(kGreetingNone));
    EXPECT_EQ(client.Read(2), kMethodNoneChosen) << name;
  }
}

TEST(RequestTest, PassesHalfClosesInBothDirections) {
  TestServer echo;
  echo.AddEcho("echo.test");
  TestServer server;
  RawClient client(Here(server));
  ASSERT_TRUE(Greet(&client));
  ASSERT_TRUE(client.Send(Socks5Request("127.0.0.1", echo.port())));
  ASSERT_EQ(client.Read(10).size(), 10U);
  const std::string data(3 << 20, 'x');
  ASSERT_TRUE(Greet(&client));
  ASSERT_TRUE(client.Send(Socks5Request("echo.test", 7)));
  ASSERT_EQ(client.Read(10).size(), 10U);
  ASSERT_TRUE(client.Send(std::string_view(data).substr(0, 1 << 20)));
  client.ShutdownWrite();
  EXPECT_EQ(client.ReadToEnd(), data.substr(0, 1 << 20));
  ASSERT_TRUE(server.WaitForFinished(1));
  EXPECT_EQ(server.requests()[0].bytes_from_client, 3U + 16U + (1U << 20));
}

// The client writes until every buffer on the way there and back is full, and only then reads.
TEST(RequestTest, AnEchoSurvivesAClientThatDoesNotRead) {
  TestServer server;
  server.AddEcho("echo.test");
  RawClient client(Here(server));
  ASSERT_TRUE(Greet(&client));
  ASSERT_TRUE(client.Send(Socks5Request("echo.test", 7)));
  ASSERT_EQ(client.Read(10).size(), 10U);
  const std::string chunk(64 << 10, 'x');
  size_t sent = 0;
  pollfd writable{.fd = client.fd(), .events = POLLOUT, .revents = 0};
  while (sent < size_t{1} << 30 && poll(&writable, 1, /*milliseconds*/ 100) == 1) {
    const ssize_t count = send(client.fd(), chunk.data(), chunk.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count > 0) sent += count;
  }
  client.ShutdownWrite();
  EXPECT_EQ(client.ReadToEnd().size(), sent);
  EXPECT_EQ(client.error(), 0);
}

TEST(RequestTest, Ipv6Works) {
  std::unique_ptr<TestServer> server;
  try {
    server = std::make_unique<TestServer>(ServerOptions{.listen = {"[::1]:0", "127.0.0.1:0"}});
  } catch (const std::runtime_error& error) {
    GTEST_SKIP() << "no IPv6 loopback here: " << error.what();
  }
  RawClient client(Here(*server));
  ASSERT_TRUE(Greet(&client));
  ASSERT_TRUE(client.Send(Socks5Request("::1", server->port())));
  const std::string reply = client.Read(22);
  ASSERT_EQ(reply.size(), 22U);
  EXPECT_EQ(reply.substr(0, 20), "\x05\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"s);
  const RequestRecord record = server->requests()[0];
  EXPECT_EQ(record.address_type, AddressType::kV6);
  EXPECT_EQ(record.host, "::1");
  EXPECT_TRUE(RawClient(server->endpoints()[1]).connected());
}

TEST(RequestTest, RefusesWhatItDoesNotKnow) {
  const ClosedPort gone;
  const uint16_t closed_port = gone.port();
  TestServer server;
  server.AddRefused("refused.test");
  server.AddRefused("expired.test", 6);
  struct Case {
    std::string request;
    char code;
  };
  const Case table[] = {
      {Socks5Request("unknown.test", 80), 4}, {Socks5Request("refused.test", 80), 5},
      {Socks5Request("expired.test", 80), 6}, {Socks5Request("127.0.0.1", closed_port), 5},
      {Socks5Request("127.0.0.1", 80, 9), 7},
  };
  for (const Case& one : table) {
    RawClient client(Here(server));
    ASSERT_TRUE(Greet(&client));
    ASSERT_TRUE(client.Send(one.request));
    EXPECT_EQ(client.ReadToEnd(), Refusal(one.code));
    EXPECT_EQ(client.error(), 0);
    EXPECT_EQ(server.requests().back().outcome, "refused");
    EXPECT_EQ(server.requests().back().reply_code, one.code);
  }
  // SOCKS4 has no third command.
  for (const std::string& request :
       {Socks4Request("unknown.test", 80), Socks4Request("127.0.0.1", 80).replace(1, 1, "\x03")}) {
    RawClient four(Here(server));
    ASSERT_TRUE(four.Send(request));
    EXPECT_EQ(four.ReadToEnd(), "\0\x5b\0\0\0\0\0\0"s);
  }
}

TEST(RequestTest, DemandsCredentials) {
  TestServer server;
  server.AddEcho("echo.test");
  server.SetCredentials("alice", "secret");

  RawClient none(Here(server));
  ASSERT_TRUE(none.Send(kGreetingNone));
  EXPECT_EQ(none.ReadToEnd(), "\x05\xff");

  RawClient wrong(Here(server));
  ASSERT_TRUE(wrong.Send("\x05\x02\0\x02"s + Socks5Credentials("alice", "wrong")));
  EXPECT_EQ(wrong.ReadToEnd(), "\x05\x02\x01\x01");

  RawClient right(Here(server));
  ASSERT_TRUE(
      right.Send("\x05\x02\0\x02"s + Socks5Credentials("alice", "secret") + Socks5Request("echo.test", 7)));
  EXPECT_EQ(right.Read(14), "\x05\x02\x01\0"s + Success(server));

  RawClient four(Here(server));
  ASSERT_TRUE(four.Send(Socks4Request("echo.test", 7, "bob")));
  EXPECT_EQ(four.ReadToEnd(), "\0\x5d\0\0\0\0\0\0"s);

  const std::vector<RequestRecord> requests = server.requests();
  EXPECT_EQ(requests[0].outcome, "no acceptable method");
  EXPECT_EQ(requests[1].outcome, "bad credentials");
  EXPECT_EQ(requests[1].password, "wrong");
  EXPECT_EQ(requests[2].outcome, "connected");
  EXPECT_THAT(requests[2].methods, ElementsAre(0, 2));
  EXPECT_EQ(requests[2].method, 2);
  EXPECT_EQ(requests[3].outcome, "bad credentials");
}

TEST(RequestTest, EndsMalformedRequests) {
  struct Case {
    std::string bytes;
    std::string_view answer;
    const char* outcome;
  };
  const std::string greeting(kGreetingNone);
  const Case table[] = {
      {"\x16\x03\x01", "", "malformed: first byte 22"},
      {greeting + "\x04\x01\0\x01\x7f\0\0\x01\0\x50"s, kMethodNoneChosen,
       "malformed: request of another version than 5"},
      {greeting + "\x05\x01\0\x02\x7f\0\0\x01\0\x50"s, kMethodNoneChosen, "malformed: unknown address type"},
      {"\x05\x01\x02\x05\x01"s, "\x05\x02", "malformed: credentials of another version than 1"},
      {"\x04\x01\0\x50\x7f\0\0\x01"s + std::string(600, 'u'), "", "malformed: endless user id"},
      {"\x04\x01\0\x50\0\0\0\x01\0"s + std::string(600, 'n'), "", "malformed: endless host name"},
  };
  TestServer server;
  for (const Case& one : table) {
    RawClient client(Here(server));
    ASSERT_TRUE(client.Send(one.bytes));
    EXPECT_EQ(client.ReadToEnd(), one.answer) << one.outcome;
    EXPECT_EQ(server.requests().back().outcome, one.outcome);
  }
}

TEST(RequestTest, ServesManyConnectionsAtATime) {
  constexpr size_t kCount = 500;
  RaiseDescriptorLimit();
  TestServer server;
  server.AddEcho("echo.test");
  // Every second one takes the long way, through a real connection back to the same server.
  server.AddName("loop.test", "127.0.0.1:" + std::to_string(server.port()));
  std::vector<std::unique_ptr<RawClient>> clients;
  for (size_t i = 0; i < kCount; ++i) {
    clients.push_back(std::make_unique<RawClient>(Here(server)));
    ASSERT_TRUE(clients.back()->connected()) << i;
    ASSERT_TRUE(clients.back()->Send(std::string(kGreetingNone) +
                                     Socks5Request(i % 2 ? "echo.test" : "loop.test", 7)));
  }
  for (size_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(clients[i]->Read(12).substr(0, 4), "\x05\0\x05\0"s) << i;
    const std::string hello = i % 2 ? "hello" : std::string(kGreetingNone);
    ASSERT_TRUE(clients[i]->Send(hello));
    ASSERT_EQ(clients[i]->Read(2), i % 2 ? "he" : kMethodNoneChosen) << i;
  }
  EXPECT_EQ(server.peak_connections(), kCount + kCount / 2);
  clients.clear();
  EXPECT_TRUE(server.WaitForFinished(kCount + kCount / 2));
}

TEST(RequestTest, StopEndsOpenConnections) {
  TestServer server;
  server.AddEcho("echo.test");
  RawClient idle(Here(server));
  RawClient busy(Here(server));
  ASSERT_TRUE(Greet(&idle));
  ASSERT_TRUE(busy.Send(std::string(kGreetingNone) + Socks5Request("echo.test", 7)));
  ASSERT_EQ(busy.Read(12).size(), 12U);
  server.Stop();
  server.Stop();
  EXPECT_EQ(idle.ReadToEnd(), "");
  EXPECT_EQ(busy.ReadToEnd(), "");
  EXPECT_FALSE(RawClient(Here(server)).connected());
  EXPECT_EQ(server.requests()[0].outcome, "stopped");
  EXPECT_EQ(server.requests()[1].outcome, "connected");
  EXPECT_TRUE(server.requests()[1].finished);
}

TEST(RequestTest, SaysWhyItCannotStart) {
  TestServer server;
  const std::string taken = "127.0.0.1:" + std::to_string(server.port());
  try {
    const TestServer second({.listen = {taken}});
    FAIL() << "two servers on one port";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), "bind " + taken + ": Address already in use");
  }
  EXPECT_THROW(TestServer({.listen = {"localhost:0"}}), std::runtime_error);
  EXPECT_THROW(server.AddName("a.test", "b.test:80"), std::invalid_argument);
  EXPECT_THROW(server.SetScript("reply.colour=red"), std::invalid_argument);
}

}  // namespace
}  // namespace socksify::testserver

// SPDX-License-Identifier: BSD-2-Clause
// HTTP CONNECT as a client sees it: every way to ask, every kind of answer.
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "tests/server/closed_port.h"
#include "tests/server/raw_http.h"
#include "tests/server/test_server.h"

namespace socksify::testserver {
namespace {

Endpoint Here(const TestServer& server) {
  return server.endpoints().front();
}

std::string Refusal(const std::string& status, const std::string& why, const std::string& more = "") {
  return "HTTP/1.1 " + status + "\r\nConnection: close\r\n" + more +
         "Content-Length: " + std::to_string(why.size() + 1) + "\r\n\r\n" + why + "\n";
}

TEST(HttpTest, ReachesABuiltInOrigin) {
  TestServer server;
  server.AddEcho("echo.test");
  const std::string request = ConnectRequest("Echo.Test:7");
  {
    RawClient client(Here(server));
    ASSERT_TRUE(client.Send(request));
    EXPECT_EQ(client.Read(kEstablished.size()), kEstablished);
    ASSERT_TRUE(client.Send("hello"));
    EXPECT_EQ(client.Read(5), "hello");
    client.ShutdownWrite();
    EXPECT_EQ(client.ReadToEnd(), "");
  }
  ASSERT_TRUE(server.WaitForFinished(1));
  const RequestRecord record = server.requests()[0];
  EXPECT_EQ(record.protocol, "http");
  EXPECT_EQ(record.auth, "");
  EXPECT_EQ(record.requests, 1U);
  EXPECT_EQ(record.command, 1);
  EXPECT_EQ(record.address_type, AddressType::kName);
  EXPECT_EQ(record.host, "Echo.Test");
  EXPECT_EQ(record.port, 7);
  EXPECT_EQ(record.reply_code, 200);
  EXPECT_EQ(record.outcome, "connected");
  EXPECT_EQ(record.raw, request);
  EXPECT_EQ(record.bytes_from_client, 5U);
  EXPECT_EQ(record.bytes_to_client, 5U);
}

TEST(HttpTest, ReadsItsInputByteByByte) {
  TestServer server;
  server.AddEcho("echo.test");
  RawClient client(Here(server));
  for (const char c : ConnectRequest("echo.test:7", "User-Agent: raw\r\nEmpty:\r\n")) {
    ASSERT_TRUE(client.Send({&c, 1}));
  }
  EXPECT_EQ(client.Read(kEstablished.size()), kEstablished);
}

TEST(HttpTest, TakesDataBehindTheRequest) {
  TestServer server;
  server.AddEcho("echo.test");
  RawClient client(Here(server));
  ASSERT_TRUE(client.Send("CONNECT echo.test:7 HTTP/1.0\r\n\r\nearly\r\n\r\n"));
  const std::string answer = std::string(kEstablished) + "early\r\n\r\n";
  EXPECT_EQ(client.Read(answer.size()), answer);
}

// Another TestServer stands for the destination.
TEST(HttpTest, AddressesAreConnectedTo) {
  TestServer destination;
  destination.AddEcho("echo.test");
  const ClosedPort gone;
  const uint16_t closed_port = gone.port();
  TestServer server;
  server.AddName("fixed.test", "127.0.0.1:" + std::to_string(destination.port()));
  for (const std::string& target :
       {"127.0.0.1:" + std::to_string(destination.port()), std::string("fixed.test:80")}) {
    RawClient client(Here(server));
    ASSERT_TRUE(client.Send(ConnectRequest(target)));
    EXPECT_EQ(client.Read(kEstablished.size()), kEstablished);
    ASSERT_TRUE(client.Send(ConnectRequest("echo.test:7") + "hello"));
    EXPECT_EQ(client.Read(kEstablished.size() + 5), std::string(kEstablished) + "hello");
  }
  EXPECT_EQ(server.requests()[0].address_type, AddressType::kV4);
  EXPECT_EQ(server.requests()[0].host, "127.0.0.1");

  RawClient closed(Here(server));
  ASSERT_TRUE(closed.Send(ConnectRequest("127.0.0.1:" + std::to_string(closed_port))));
  EXPECT_EQ(closed.ReadToEnd(), Refusal("502 Bad Gateway", "refused"));
}

TEST(HttpTest, Ipv6AddressesStandInBrackets) {
  std::unique_ptr<TestServer> destination;
  try {
    destination = std::make_unique<TestServer>(ServerOptions{.listen = {"[::1]:0"}});
  } catch (const std::runtime_error& error) {
    GTEST_SKIP() << "no IPv6 loopback here: " << error.what();
  }
  TestServer server;
  RawClient client(Here(server));
  ASSERT_TRUE(client.Send(ConnectRequest("[0:0::1]:" + std::to_string(destination->port()))));
  EXPECT_EQ(client.Read(kEstablished.size()), kEstablished);
  EXPECT_EQ(server.requests()[0].address_type, AddressType::kV6);
  EXPECT_EQ(server.requests()[0].host, "::1");
}

TEST(HttpTest, RefusesWhatItDoesNotKnow) {
  TestServer server;
  server.AddRefused("refused.test");
  server.AddRefused("general.test", 1);
  server.AddRefused("forbidden.test", 2);
  server.AddRefused("expired.test", 6);
  server.AddRefused("unsupported.test", 7);
  server.AddEcho("coded.test");
  server.AddScript("coded.test", "reply.code=2");
  const struct {
    std::string request;
    std::string answer;
    int status;
  } table[] = {
      {ConnectRequest("unknown.test:80"), Refusal("502 Bad Gateway", "refused"), 502},
      {ConnectRequest("refused.test:80"), Refusal("502 Bad Gateway", "refused"), 502},
      {ConnectRequest("general.test:80"), Refusal("500 Internal Server Error", "refused"), 500},
      {ConnectRequest("forbidden.test:80"), Refusal("403 Forbidden", "refused"), 403},
      {ConnectRequest("coded.test:80"), Refusal("403 Forbidden", "refused"), 403},
      {ConnectRequest("expired.test:80"), Refusal("504 Gateway Timeout", "refused"), 504},
      {ConnectRequest("unsupported.test:80"), Refusal("501 Not Implemented", "refused"), 501},
      {"GET http://web.test/ HTTP/1.1\r\nHost: web.test\r\n\r\n",
       Refusal("405 Method Not Allowed", "refused", "Allow: CONNECT\r\n"), 405},
      {"connect web.test:80 HTTP/1.0\r\n\r\n",
       Refusal("405 Method Not Allowed", "refused", "Allow: CONNECT\r\n"), 405},
  };
  for (const auto& one : table) {
    RawClient client(Here(server));
    ASSERT_TRUE(client.Send(one.request));
    EXPECT_EQ(client.ReadToEnd(), one.answer) << one.request;
    EXPECT_EQ(client.error(), 0);
    EXPECT_EQ(server.requests().back().outcome, "refused");
    EXPECT_EQ(server.requests().back().reply_code, one.status);
  }
}

TEST(HttpTest, EndsMalformedRequests) {
  const std::string start = "CONNECT echo.test:7 HTTP/1.1\r\n";
  const std::string host = "Host: echo.test:7\r\n";
  const struct {
    std::string bytes;
    const char* why;
  } table[] = {
      {"nonsense\r\n", "a request line of less than three words"},
      {"CONNECT echo.test:7\r\n\r\n", "a request line of less than three words"},
      {"C(NNECT echo.test:7 HTTP/1.1\r\n", "a method that is no token"},
      {"CONNECT  HTTP/1.1\r\n", "an empty target"},
      {"CONNECT echo.test:7 HTTQ/1.1\r\n", "another protocol than HTTP"},
      {"CONNECT echo.test:7  HTTP/1.1\r\n", "another protocol than HTTP"},
      {"CONNECT echo.test:7 HTTP/1.1\n\n", "a control character"},
      {"CONNECT echo.test:7 HTTP/1.1\n" + host + "\r\n", "a control character"},
      {start + "Host: echo\x7f\r\n\r\n", "a control character"},
      {start + host + "X: y\n\r\n", "a control character"},
      {start + host + "X y\r\n\r\n", "a bad header name"},
      {start + host + "X : y\r\n\r\n", "a bad header name"},
      {start + host + " folded: y\r\n\r\n", "a bad header name"},
      {start + host + "host: other.test\r\n\r\n", "a header twice"},
      {start + "\r\n", "no Host"},
      {start + host + "Content-Length: 0\r\n\r\n", "a body"},
      {start + host + "Transfer-Encoding: chunked\r\n\r\n", "a body"},
      {ConnectRequest("echo.test"), "target"},
      {ConnectRequest("echo.test:"), "target"},
      {ConnectRequest(":7"), "target"},
      {ConnectRequest("echo.test:0x7"), "target"},
      {ConnectRequest("echo.test:65536"), "target"},
      {ConnectRequest("http://echo.test:7"), "target"},
      {ConnectRequest("alice@echo.test:7"), "target"},
      {ConnectRequest("echo.test:7/"), "target"},
      {ConnectRequest("::1:7"), "target"},
      {ConnectRequest("[127.0.0.1]:7"), "target"},
      {ConnectRequest("[echo.test]:7"), "target"},
      {ConnectRequest(std::string(256, 'n') + ":7"), "target"},
      {start + host + "X: " + std::string(64 << 10, 'x'), "endless head"},
      {start + host + "X: " + std::string(64 << 10, 'x') + "\r\n\r\n", "endless head"},
  };
  TestServer server;
  server.AddEcho("*");
  for (const auto& one : table) {
    RawClient client(Here(server));
    ASSERT_TRUE(client.Send(one.bytes));
    const std::string outcome = "malformed: " + std::string(one.why);
    EXPECT_EQ(client.ReadToEnd(), Refusal("400 Bad Request", outcome)) << one.bytes.substr(0, 100);
    EXPECT_EQ(server.requests().back().outcome, outcome);
  }
  RawClient two(Here(server));
  ASSERT_TRUE(two.Send("CONNECT echo.test:7 HTTP/2.0\r\n"));
  EXPECT_EQ(two.ReadToEnd(),
            Refusal("505 HTTP Version Not Supported", "malformed: another version than 1.0 and 1.1"));
}

TEST(HttpTest, CanBeLeftOut) {
  TestServer server;
  server.AddEcho("echo.test");
  server.SetHttp(false);
  RawClient client(Here(server));
  ASSERT_TRUE(client.Send(ConnectRequest("echo.test:7")));
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_EQ(server.requests()[0].outcome, "malformed: first byte 67");
  EXPECT_EQ(server.requests()[0].protocol, "");
}

}  // namespace
}  // namespace socksify::testserver

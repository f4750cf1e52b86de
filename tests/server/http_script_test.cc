// SPDX-License-Identifier: BSD-2-Clause
// Every step of a script, as an HTTP client sees it. Scheme and nonce have http_auth_test.cc.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/server/raw_http.h"
#include "tests/server/test_server.h"

namespace socksify::testserver {
namespace {

const std::string kOk(kEstablished);
const std::string kBasic = "Proxy-Authenticate: Basic realm=\"test server\", charset=\"UTF-8\"\r\n";
const std::string kStart = "HTTP/1.1 407 Proxy Authentication Required\r\n" + kBasic;

enum class End : uint8_t { kFin, kReset, kOpen };

struct Case {
  const char* script;
  std::string answer;  // everything up to the end of the stream, or its first bytes if it does not end
  End end = End::kOpen;
};

void Play(const Case& one, const TestServer& server, const std::string& sent) {
  SCOPED_TRACE(one.script);
  RawClient client(server.endpoints().front());
  ASSERT_TRUE(client.Send(sent));
  if (one.end == End::kOpen) {
    EXPECT_EQ(client.Read(one.answer.size()), one.answer);
    return;
  }
  EXPECT_EQ(client.ReadToEnd(), one.answer);
  EXPECT_EQ(client.error(), one.end == End::kReset ? ECONNRESET : 0);
}

TEST(HttpScriptTest, OfTheAnswer) {
  const std::string refused = "\r\nConnection: close\r\nContent-Length: 8\r\n\r\nrefused\n";
  const Case table[] = {
      {"reply.trailing=hello", kOk + "hellohi"},
      {"reply.delay=5 reply.split=1", kOk + "hi"},
      {"reply.split=10 reply.gap=2", kOk + "hi"},
      {"reply.truncate=20", kOk.substr(0, 20), End::kFin},
      {"reply.truncate=0 close.with=rst", "", End::kReset},
      {"reply.junk=300000", std::string(300000, '\xa5')},
      {"reply.version=4", kOk + "hi"},
      {"reply.code=0", kOk + "hi"},
      {"reply.code=6", "HTTP/1.1 504 Gateway Timeout" + refused, End::kFin},
      {"close.at=6", kOk.substr(0, 6), End::kFin},
      {"close.at=40", kOk + "h", End::kFin},
      {"http.version=1.0", "HTTP/1.0" + kOk.substr(8) + "hi"},
      {"http.version=3%20", "HTTP/3 " + kOk.substr(8) + "hi"},
      {"http.status=204", "HTTP/1.1 204 Scripted\r\n\r\nhi"},
      {"http.status=503", "HTTP/1.1 503 Service Unavailable" + refused, End::kFin},
      {"http.status=407", "HTTP/1.1 407 Proxy Authentication Required" + refused, End::kFin},
      {"http.status=302 http.body=3",
       "HTTP/1.1 302 Scripted\r\nConnection: close\r\nContent-Length: 3\r\n\r\nxxx", End::kFin},
      {"http.headers=Content-Length:%209%0d%0aX:%20y",
       kOk.substr(0, kOk.size() - 2) + "Content-Length: 9\r\nX: y\r\n\r\nhi"},
      {"http.continue=2", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + kOk + "hi"},
      {"http.lf=1", "HTTP/1.1 200 Connection established\n\nhi"},
      {"http.chunked=1 http.body=9", kOk + "hi"},
  };
  TestServer server;
  server.AddEcho("*.test");
  int number = 0;
  for (const Case& one : table) {
    const std::string name = "case" + std::to_string(number++) + ".test";
    server.AddScript(name, one.script);
    Play(one, server, ConnectRequest(name + ":7") + "hi");
  }
}

TEST(HttpScriptTest, OfTheDemand) {
  const std::string body = "no credentials\n";
  const std::string sized = kStart + "Content-Length: 15\r\n\r\n" + body;
  const Case table[] = {
      {"auth.delay=5 auth.split=1", sized + kOk},
      {"auth.trailing=x", sized + "x" + kOk},
      {"auth.truncate=30", kStart.substr(0, 30), End::kFin},
      {"auth.junk=9", std::string(9, '\xa5') + kOk},
      {"reply.trailing=hello", sized + kOk + "hello"},
      {"http.status=403",
       sized + "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 8\r\n\r\nrefused\n",
       End::kFin},
      {"http.body=3", kStart + "Content-Length: 3\r\n\r\nxxx" + kOk},
      {"http.body=0", kStart + "Content-Length: 0\r\n\r\n" + kOk},
      {"http.length=0", kStart + "Connection: close\r\n\r\n" + body, End::kFin},
      {"http.length=0 http.keep=1", kStart + "\r\n" + body + kOk},
      {"http.keep=0 http.body=300000",
       kStart + "Connection: close\r\nContent-Length: 300000\r\n\r\n" + std::string(300000, 'x'), End::kFin},
      {"http.chunked=1",
       kStart + "Transfer-Encoding: chunked\r\n\r\n7;half\r\nno cred\r\n8;half\r\nentials\n\r\n0\r\n\r\n" +
           kOk},
      {"http.chunked=1 http.length=0 http.body=0",
       kStart + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + kOk},
      {"http.chunked=1 http.body=32", kStart + "Transfer-Encoding: chunked\r\n\r\n10;half\r\n" +
                                          std::string(16, 'x') + "\r\n10;half\r\n" + std::string(16, 'x') +
                                          "\r\n0\r\n\r\n" + kOk},
      {"http.continue=1", "HTTP/1.1 100 Continue\r\n\r\n" + sized + "HTTP/1.1 100 Continue\r\n\r\n" + kOk},
      {"http.headers=X:%20y", kStart + "X: y\r\nContent-Length: 15\r\n\r\n" + body +
                                  "HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n"},
      {"http.version=1.0", "HTTP/1.0" + kStart.substr(8) +
                               "Connection: keep-alive\r\nContent-Length: 15\r\n\r\n" + body + "HTTP/1.0" +
                               kOk.substr(8)},
  };
  for (const Case& one : table) {
    TestServer server;
    server.AddEcho("echo.test");
    server.SetCredentials("alice", "secret");
    server.SetScript("http.auth=basic " + std::string(one.script));
    Play(one, server, ConnectRequest("echo.test:7") + ConnectRequest("echo.test:7", kBasicOfAlice));
  }
}

// In the same segment, so that a client that reads too much takes it.
TEST(HttpScriptTest, WhatTrailsComesWithTheAnswer) {
  TestServer server;
  server.AddEcho("echo.test");
  server.SetScript("reply.trailing=hello");
  RawClient client(server.endpoints().front());
  ASSERT_TRUE(client.Send(ConnectRequest("echo.test:7")));
  EXPECT_EQ(client.ReadSegment(), kOk + "hello");
}

TEST(HttpScriptTest, Silence) {
  for (const char* script : {"auth.silent=1", "reply.silent=1"}) {
    TestServer server;
    server.AddEcho("echo.test");
    if (script[0] == 'a') server.SetCredentials("alice", "secret");
    server.SetScript(script);
    RawClient client(server.endpoints().front());
    ASSERT_TRUE(client.Send(ConnectRequest("echo.test:7") + "more"));
    client.ShutdownWrite();
    EXPECT_EQ(client.ReadToEnd(), "") << script;
    ASSERT_TRUE(server.WaitForFinished(1));
    EXPECT_EQ(server.requests()[0].outcome, "silent") << script;
  }
}

TEST(HttpScriptTest, NothingIsDialledForARefusal) {
  TestServer destination;
  TestServer server;
  server.SetScript("http.status=502");
  RawClient client(server.endpoints().front());
  ASSERT_TRUE(client.Send(ConnectRequest("127.0.0.1:" + std::to_string(destination.port()))));
  EXPECT_TRUE(client.ReadToEnd().starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
  EXPECT_TRUE(destination.requests().empty());
}

}  // namespace
}  // namespace socksify::testserver

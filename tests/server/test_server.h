// SPDX-License-Identifier: BSD-2-Clause
// TestServer: a SOCKS4, 4A, 5 and HTTP CONNECT server on loopback, with origins of its own and misbehaviour
// by script.
//
//   TestServer server;
//   server.AddPage("web.test", "hello\n");
//   server.AddScript("slow.test", "reply.delay=100 reply.split=1");
//   ... a client uses 127.0.0.1:server.port() ...
//   ASSERT_TRUE(server.WaitForFinished(1));
//   EXPECT_EQ(server.requests()[0].host, "web.test");
//
// The server runs in one thread of its own from construction to Stop(). It never asks the DNS: a name that it
// was not told is refused as unreachable, an address is connected to. Everything here but Stop() may be
// called from any thread, also while the server runs. Patterns are those of settings.h, scripts those of
// script.h; a script that cannot be read throws std::invalid_argument.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "tests/server/record.h"
#include "tests/server/settings.h"

namespace socksify::testserver {

struct ServerOptions {
  // ADDRESS:PORT or [ADDRESS]:PORT; port 0 lets the kernel choose.
  std::vector<std::string> listen{"127.0.0.1:0"};
  // Called in the server's thread for every connection that is over.
  RecordBook::FinishedCallback on_finished = nullptr;
};

class TestServer {
 public:
  // Throws std::runtime_error, with the reason as text, when it cannot listen.
  explicit TestServer(ServerOptions options = {});
  ~TestServer();  // as Stop()
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  // Where it listens, in the order of ServerOptions::listen.
  const std::vector<Endpoint>& endpoints() const;
  uint16_t port() const { return endpoints().front().port(); }

  // `address` is an IP address, alone (the port is the client's) or with a port: 127.0.0.1:8080, [::1]:8080.
  void AddName(std::string_view pattern, std::string_view address);
  void AddPage(std::string_view pattern, std::string_view body);
  void AddEcho(std::string_view pattern);
  void AddDiscard(std::string_view pattern);
  void AddRefused(std::string_view pattern, uint8_t reply_code = 5);
  void AddScript(std::string_view pattern, std::string_view script);
  void SetScript(std::string_view script);
  void SetCredentials(std::string_view user, std::string_view password);
  // Without: UDP ASSOCIATE is refused with reply 7.
  void SetUdp(bool offered);
  // Without: BIND is refused with reply 7, with SOCKS4 91.
  void SetBind(bool offered);
  // Without: an HTTP client's connection is ended without a word.
  void SetHttp(bool offered);

  // One per connection, in the order of acceptance.
  std::vector<RequestRecord> requests() const;
  size_t peak_connections() const;
  // Waits until `count` connections are over.
  bool WaitForFinished(size_t count, std::chrono::milliseconds timeout = std::chrono::seconds(10)) const;

  // Ends all connections and the thread, which never blocks for long. The records stay.
  void Stop();

 private:
  class Engine;
  std::unique_ptr<Engine> engine_;
};

// Lets this process have as many descriptors as it may (RLIMIT_NOFILE): a connection takes two or more.
void RaiseDescriptorLimit();

}  // namespace socksify::testserver

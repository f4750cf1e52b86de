// SPDX-License-Identifier: BSD-2-Clause
// What the servers of good configurations mean.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/routing/config_fixture.h"

namespace socksify {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ConfigServersTest, SaysWhyAServerIsUnusable) {
  FakeMachine machine;
  const Config config =
      MustLoad(&machine,
               "server b { address: http://10.0.0.1 method: gssapi }\n"
               "server c { address: 10.0.0.1 proxyprotocol: socks_v5 method: gssapi }\n"
               "server d { address: 10.0.0.1 proxyprotocol: http socks_v5 method: gssapi none }\n"
               "server e { address: 10.0.0.1 proxyprotocol: upnp http }\n"
               "server f { address: 10.0.0.1 proxyprotocol: socks_v4 method: gssapi }\n"
               "route { to: 10.0.0.0/8 via: eth0 proxyprotocol: upnp }\n"
               "route { to: 0/0 via: http://10.0.0.9/ proxyprotocol: upnp }\n");
  std::vector<std::string> reasons;
  for (const auto& server : config.routes.servers()) reasons.push_back(server->unusable);
  const std::string gssapi = "gssapi is not supported yet; use method: username";
  const std::string upnp = "upnp is not supported yet; use proxyprotocol: socks_v5";
  EXPECT_THAT(reasons, ElementsAre(gssapi, gssapi, "", "", "", upnp, upnp));
}

TEST(ConfigServersTest, ReadsHttpProxies) {
  FakeMachine machine;
  const Config config = MustLoad(&machine,
                                 "server a { address: 10.0.0.1 proxyprotocol: http }\n"
                                 "server b { address: 10.0.0.2 proxyprotocol: http_v1.0 method: digest }\n"
                                 "server c { address: 10.0.0.3 port = 3128 proxyprotocol: http_v1.1 }\n"
                                 "server d { address: http://10.0.0.4 method: digest username }\n"
                                 "server e { address: 10.0.0.5 proxyprotocol: http_v1.0 socks_v5 }\n");
  std::string servers;
  for (const auto& server : config.routes.servers()) {
    servers += server->address.ToString() + " " + std::to_string(server->protocols) + " " +
               std::to_string(server->methods) + server->unusable + "\n";
  }
  EXPECT_EQ(servers,
            "10.0.0.1:8080 8 3\n"
            "10.0.0.2:8080 8 8\n"
            "10.0.0.3:3128 8 3\n"
            "10.0.0.4:8080 8 10\n"
            "10.0.0.5:1080 12 3\n");
}

TEST(ConfigServersTest, ReadsUrlsAndCredentials) {
  FakeMachine machine;
  machine.files["/etc/app/pw"] = "from file\r\nsecond line\n";
  machine.files["/etc/app/socks.conf"] = R"(
server a { address: socks5://alice:p%40ss@proxy.example:1081 }
server b { address: 10.0.0.1 username: "bob smith" password: "a \"quoted\" #}\\ one" }
server c { address: 10.0.0.1 username: carol password: pa#ss,{:x }
server d { address: 10.0.0.1 username: dave password.file: pw }
route { to: 0/0 via: a, socks4a://eve@10.0.0.2, socks5h://[2001:db8::1]:99, 10.0.0.3:1088 }
)";
  auto config = machine.Load({"/etc/app/socks.conf", {}});
  ASSERT_TRUE(config.has_value()) << FakeMachine::Join(config);
  const auto servers = config->routes.servers();
  ASSERT_EQ(servers.size(), 7u);
  EXPECT_EQ(servers[0]->address.ToString(), "proxy.example:1081");
  EXPECT_EQ(servers[0]->username, "alice");
  EXPECT_EQ(servers[0]->password, "p@ss");
  EXPECT_EQ(servers[1]->username, "bob smith");
  EXPECT_EQ(servers[1]->password, "a \"quoted\" #}\\ one");
  EXPECT_EQ(servers[2]->password, "pa#ss,{:x");
  EXPECT_EQ(servers[3]->password, "from file");
  EXPECT_EQ(servers[4]->protocols, kServerSocks4a);
  EXPECT_EQ(servers[4]->username, "eve");
  EXPECT_EQ(servers[4]->address.ToString(), "10.0.0.2:1080");
  EXPECT_EQ(servers[5]->address.ToString(), "[2001:db8::1]:99");
  EXPECT_EQ(servers[6]->address.ToString(), "10.0.0.3:1088");
}

TEST(ConfigServersTest, LimitsCredentials) {
  FakeMachine machine;
  const std::string longest(255, 'x');
  MustLoad(&machine, "server a { address: h.test username: " + longest + " password: " + longest + " }\n");
  const std::string errors = machine.ErrorsOf("server a { address: h.test\nusername: x" + longest +
                                              "\npassword: x" + longest + "\n}\n");
  EXPECT_THAT(errors, HasSubstr("expected a user name of 1 to 255 bytes, found 256\n"));
  EXPECT_THAT(errors, HasSubstr("expected a password of at most 255 bytes, found 256\n  password:***\n"));
}

TEST(ConfigServersTest, ReadsHowToSendTheHandshake) {
  FakeMachine machine;
  const auto config = machine.LoadText(
      "server a { address: 10.0.0.1 }\n"
      "server b { address: 10.0.0.2 handshake: strict }\n"
      "server c { handshake: pipelined address: socks5://10.0.0.3 }\n"
      "server d { address: http://10.0.0.4 handshake: strict }\n"
      "route { to: 0/0 via: a, b, c, d }\n");
  ASSERT_TRUE(config) << FakeMachine::Join(config);
  const auto& servers = config->routes.servers();
  EXPECT_EQ(servers[0]->handshake, HandshakeMode::kAuto);
  EXPECT_EQ(servers[1]->handshake, HandshakeMode::kStrict);
  EXPECT_EQ(servers[2]->handshake, HandshakeMode::kPipelined);
  EXPECT_EQ(servers[3]->handshake, HandshakeMode::kStrict);
}

TEST(ConfigServersTest, ReadsWhoTakesEarlyData) {
  FakeMachine machine;
  const auto config = machine.LoadText(
      "server a { address: 10.0.0.1 }\n"
      "server b { address: 10.0.0.2 early-data: no }\n"
      "server c { early-data: yes address: socks4a://10.0.0.3 }\n"
      "server d { address: 10.0.0.4 handshake: pipelined early-data: yes }\n"
      "server e { address: http://10.0.0.5 early-data: no }\n"
      "route { to: 0/0 via: a, b, c, d, e }\n");
  ASSERT_TRUE(config) << FakeMachine::Join(config);
  const auto& servers = config->routes.servers();
  EXPECT_FALSE(servers[0]->takes_early_data);
  EXPECT_FALSE(servers[1]->takes_early_data);
  EXPECT_TRUE(servers[2]->takes_early_data);
  EXPECT_TRUE(servers[3]->takes_early_data);
  EXPECT_FALSE(servers[4]->takes_early_data);
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/name_servers.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <string>

#include "tests/resolver/fake_table_fixture.h"

namespace socksify {
namespace {

std::string ServersOf(const std::string& text) {
  const TemporaryDirectory directory;
  const std::string path = directory.File("resolv.conf");
  std::ofstream(path) << text;
  std::string servers;
  for (const Endpoint& server : ReadNameServers(path.c_str())) servers += server.ToString() + ' ';
  return servers;
}

TEST(NameServersTest, ReadsTheServersInTheirOrder) {
  const struct {
    const char* text;
    const char* servers;
  } cases[] = {
      {"nameserver 192.0.2.1\n", "192.0.2.1:53 "},
      {"nameserver 2001:db8::1\nnameserver 192.0.2.1\n", "[2001:db8::1]:53 192.0.2.1:53 "},
      {"# nameserver 192.0.2.1\n; nameserver 192.0.2.2\n\tnameserver\t192.0.2.3 \n", "192.0.2.3:53 "},
      {"search a.test b.test\noptions rotate ndots:3\nsortlist 10.0.0.0/8\nnameserver 192.0.2.1",
       "192.0.2.1:53 "},
      {"nameserver fe80::1%lo\nnameserver none.test\nnameserver 192.0.2.1\n", "192.0.2.1:53 "},
      {"", "127.0.0.1:53 "},
      {"nameserver\n", "127.0.0.1:53 "},
  };
  for (const auto& c : cases) EXPECT_EQ(ServersOf(c.text), c.servers) << c.text;
}

TEST(NameServersTest, TakesThisMachineWhereThereIsNoFile) {
  errno = EXDEV;
  const std::vector<Endpoint> servers = ReadNameServers("/nonexistent/resolv.conf");
  EXPECT_EQ(errno, EXDEV);
  ASSERT_EQ(servers.size(), 1U);
  EXPECT_EQ(servers[0].ToString(), "127.0.0.1:53");
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// UdpTest: victims that speak UDP, which must see the same with a proxy in between as without.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/datagram_echo.h"
#include "tests/integration/preload_fixture.h"

namespace socksify {

// The first line that differs, with the same one of the other; empty where there is none.
inline std::string FirstDifference(const std::string& direct, const std::string& proxied) {
  size_t begin = 0;
  while (begin < direct.size() || begin < proxied.size()) {
    const auto line = [begin](const std::string& text) {
      return begin < text.size() ? text.substr(begin, text.find('\n', begin) - begin) : std::string("(end)");
    };
    if (line(direct) != line(proxied)) return "direct:  " + line(direct) + "\nproxied: " + line(proxied);
    begin += line(direct).size() + 1;
  }
  return "";
}

class UdpTest : public PreloadTest {
 protected:
  static constexpr int kUdpAssociate = 3;

  UdpTest() { options_.deadline = std::chrono::seconds(60); }

  // The victim's cases one by one, direct and through the proxy, which must be the same to it. With IPv4,
  // IPv6 and IPv4 on an IPv6 socket.
  void ExpectLikeDirect(const std::string& victim, const std::vector<std::string>& cases) const {
    ExpectLikeDirect(victim, cases, server_);
  }
  // The same by a server of the test's own, which has the usual echo services.
  void ExpectLikeDirect(const std::string& victim, const std::vector<std::string>& cases,
                        const testserver::TestServer& server) const {
    const DatagramEcho v4("127.0.0.1");
    const DatagramEcho v6("::1");
    for (const std::string& name : cases) {
      ExpectLikeDirect(victim, name, "4", {"127.0.0.1", v4.port()}, "10.99.99.99", server);
      ExpectLikeDirect(victim, name, "6", {"::1", v6.port()}, "2001:db8::7", server);
      ExpectLikeDirect(victim, name, "6", {"::ffff:127.0.0.1", v4.port()}, "::ffff:10.99.99.99", server);
    }
  }

  // How often the server was asked for an association.
  static size_t Associations(const testserver::TestServer& server) {
    size_t count = 0;
    for (const testserver::RequestRecord& record : server.requests())
      count += record.command == kUdpAssociate ? 1 : 0;
    return count;
  }

  static std::string Route(const std::string& to, const testserver::TestServer& server) {
    return "route { from: 0/0 to: " + to + " via: 127.0.0.1 port = " + std::to_string(server.port()) + " }\n";
  }

  // The same of one case: `near` is an address and a port of DatagramEcho, `far` one of the server's.
  void ExpectLikeDirect(const std::string& victim, const std::string& name, const std::string& family,
                        const std::pair<std::string, std::string>& near, const std::string& far,
                        const testserver::TestServer& server) const {
    const std::string what = victim + " " + name + " " + far;
    const ProgramOutcome direct = RunDirect(victim, {family, near.first, near.second, name});
    ASSERT_EQ(direct.exit_code, 0) << what << ", direct:\n" << direct.out;
    const size_t before = Associations(server);
    const ProgramOutcome proxied = Run(victim, {family, far, "7", name});
    EXPECT_EQ(FirstDifference(direct.out, proxied.out), "") << what;
    EXPECT_EQ(proxied.err, "") << what;
    EXPECT_EQ(proxied.exit_code, 0) << what << ", signal " << proxied.signal
                                    << (proxied.timed_out ? ", timed out" : "");
    EXPECT_GT(Associations(server), before) << what;
  }
};

}  // namespace socksify

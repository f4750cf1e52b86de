// SPDX-License-Identifier: BSD-2-Clause
// ListenTest: victims that listen behind a proxy. The test server and the victims' peers share 127.0.0.1.
#pragma once

#include <algorithm>

#include "tests/integration/preload_fixture.h"

namespace socksify {

class ListenTest : public PreloadTest {
 protected:
  static constexpr int kBind = 2;

  ListenTest() {
    options_.deadline = std::chrono::seconds(60);
    // Peers that come one after another find the listener at the same port.
    server_.SetScript("bind.same-port=1");
    ListenBy(ProxyUrl(server_));
  }

  // A route that says aloud that programs may listen there.
  void ListenBy(const std::string& via, const std::string& more = "") {
    UseConfig("route { from: 0/0 to: 0/0 via: " + via + " command: connect bind " + more + " }\n");
  }

  static std::vector<testserver::RequestRecord> Binds(const testserver::TestServer& server) {
    std::vector<testserver::RequestRecord> all = server.requests();
    std::erase_if(all, [](const testserver::RequestRecord& record) { return record.command != kBind; });
    return all;
  }

  // The victim's cases one by one, with IPv4 and IPv6 sockets; the victim must not tell that its peers come
  // by way of the proxy.
  void ExpectLikeDirect(const std::string& victim, const std::vector<std::string>& cases) const {
    for (const std::string& name : cases) {
      for (const char* const family : {"4", "6"}) {
        const ProgramOutcome direct = RunDirect(victim, {family, name});
        ASSERT_EQ(direct.exit_code, 0) << name << ", direct:\n" << direct.out;
        const size_t before = Binds(server_).size();
        const ProgramOutcome proxied = Run(victim, {family, name});
        EXPECT_EQ(proxied.out, direct.out) << name << ", family " << family;
        EXPECT_EQ(proxied.err, "") << name << ", family " << family;
        EXPECT_EQ(proxied.exit_code, 0) << name << ", family " << family << ", signal " << proxied.signal;
        EXPECT_GT(Binds(server_).size(), before) << name << ", family " << family;
      }
    }
  }
};

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// PendingTest: victims whose connections take their time, direct and by way of a slow proxy.
#pragma once

#include <future>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/echo_origin.h"
#include "tests/integration/preload_fixture.h"

namespace socksify {

class PendingTest : public PreloadTest {
 protected:
  using Ending = SynGate::Ending;

  // What the proxy takes for its reply: enough for a victim to look around, a fraction of a direct
  // connection's second.
  static constexpr const char* kSlowReply = "reply.delay=800";

  PendingTest() {
    server_.AddEcho("slow.test");
    server_.AddScript("slow.test", kSlowReply);
    server_.AddRefused("slowrefused.test");
    server_.AddScript("slowrefused.test", kSlowReply);
  }

  // Runs the victim direct and under the preload. Both must print the same and end well; `ending` says what
  // becomes of the slow connection.
  void ExpectLikeDirect(const std::string& victim, const std::string& mode, Ending ending = Ending::kAccept) {
    const EchoOrigin slow(ending);
    auto direct = std::async(std::launch::async, [&] {
      return RunDirect(victim, {mode, "127.0.0.1", slow.port(), "127.0.0.1", prompt_.port()});
    });
    const char* const host = ending == Ending::kAccept ? "slow.test" : "slowrefused.test";
    const ProgramOutcome proxied = Run(victim, {mode, host, "7", "echo.test", "7"});
    const ProgramOutcome fair = direct.get();
    EXPECT_EQ(fair.exit_code, 0) << victim << " " << mode << ", direct:\n" << fair.out;
    EXPECT_EQ(proxied.out, fair.out) << victim << " " << mode;
    EXPECT_EQ(proxied.err, "") << victim << " " << mode;
    EXPECT_EQ(proxied.exit_code, 0) << victim << " " << mode << ", signal " << proxied.signal
                                    << (proxied.timed_out ? ", timed out" : "");
  }

  // All modes at the same time: they do little but wait.
  void ExpectAllLikeDirect(const std::string& victim, const std::vector<std::string>& modes,
                           Ending ending = Ending::kAccept) {
    std::vector<std::future<void>> runs;
    for (const std::string& mode : modes) {
      runs.push_back(std::async(std::launch::async, [&, mode] { ExpectLikeDirect(victim, mode, ending); }));
    }
    for (std::future<void>& run : runs) run.get();
  }

  EchoOrigin prompt_;
};

}  // namespace socksify

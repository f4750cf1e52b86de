// SPDX-License-Identifier: BSD-2-Clause
#include "tools/probe_selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dialer/path_text.h"
#include "routing/config_host.h"
#include "tests/tools/tool_runner.h"

namespace socksify {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::TemporaryDirectory;

std::expected<Config, std::vector<Diagnostic>> Load(const ConfigSources& sources) {
  if (sources.file.empty() && sources.proxies.empty())
    return std::unexpected(
        std::vector<Diagnostic>{{.where = {}, .message = "none", .source_line = {}, .remedy = {}}});
  return LoadConfig(sources, LocalConfigHost());
}

class ProbeSelectionTest : public ::testing::Test {
 protected:
  auto Select(const std::vector<std::string>& words) const {
    return SelectServers({.file = file_, .proxies = {}}, words, Load);
  }
  static std::vector<std::string> Texts(const ProbeSelection& selection) {
    std::vector<std::string> texts;
    texts.reserve(selection.servers.size());
    for (const Server* const server : selection.servers)
      texts.push_back(server->name + "=" + DescribeServer(*server));
    return texts;
  }

  TemporaryDirectory directory_;
  const std::string file_ =
      directory_.Write("a.conf",
                       "timeout.connect: 3\n"
                       "server s1 { address: 10.0.0.1 port = 1080 }\n"
                       "server s2 { address: http.test port = 1081 proxyprotocol: socks_v5 }\n"
                       "route { from: 0/0 to: 10.0.0.0/8 via: s1, 10.0.0.9 port = 1080 }\n"
                       "route { from: 0/0 to: 0/0 via: s2, 10.0.0.9 port = 1080 }\n");
};

TEST_F(ProbeSelectionTest, WithoutWordsAllOnce) {
  const auto selection = Select({});
  ASSERT_TRUE(selection);
  EXPECT_THAT(Texts(*selection),
              ElementsAre("s1=socks5 10.0.0.1:1080", "s2=socks5 http.test:1081", "=socks5 10.0.0.9:1080"));
  EXPECT_EQ(selection->settings.connect_timeout_ms, 3000U);
}

TEST_F(ProbeSelectionTest, NamesAndUrlsInTheirOrder) {
  const auto selection = Select({"s2", "socks4://10.0.0.5:99", "s1", "s2", "10.0.0.6:1080"});
  ASSERT_TRUE(selection);
  EXPECT_THAT(Texts(*selection), ElementsAre("s2=socks5 http.test:1081", "=socks4 10.0.0.5:99",
                                             "s1=socks5 10.0.0.1:1080", "=socks5 10.0.0.6:1080"));
  EXPECT_EQ(selection->settings.connect_timeout_ms, 3000U);
}

TEST_F(ProbeSelectionTest, UrlsNeedNoConfiguration) {
  const auto selection = SelectServers({}, {"socks5://10.0.0.5:99"}, Load);
  ASSERT_TRUE(selection);
  EXPECT_THAT(Texts(*selection), ElementsAre("=socks5 10.0.0.5:99"));
  EXPECT_EQ(selection->settings.connect_timeout_ms, 10'000U);
}

TEST_F(ProbeSelectionTest, NamesAndNothingNeedOne) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{}, {"s1"}, {"socks5://10.0.0.5:99", "s1"}}) {
    const auto selection = SelectServers({}, words, Load);
    ASSERT_FALSE(selection);
    EXPECT_EQ(selection.error().mistake, "");
    ASSERT_EQ(selection.error().errors.size(), 1U);
    EXPECT_EQ(selection.error().errors[0].message, "none");
  }
}

TEST_F(ProbeSelectionTest, ErrorsOfAFileThatWasNamedCountForUrlsToo) {
  const std::string bad = directory_.Write("bad.conf", "route { nonsense }\n");
  const auto selection = SelectServers({.file = bad, .proxies = {}}, {"socks5://10.0.0.5:99"}, Load);
  ASSERT_FALSE(selection);
  EXPECT_FALSE(selection.error().errors.empty());
}

TEST_F(ProbeSelectionTest, MistakesAreTold) {
  const auto unknown = Select({"s3"});
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().errors, IsEmpty());
  EXPECT_EQ(unknown.error().mistake,
            "expected a URL or the name of a server of " + file_ + " (s1, s2), found 's3'");
  const std::string direct = directory_.Write("direct.conf", "route { from: 0/0 to: 0/0 via: direct }\n");
  const auto none = SelectServers({.file = direct, .proxies = {}}, {}, Load);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().mistake, "there is no server in " + direct);
  EXPECT_EQ(SelectServers({.file = direct, .proxies = {}}, {"s1"}, Load).error().mistake,
            "expected a URL or the name of a server of " + direct + " (none has a name), found 's1'");
  const auto url = Select({"gopher://10.0.0.5"});
  ASSERT_FALSE(url);
  EXPECT_FALSE(url.error().errors.empty());
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "tools/nec_variables.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <optional>
#include <string>

#include "routing/foreign_config.h"

namespace socksify {
namespace {

std::map<std::string, std::string> g_variables;
int g_file_error = ENOENT;
std::map<std::string, std::string> g_files;

ConfigHost Host() {
  ConfigHost host{};
  host.get_env = [](const char* name) -> const char* {
    const auto found = g_variables.find(name);
    return found != g_variables.end() ? found->second.c_str() : nullptr;
  };
  host.read_file = [](const std::string& path, size_t) -> std::expected<std::string, int> {
    if (const auto found = g_files.find(path); found != g_files.end()) return found->second;
    if (path != "/etc/libsocks5.conf") return std::unexpected(ENOENT);
    if (g_file_error != 0) return std::unexpected(g_file_error);
    return "";
  };
  return host;
}

LaunchOptions Apply(const std::map<std::string, std::string>& variables, int file_error,
                    LaunchOptions options = {}) {
  g_variables = variables;
  g_file_error = file_error;
  ApplyNecVariables(Host(), &options);
  return options;
}

TEST(NecVariablesTest, FileIsTheFirstThatIsNamed) {
  const struct {
    std::map<std::string, std::string> variables;
    int file_error;  // of /etc/libsocks5.conf
    const char* file;
  } kCases[] = {
      {{}, ENOENT, ""},
      {{}, ENOTDIR, ""},
      {{}, 0, "/etc/libsocks5.conf"},
      {{}, EFBIG, "/etc/libsocks5.conf"},
      {{}, EACCES, "/etc/libsocks5.conf"},
      {{{"SOCKS5_LIBCONF", "/a"}, {"SOCKS_CONF", "/b"}, {"SOCKS5_SERVER", "c"}}, 0, "/a"},
      {{{"SOCKS5_LIBCONF", ""}}, 0, "/etc/libsocks5.conf"},
      {{{"SOCKS_CONF", "/b"}}, 0, ""},
      {{{"SOCKS5_SERVER", "c:1080"}}, 0, "/etc/libsocks5.conf"},
      {{{"SOCKS4_SERVER", "c:1080"}}, EACCES, "/etc/libsocks5.conf"},
      {{{"SOCKS5_SERVER", "c:1080"}}, ENOENT, ""},
      {{{"SOCKSIFY_PROXY", "socks5://c"}}, 0, ""},
  };
  for (const auto& [variables, file_error, file] : kCases) {
    EXPECT_EQ(Apply(variables, file_error).sources.file, file) << file_error;
  }
}

TEST(NecVariablesTest, CommandLineComesFirst) {
  LaunchOptions options;
  options.sources.file = "mine";
  EXPECT_EQ(Apply({{"SOCKS5_LIBCONF", "/a"}}, 0, options).sources.file, "mine");
  options.sources = {"", {"socks5://a"}};
  EXPECT_EQ(Apply({{"SOCKS5_LIBCONF", "/a"}}, 0, options).sources.file, "");
}

TEST(NecVariablesTest, FileIsInNecsLanguageUnlessPlainlyOurs) {
  const std::optional<ConfigFormat> by_content;
  const struct {
    const char* content = "";
    std::optional<ConfigFormat> format;
  } kCases[] = {
      {"", ConfigFormat::kNec},
      {"noproxy - 10. -\n", ConfigFormat::kNec},
      // A line of NEC's that is cut short, and one that speaks for another client.
      {"socks5 - -\n", ConfigFormat::kNec},
      {"deny 10.0.0.0 255.0.0.0\n", ConfigFormat::kNec},
      {"route { to: 0/0 via: direct }\n", by_content},
  };
  for (const auto& [content, format] : kCases) {
    g_files = {{"/etc/libsocks5.conf", content}, {"/a", content}};
    EXPECT_EQ(Apply({}, 0).sources.format, format) << content;
    EXPECT_EQ(Apply({{"SOCKS5_LIBCONF", "/a"}}, ENOENT).sources.format, format) << content;
    EXPECT_EQ(Apply({{"SOCKS_CONF", "/a"}}, 0).sources.format, by_content) << content;
  }
  LaunchOptions asked;
  asked.sources.format = ConfigFormat::kTsocks;
  EXPECT_EQ(Apply({}, 0, asked).sources.format, ConfigFormat::kTsocks);
  g_files = {};
  EXPECT_EQ(Apply({}, ENOENT).sources.format, by_content);
}

TEST(NecVariablesTest, DebuggingMeansVerbose) {
  EXPECT_FALSE(Apply({}, ENOENT).verbose);
  for (const char* const name : {"SOCKS5_DEBUG", "SOCKS5_LOG_STDERR"}) {
    EXPECT_TRUE(Apply({{name, "3"}}, ENOENT).verbose) << name;
    EXPECT_FALSE(Apply({{name, "0"}}, ENOENT).verbose) << name;
    EXPECT_FALSE(Apply({{name, ""}}, ENOENT).verbose) << name;
  }
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "tools/nec_variables.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>

namespace socksify {
namespace {

std::map<std::string, std::string> g_variables;
int g_file_error = ENOENT;

ConfigHost Host() {
  ConfigHost host{};
  host.get_env = [](const char* name) -> const char* {
    const auto found = g_variables.find(name);
    return found != g_variables.end() ? found->second.c_str() : nullptr;
  };
  host.read_file = [](const std::string& path, size_t) -> std::expected<std::string, int> {
    EXPECT_EQ(path, "/etc/libsocks5.conf");
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
      {{{"SOCKS5_SERVER", "c:1080"}}, 0, ""},
      {{{"SOCKS4_SERVER", "c:1080"}}, 0, ""},
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

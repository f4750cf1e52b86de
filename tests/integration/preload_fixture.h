// SPDX-License-Identifier: BSD-2-Clause
// PreloadTest: a victim program, a SOCKS server, and libsocksify.so between them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/integration/run_program.h"
#include "tests/server/test_server.h"

namespace socksify {

class PreloadTest : public testing::Test {
 protected:
  PreloadTest() {
    std::string pattern = testing::TempDir() + "socksify-test-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    server_.AddEcho("echo.test");
    server_.AddEcho("10.99.99.99");
    server_.AddEcho("2001:db8::7");
    server_.AddRefused("refused.test");
    options_.environment = {{"LD_PRELOAD", SOCKSIFY_LIBRARY},
                            {"SOCKSIFY_STATE_DIR", directory_ + "/state"},
                            {"SOCKS_CONF", std::nullopt},
                            {"HOME", directory_},
                            {"XDG_CONFIG_HOME", std::nullopt}};
    UseProxies({ProxyUrl(server_)});
  }
  ~PreloadTest() override { RunProgram({"rm", "-rf", directory_}); }

  static std::string ProxyUrl(const testserver::TestServer& server, const char* scheme = "socks5") {
    return std::string(scheme) + "://" + server.endpoints().front().ToString();
  }

  // The first proxy, and the others as its fallbacks.
  void UseProxies(const std::vector<std::string>& urls) {
    std::string joined;
    for (const std::string& url : urls) joined += (joined.empty() ? "" : " ") + url;
    options_.environment["SOCKSIFY_PROXY"] = joined;
    options_.environment["SOCKS_CONF"] = std::nullopt;
  }

  // Writes a configuration file and makes the victims read it.
  std::string UseConfig(const std::string& text) {
    const std::string path = WriteFile("socks.conf", text);
    options_.environment["SOCKSIFY_PROXY"] = std::nullopt;
    options_.environment["SOCKS_CONF"] = path;
    return path;
  }

  std::string WriteFile(const std::string& name, const std::string& text) const {
    const std::string path = directory_ + "/" + name;
    std::FILE* const file = std::fopen(path.c_str(), "w");
    std::fwrite(text.data(), 1, text.size(), file);
    std::fclose(file);
    return path;
  }

  // "127.0.0.1 port = 1080", as a configuration says it.
  std::string ProxyInConfig() const { return "127.0.0.1 port = " + std::to_string(server_.port()); }

  // Runs tests/victims/NAME with `arguments` under the preload, or without it.
  ProgramOutcome Run(const std::string& name, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), std::string(SOCKSIFY_VICTIMS) + "/victim-" + name);
    return RunProgram(arguments, options_);
  }
  ProgramOutcome RunDirect(const std::string& name, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), std::string(SOCKSIFY_VICTIMS) + "/victim-" + name);
    return RunProgram(arguments);
  }

  std::string directory_;
  testserver::TestServer server_;
  ProgramOptions options_;
};

}  // namespace socksify

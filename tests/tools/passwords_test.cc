// SPDX-License-Identifier: BSD-2-Clause
#include "tools/passwords.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "resolver/handed_passwords.h"
#include "tests/tools/tool_runner.h"
#include "tools/first_line.h"

namespace socksify {
namespace {

using testing::TemporaryDirectory;

const char* GetEnv(const char* name) {
  return getenv(name);
}

std::string ReadWhole(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Servers as a configuration gives them, and a state directory of their own.
class PasswordsTest : public ::testing::Test {
 protected:
  PasswordsTest() {
    setenv("SOCKSIFY_STATE_DIR", state_.path().c_str(), 1);
    unsetenv("SOCKSIFY_ASKPASS");
  }
  ~PasswordsTest() override {
    unsetenv("SOCKSIFY_STATE_DIR");
    unsetenv("SOCKSIFY_ASKPASS");
  }

  Server* Add(const std::string& name, PasswordSource source, const std::string& host = "10.0.0.1") {
    auto server = std::make_unique<Server>();
    server->name = name;
    server->address = *Endpoint::FromHost(host, 1080);
    server->protocols = kServerSocks5;
    server->methods = kMethodUsername;
    server->username = "alice";
    server->password_source = source;
    server->where = {std::make_shared<const std::string>("socks.conf"), 3, 1};
    Server* const added = server.get();
    servers_.push_back(std::move(server));
    return added;
  }
  Server* AddCommand(const std::string& command, const std::string& host = "10.0.0.1") {
    Server* const server = Add("office", PasswordSource::kCommand, host);
    server->password_command = command;
    return server;
  }
  // The message and the remedy, or nothing.
  std::string Provide(AskPassword ask = AskPassword::kIfUnknown) {
    const auto trouble = ProvidePasswords(servers_, ask, GetEnv);
    return trouble ? trouble->message + "\n" + trouble->remedy : "";
  }
  std::optional<std::string> Found(const Server& server) const {
    return FindHandedPassword(state_.path(), PasswordKey(server));
  }
  // A program that asks: tells what it was asked for in a file, and `answer`.
  void SetAskPass(const std::string& answer) {
    const std::string path = files_.Write(
        "ask", "#!/bin/sh\nprintf '%s\\n' \"$1\" >> '" + files_.path() + "/asked'\n" + answer + "\n", 0755);
    setenv("SOCKSIFY_ASKPASS", path.c_str(), 1);
  }
  std::string Asked() const { return ReadWhole(files_.path() + "/asked"); }

  TemporaryDirectory state_;
  TemporaryDirectory files_;
  std::vector<std::unique_ptr<const Server>> servers_;
};

TEST_F(PasswordsTest, NothingIsDoneWhereNothingIsWanted) {
  Server* const plain = Add("a", PasswordSource::kNone);
  Server* const known = Add("b", PasswordSource::kPrompt);
  known->has_password = true;
  Server* const unusable = AddCommand("echo x; echo ran >> '" + files_.path() + "/ran'");
  unusable->unusable = "for another version";
  EXPECT_EQ(Provide(), "");
  EXPECT_EQ(Found(*plain), std::nullopt);
  EXPECT_EQ(ReadWhole(files_.path() + "/ran"), "");
}

TEST_F(PasswordsTest, CommandsFirstLineIsThePassword) {
  const Server* const server = AddCommand("echo 'pass word'; echo more");
  EXPECT_EQ(Provide(), "");
  EXPECT_EQ(Found(*server), "pass word");
}

TEST_F(PasswordsTest, EachCommandRunsOnceAndAtEachStart) {
  const std::string command = "echo x >> '" + files_.path() + "/ran'; echo secret";
  const Server* const first = AddCommand(command);
  const Server* const second = AddCommand(command, "10.0.0.2");
  const Server* const other = AddCommand("echo other", "10.0.0.3");
  EXPECT_EQ(Provide(), "");
  EXPECT_EQ(Found(*first), "secret");
  EXPECT_EQ(Found(*second), "secret");
  EXPECT_EQ(Found(*other), "other");
  EXPECT_EQ(ReadWhole(files_.path() + "/ran"), "x\n");
  EXPECT_EQ(Provide(), "");
  EXPECT_EQ(ReadWhole(files_.path() + "/ran"), "x\nx\n");
}

TEST_F(PasswordsTest, CommandHasNothingToReadAndIsNotProxied) {
  const Server* const server = AddCommand("cat; echo \"<$LD_PRELOAD>\"");
  setenv("LD_PRELOAD", "/nonexistent/libsocksify.so", 1);
  const std::string trouble = Provide();
  unsetenv("LD_PRELOAD");
  EXPECT_EQ(trouble, "");
  EXPECT_EQ(Found(*server), "<>");
}

TEST_F(PasswordsTest, CommandThatFailsIsNamedByItsServer) {
  const std::string long_line(256, 's');
  const struct {
    std::string command;
    const char* wrong;
  } kCases[] = {
      {"echo secret; exit 3", "ended with exit status 3"},
      {"echo secret; kill -9 $$", "was ended by signal 9"},
      {"true", "wrote no first line"},
      {"echo; echo secret", "wrote no first line"},
      {"printf 'sec\\0ret\\n'", "wrote a first line with a NUL in it"},
      {"echo " + long_line, "wrote a first line of more than 255 bytes"},
  };
  for (const auto& [command, wrong] : kCases) {
    servers_.clear();
    const Server* const server = AddCommand(command);
    EXPECT_EQ(Provide(), std::string("server office (socks.conf:3): its password.command ") + wrong +
                             "\ntry the command by itself; its first line has to be the password");
    EXPECT_EQ(Found(*server), std::nullopt) << command;
  }
  servers_.clear();
  const std::string longest(255, 's');
  const Server* const server = AddCommand("printf " + longest);
  EXPECT_EQ(Provide(), "");
  EXPECT_EQ(Found(*server), longest);
}

TEST_F(PasswordsTest, ServerWithoutANameIsCalledByItsAddress) {
  AddCommand("false")->name.clear();
  EXPECT_THAT(Provide(), ::testing::StartsWith(
                             "server socks5 10.0.0.1:1080 (socks.conf:3): its password.command ended with"));
}

TEST_F(PasswordsTest, ProgramThatAsksGetsThePrompt) {
  SetAskPass("echo secret");
  const Server* const server = Add("office", PasswordSource::kPrompt);
  Server* const anonymous = Add("home", PasswordSource::kPrompt, "proxy.test");
  anonymous->username = "";
  EXPECT_EQ(Provide(), "");
  EXPECT_EQ(Found(*server), "secret");
  EXPECT_EQ(Found(*anonymous), "secret");
  EXPECT_EQ(Asked(), "Password for alice at socks5 10.0.0.1:1080: \nPassword for socks5 proxy.test:1080: \n");
}

TEST_F(PasswordsTest, UserNameCannotSpeakToTheTerminal) {
  SetAskPass("echo secret");
  Add("office", PasswordSource::kPrompt)->username = "a\x1b[2J";
  EXPECT_EQ(Provide(), "");
  EXPECT_EQ(Asked(), "Password for a\\027[2J at socks5 10.0.0.1:1080: \n");
}

TEST_F(PasswordsTest, AsksOnceForAServerAndUser) {
  SetAskPass("echo secret");
  Add("office", PasswordSource::kPrompt);
  Add("again", PasswordSource::kPrompt);
  EXPECT_EQ(Provide(), "");
  EXPECT_EQ(Asked(), "Password for alice at socks5 10.0.0.1:1080: \n");
}

TEST_F(PasswordsTest, AsksAgainOnlyWhenToldTo) {
  const Server* const server = Add("office", PasswordSource::kPrompt);
  const HandedPassword known{"10.0.0.1:1080 alice", "old"};
  ASSERT_EQ(HandPasswords(state_.path(), {&known, 1}), 0);
  SetAskPass("echo new");
  EXPECT_EQ(Provide(), "");
  EXPECT_EQ(Found(*server), "old");
  EXPECT_EQ(Provide(AskPassword::kAlways), "");
  EXPECT_EQ(Found(*server), "new");
}

TEST_F(PasswordsTest, ProgramThatDoesNotAnswerIsAnError) {
  SetAskPass("exit 1");
  Add("office", PasswordSource::kPrompt);
  const std::string path = getenv("SOCKSIFY_ASKPASS");
  EXPECT_EQ(Provide(), "server office (socks.conf:3): '" + path +
                           "' ended with exit status 1\nSOCKSIFY_ASKPASS names a program that writes the "
                           "password to standard output");
  setenv("SOCKSIFY_ASKPASS", "/nonexistent/ask", 1);
  EXPECT_EQ(Provide(),
            "server office (socks.conf:3): '/nonexistent/ask' cannot be started: "
            "ENOENT\nSOCKSIFY_ASKPASS names a program that writes the password to standard output");
}

// In a session without a terminal.
TEST_F(PasswordsTest, WithoutATerminalOnlyProxiesOfTheCommandLineGoOn) {
  Server* const server = Add("", PasswordSource::kPrompt);
  const auto provide_without_terminal = [this] {
    const std::string path = files_.path() + "/outcome";
    const pid_t child = fork();
    if (child == 0) {
      setsid();
      std::ofstream(path) << Provide();
      _exit(0);
    }
    waitpid(child, nullptr, 0);
    return ReadWhole(path);
  };
  EXPECT_EQ(
      provide_without_terminal(),
      "server socks5 10.0.0.1:1080 (socks.conf:3): its password is to be asked for, and there is no "
      "terminal\nstart any program by socksify once from a terminal, which keeps the password; or name a "
      "program that asks in SOCKSIFY_ASKPASS; or use password.file or password.command");
  server->where = {std::make_shared<const std::string>("-p"), 0, 0};
  EXPECT_EQ(provide_without_terminal(), "");
  EXPECT_EQ(Found(*server), std::nullopt);
}

// On a terminal of its own.
TEST_F(PasswordsTest, EmptyAnswerIsAnErrorButForProxiesOfTheCommandLine) {
  Server* const server = Add("office", PasswordSource::kPrompt);
  const auto provide_on_a_terminal = [this] {
    const std::string path = files_.path() + "/outcome";
    int terminal = -1;
    const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
    if (child == 0) {
      std::ofstream(path) << Provide();
      _exit(0);
    }
    std::string seen;
    char c = 0;
    while (!seen.ends_with(": ") && read(terminal, &c, 1) == 1) seen += c;
    EXPECT_EQ(seen, "Password for alice at socks5 10.0.0.1:1080: ");
    EXPECT_EQ(write(terminal, "\n", 1), 1);
    waitpid(child, nullptr, 0);
    close(terminal);
    return ReadWhole(path);
  };
  EXPECT_EQ(provide_on_a_terminal(),
            "server office (socks.conf:3): expected a password, found an empty line\n");
  server->where = {std::make_shared<const std::string>("-p"), 0, 0};
  EXPECT_EQ(provide_on_a_terminal(), "");
  EXPECT_EQ(Found(*server), std::nullopt);
}

TEST_F(PasswordsTest, StateDirectoryThatCannotBeUsedIsAnError) {
  setenv("SOCKSIFY_STATE_DIR", "/dev/null", 1);
  AddCommand("echo secret");
  EXPECT_EQ(Provide(),
            "the passwords cannot be handed to the program: no state directory can be used "
            "(ENOTDIR)\nset SOCKSIFY_STATE_DIR to a directory of your own, with mode 0700");
}

}  // namespace
}  // namespace socksify

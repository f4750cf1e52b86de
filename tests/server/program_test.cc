// SPDX-License-Identifier: BSD-2-Clause
// socksify-testserver as a user starts it: its output, its files, its end.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "tests/server/raw_bind.h"
#include "tests/server/raw_client.h"
#include "tests/server/raw_udp.h"

namespace socksify::testserver {
namespace {

namespace fs = std::filesystem;

// A running program whose standard output and error are read through a pipe. Its own --lifetime bounds it.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {SOCKSIFY_TESTSERVER, "--lifetime", "60"});
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int pipe_ends[2];
    if (pipe2(pipe_ends, O_CLOEXEC) < 0) return;
    output_.Reset(pipe_ends[0]);
    const UniqueFd writing(pipe_ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, writing.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, writing.get(), STDERR_FILENO);
    if (posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ) != 0) pid_ = -1;
    posix_spawn_file_actions_destroy(&actions);
  }
  ~Program() {
    if (pid_ > 0) End(SIGKILL);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }

  // Up to and without the next newline, or the end.
  std::string ReadLine() {
    std::string line;
    for (char c = 0; read(output_.get(), &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }

  // The exit status after `signal` (0 sends none), or -1 for another kind of end.
  int End(int signal) {
    int status = 0;
    if (signal != 0) kill(pid_, signal);
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  UniqueFd output_;
};

class ProgramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "testserver.XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Path(const char* name) const { return (folder_ / name).string(); }
  std::string Contents(const char* name) const {
    std::ifstream file(folder_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path folder_;
};

TEST_F(ProgramTest, ServesRecordsAndEndsOnSigterm) {
  Program program({"--listen", "127.0.0.1:0", "--page", "web.test=hello", "--script",
                   "web.test: reply.split=3", "--port-file", Path("port"), "--pid-file", Path("pid"),
                   "--record", Path("record")});
  const std::string line = program.ReadLine();
  const std::string start = "listening on 127.0.0.1:";
  ASSERT_TRUE(line.starts_with(start)) << line;
  const std::string port = line.substr(start.size());
  EXPECT_EQ(Contents("port"), port + "\n");
  EXPECT_EQ(Contents("pid"), std::to_string(program.pid()) + "\n");

  RawClient client(Endpoint::FromIp(IpAddress::V4(0x7f000001), static_cast<uint16_t>(std::stoi(port))));
  ASSERT_TRUE(Greet(&client));
  ASSERT_TRUE(client.Send(Socks5Request("web.test", 80) + "GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(client.ReadToEnd().ends_with("\r\n\r\nhello\n"));
  EXPECT_EQ(program.End(SIGTERM), 0);

  const std::string record = Contents("record");
  EXPECT_EQ(record.find('\n'), record.size() - 1);
  EXPECT_NE(record.find(R"("host":"web.test","port":80,"reply":0,"outcome":"connected")"), std::string::npos)
      << record;
  EXPECT_EQ(record.find("\"raw\""), std::string::npos);
}

TEST_F(ProgramTest, SpeaksHttpUnlessToldOtherwise) {
  const struct {
    std::vector<std::string> arguments;
    const char* answer;
  } table[] = {{{"--user", "a:b", "--script", "http.auth=basic http.body=0"},
                "HTTP/1.1 407 Proxy Authentication Required\r\n"
                "Proxy-Authenticate: Basic realm=\"test server\", charset=\"UTF-8\"\r\n"
                "Connection: close\r\nContent-Length: 0\r\n\r\n"},
               {{"--no-http"}, ""}};
  for (const auto& one : table) {
    Program program(one.arguments);
    const std::string line = program.ReadLine();
    const std::string start = "listening on 127.0.0.1:";
    ASSERT_TRUE(line.starts_with(start)) << line;
    const int port = std::stoi(line.substr(start.size()));
    RawClient client(Endpoint::FromIp(IpAddress::V4(0x7f000001), static_cast<uint16_t>(port)));
    ASSERT_TRUE(client.Send("CONNECT web.test:80 HTTP/1.0\r\n\r\n"));
    EXPECT_EQ(client.ReadToEnd(), one.answer);
    EXPECT_EQ(program.End(SIGTERM), 0);
  }
}

TEST_F(ProgramTest, RefusesUdpAndBindWhenAsked) {
  const struct {
    std::vector<std::string> arguments;
    char udp_code;
    char bind_code;
  } table[] = {{{}, 0, 0}, {{"--no-udp"}, 7, 0}, {{"--no-bind"}, 0, 7}};
  for (const auto& one : table) {
    Program program(one.arguments);
    const std::string line = program.ReadLine();
    const std::string start = "listening on 127.0.0.1:";
    ASSERT_TRUE(line.starts_with(start)) << line;
    const int port = std::stoi(line.substr(start.size()));
    const Endpoint server = Endpoint::FromIp(IpAddress::V4(0x7f000001), static_cast<uint16_t>(port));
    const RawAssociation association(server);
    ASSERT_GE(association.reply().size(), 2U);
    EXPECT_EQ(association.reply()[1], one.udp_code);
    const RawBind bind(server);
    ASSERT_GE(bind.reply().size(), 2U);
    EXPECT_EQ(bind.reply()[1], one.bind_code);
    EXPECT_EQ(program.End(SIGTERM), 0);
  }
}

TEST_F(ProgramTest, IsQuietWhenAsked) {
  Program program({"--quiet", "--lifetime", "1"});
  EXPECT_EQ(program.ReadLine(), "");
  EXPECT_EQ(program.End(0), 0);
}

TEST_F(ProgramTest, ExplainsItsOwnErrors) {
  struct Case {
    std::vector<std::string> arguments;
    const char* message;
  };
  const Case table[] = {
      {{"--script", "reply.colour=red"}, "socksify-testserver: script: reply.colour=red: unknown step"},
      {{"--listen", "localhost:0"},
       "socksify-testserver: listen: localhost:0: expected ADDRESS:PORT or [ADDRESS]:PORT"},
      {{"--name", "a.test=b.test"},
       "socksify-testserver: name a.test: b.test: expected an IP address, or one with a port"},
      {{"--refuse", "a.test=256"}, "socksify-testserver: --refuse a.test=256: expected HOST or HOST=CODE"},
      {{"--user", "alice"}, "socksify-testserver: --user: expected NAME:PASSWORD"},
      {{"--record", "/nonexistent/file"},
       "socksify-testserver: /nonexistent/file: No such file or directory"},
      {{"--bogus"}, "The following argument was not expected: --bogus"},
      {{"--page", "a.test", "b.test"}, "The following argument was not expected: b.test"},
  };
  for (const Case& one : table) {
    Program program(one.arguments);
    EXPECT_EQ(program.ReadLine(), one.message);
    EXPECT_EQ(program.End(0), 125) << one.message;
  }
}

}  // namespace
}  // namespace socksify::testserver

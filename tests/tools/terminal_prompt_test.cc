// SPDX-License-Identifier: BSD-2-Clause
// A child with a terminal of its own is asked, and answered from the terminal's other side.
#include "tools/terminal_prompt.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <functional>

#include "base/unique_fd.h"

namespace socksify {
namespace {

constexpr int kDeadlineMs = 20'000;

// A process that leads a session on a new terminal.
class Session {
 public:
  explicit Session(const std::function<int()>& run) {
    int other = -1;
    pid_ = forkpty(&other, nullptr, nullptr, nullptr);
    if (pid_ == 0) _exit(run());
    terminal_ = UniqueFd(other);
  }
  ~Session() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Reads until `text` has come; everything that came so far.
  std::string Await(const std::string& text) {
    char c = 0;
    pollfd ready = {.fd = terminal_.get(), .events = POLLIN, .revents = 0};
    while (seen_.find(text) == std::string::npos && poll(&ready, 1, kDeadlineMs) == 1 &&
           read(terminal_.get(), &c, 1) == 1) {
      seen_ += c;
    }
    return seen_;
  }
  void Forget() { seen_.clear(); }
  void Type(const std::string& text) const {
    ASSERT_EQ(write(terminal_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  bool HasEcho() const {
    termios state{};
    EXPECT_EQ(tcgetattr(terminal_.get(), &state), 0);
    return (state.c_lflag & ECHO) != 0;
  }
  int Wait(int options = 0) {
    int status = -1;
    EXPECT_EQ(waitpid(pid_, &status, options), pid_);
    if (!WIFSTOPPED(status)) pid_ = -1;
    return status;
  }
  void Signal(int signal) const { kill(pid_, signal); }

 private:
  pid_t pid_ = -1;
  UniqueFd terminal_;
  std::string seen_;
};

// Asks, and says on the terminal what came of it.
int Ask() {
  const auto line = AskOnTerminal("Password: ", 8);
  const char* const failures[] = {"no terminal", "nothing", "too long"};
  const std::string text =
      "got " + (line ? "<" + *line + ">" : failures[static_cast<int>(line.error())]) + ".\n";
  return write(STDOUT_FILENO, text.data(), text.size()) > 0 ? 0 : 1;
}

TEST(TerminalPromptTest, ReadsALineWithoutEcho) {
  Session session(Ask);
  session.Await("Password: ");
  EXPECT_FALSE(session.HasEcho());
  session.Type("secret\n");
  EXPECT_EQ(session.Await(".\r\n"), "Password: \r\ngot <secret>.\r\n");
  EXPECT_TRUE(session.HasEcho());
  EXPECT_EQ(session.Wait(), 0);
}

TEST(TerminalPromptTest, LineMayBeEditedAndHasALimit) {
  const struct {
    const char* typed;
    const char* outcome;
  } kCases[] = {
      {"abc\x7f\x7fx\n", "got <ax>"}, {"12345678\n", "got <12345678>"}, {"123456789\n", "got too long"},
      {"\n", "got nothing"},          {"\x04", "got nothing"},
  };
  for (const auto& [typed, outcome] : kCases) {
    Session session(Ask);
    session.Await("Password: ");
    session.Type(typed);
    EXPECT_EQ(session.Await(".\r\n"), std::string("Password: \r\n") + outcome + ".\r\n");
  }
}

TEST(TerminalPromptTest, SignalRestoresTheTerminalFirst) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    Session session(Ask);
    session.Await("Password: ");
    EXPECT_FALSE(session.HasEcho());
    session.Signal(signal);
    const int status = session.Wait();
    EXPECT_TRUE(WIFSIGNALED(status)) << signal;
    EXPECT_EQ(WTERMSIG(status), signal);
    EXPECT_TRUE(session.HasEcho()) << signal;
  }
}

TEST(TerminalPromptTest, AsksAgainAfterASignalThatDoesNotEnd) {
  Session session([] {
    signal(SIGTERM, SIG_IGN);
    return Ask();
  });
  session.Await("Password: ");
  session.Forget();
  session.Signal(SIGTERM);
  EXPECT_EQ(session.Await("Password: "), "\r\nPassword: ");
  EXPECT_FALSE(session.HasEcho());
  session.Type("again\n");
  EXPECT_EQ(session.Await(".\r\n"), "\r\nPassword: \r\ngot <again>.\r\n");
}

TEST(TerminalPromptTest, NoTerminalIsSaid) {
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    const auto line = AskOnTerminal("Password: ", 8);
    _exit(!line && line.error() == PromptFailure::kNoTerminal ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace socksify

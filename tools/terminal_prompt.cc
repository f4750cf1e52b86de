// SPDX-License-Identifier: BSD-2-Clause
//
// Why not getpass(3): it is obsolete, cuts long passwords without a word in some C libraries, reads standard
// input where there is no terminal, and leaves the echo off when a signal other than SIGINT and SIGTSTP
// comes. Signals are put off here as readpassphrase(3bsd) does it: a handler that only takes a note makes
// read(2) return, the terminal is restored, and the signal is raised anew with its own handler in place.
#include "tools/terminal_prompt.h"

#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "base/unique_fd.h"
#include "base/wipe.h"

namespace socksify {
namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};

constinit volatile sig_atomic_t g_signal = 0;

void TakeNote(int signal) {
  g_signal = signal;
}

// Takes note of signals for as long as it lives.
class SignalsPutOff {
 public:
  SignalsPutOff() {
    g_signal = 0;
    struct sigaction action = {};
    action.sa_handler = TakeNote;
    for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &saved_[i]);
  }
  ~SignalsPutOff() {
    for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &saved_[i], nullptr);
  }
  SignalsPutOff(const SignalsPutOff&) = delete;
  SignalsPutOff& operator=(const SignalsPutOff&) = delete;

 private:
  std::array<struct sigaction, kSignals.size()> saved_{};
};

class EchoOff {
 public:
  explicit EchoOff(int fd) : fd_(fd) {
    is_changed_ = tcgetattr(fd_, &saved_) == 0;
    termios changed = saved_;
    changed.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL);
    // TCSAFLUSH: what was typed before was not meant for us.
    if (is_changed_) is_changed_ = tcsetattr(fd_, TCSAFLUSH, &changed) == 0;
  }
  ~EchoOff() {
    if (!is_changed_) return;
    // In the background it is refused by SIGTTOU, which is noted, until the job is in the foreground again.
    while (tcsetattr(fd_, TCSAFLUSH, &saved_) != 0 && errno == EINTR && g_signal != SIGTTOU) {
    }
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;
  bool is_changed() const { return is_changed_; }

 private:
  int fd_;
  bool is_changed_ = false;
  termios saved_{};
};

void Write(int fd, std::string_view text) {
  // A terminal that takes no prompt will give no answer either.
  [[maybe_unused]] const ssize_t written = write(fd, text.data(), text.size());
}

// Reads up to a line end, the end of the input or a signal.
std::expected<std::string, PromptFailure> ReadLine(int fd, size_t max_size) {
  std::string line;
  // At once: a string that grows leaves copies of what it held.
  line.reserve(max_size);
  bool is_too_long = false;
  char c = 0;
  while (g_signal == 0 && read(fd, &c, 1) == 1 && c != '\n') {
    is_too_long = is_too_long || line.size() == max_size;
    if (!is_too_long) line += c;
  }
  if (!is_too_long && !line.empty()) return line;
  Wipe(&line);
  return std::unexpected(is_too_long ? PromptFailure::kTooLong : PromptFailure::kNothing);
}

std::expected<std::string, PromptFailure> AskOnce(int fd, const std::string& prompt, size_t max_size) {
  const SignalsPutOff signals;
  const EchoOff echo(fd);
  if (!echo.is_changed()) return std::unexpected(PromptFailure::kNoTerminal);
  Write(fd, prompt);
  auto line = ReadLine(fd, max_size);
  Write(fd, "\n");
  return line;
}

}  // namespace

std::expected<std::string, PromptFailure> AskOnTerminal(const std::string& prompt, size_t max_size) {
  const UniqueFd terminal(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal.valid()) return std::unexpected(PromptFailure::kNoTerminal);
  while (true) {
    auto line = AskOnce(terminal.get(), prompt, max_size);
    const int signal = g_signal;
    if (signal == 0) return line;
    if (line) Wipe(&*line);
    raise(signal);
  }
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "tests/integration/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace socksify {
namespace {

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
  Pipe() {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) abort();
    read_end.Reset(ends[0]);
    write_end.Reset(ends[1]);
  }
};

[[noreturn]] void Execute(const std::vector<std::string>& arguments, const ProgramOptions& options, int out,
                          int err) {
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  for (const auto& [name, value] : options.environment) {
    if (value) {
      setenv(name.c_str(), value->c_str(), 1);
    } else {
      unsetenv(name.c_str());
    }
  }
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  setpgid(0, 0);
  execvp(argv[0], argv.data());
  _exit(127);
}

// Reads what there is; false at the end of the stream.
bool Drain(int fd, std::string* text) {
  char buffer[65536];
  const ssize_t count = read(fd, buffer, sizeof buffer);
  if (count <= 0) return false;
  text->append(buffer, static_cast<size_t>(count));
  return true;
}

}  // namespace

ProgramOutcome RunProgram(const std::vector<std::string>& arguments, const ProgramOptions& options) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + options.deadline;
  Pipe out;
  Pipe err;
  const pid_t child = fork();
  if (child == 0) Execute(arguments, options, out.write_end.get(), err.write_end.get());
  out.write_end.Reset();
  err.write_end.Reset();

  ProgramOutcome outcome;
  pollfd streams[] = {{.fd = out.read_end.get(), .events = POLLIN, .revents = 0},
                      {.fd = err.read_end.get(), .events = POLLIN, .revents = 0}};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) {
      outcome.timed_out = true;
      kill(-child, SIGKILL);
      break;
    }
    poll(streams, 2, static_cast<int>(left));
    if (streams[0].revents != 0 && !Drain(streams[0].fd, &outcome.out)) streams[0].fd = -1;
    if (streams[1].revents != 0 && !Drain(streams[1].fd, &outcome.err)) streams[1].fd = -1;
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  return outcome;
}

}  // namespace socksify

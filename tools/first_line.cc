// SPDX-License-Identifier: BSD-2-Clause
#include "tools/first_line.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string_view>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "base/wipe.h"

namespace socksify {
namespace {

// A program that is to tell a password must not be sent through the proxy that wants it.
std::vector<char*> EnvironmentWithoutPreload() {
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with("LD_PRELOAD=")) variables.push_back(*variable);
  }
  variables.push_back(nullptr);
  return variables;
}

class SpawnActions {
 public:
  SpawnActions() { posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// Returns 0 or an errno value.
int Spawn(const std::vector<std::string>& arguments, int output, pid_t* pid) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const std::vector<char*> variables = EnvironmentWithoutPreload();
  SpawnActions actions;
  posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(actions.get(), output, STDOUT_FILENO);
  return posix_spawnp(pid, argv[0], actions.get(), nullptr, argv.data(), variables.data());
}

// Reads to the end, so that the writer is not ended by SIGPIPE.
void ReadFirstLine(int fd, size_t max_size, ProgramOutput* output) {
  std::string& line = output->first_line;
  // At once: a string that grows leaves copies of what it held.
  line.reserve(max_size);
  bool is_complete = false;
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t size = read(fd, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    std::string_view part(buffer.data(), static_cast<size_t>(size));
    if (is_complete) continue;
    is_complete = part.find('\n') != std::string_view::npos;
    part = part.substr(0, part.find('\n'));
    if (part.size() > max_size - line.size()) {
      output->is_too_long = true;
      part = part.substr(0, max_size - line.size());
    }
    line += part;
  }
  explicit_bzero(buffer.data(), buffer.size());
}

std::optional<std::string> WhatIsWrong(const ProgramOutput& output, size_t max_size) {
  const int status = output.status;
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) return "ended with exit status " + std::to_string(WEXITSTATUS(status));
  if (output.is_too_long) return "wrote a first line of more than " + std::to_string(max_size) + " bytes";
  if (output.first_line.empty()) return "wrote no first line";
  if (output.first_line.find('\0') != std::string::npos) return "wrote a first line with a NUL in it";
  return std::nullopt;
}

}  // namespace

std::expected<ProgramOutput, int> RunForFirstLine(const std::vector<std::string>& arguments,
                                                  size_t max_size) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(errno);
  const UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  pid_t pid = 0;
  if (const int error = Spawn(arguments, out.get(), &pid)) return std::unexpected(error);
  out.Reset();
  ProgramOutput output;
  ReadFirstLine(in.get(), max_size, &output);
  while (waitpid(pid, &output.status, 0) < 0 && errno == EINTR) {
  }
  return output;
}

std::expected<std::string, std::string> FirstLineOf(const std::vector<std::string>& arguments,
                                                    size_t max_size) {
  auto output = RunForFirstLine(arguments, max_size);
  if (!output) return std::unexpected(std::string("cannot be started: ") + ErrnoName(output.error()));
  std::optional<std::string> trouble = WhatIsWrong(*output, max_size);
  if (!trouble) return std::move(output->first_line);
  Wipe(&output->first_line);
  return std::unexpected(*std::move(trouble));
}

}  // namespace socksify

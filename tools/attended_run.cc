// SPDX-License-Identifier: BSD-2-Clause
#include "tools/attended_run.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "resolver/state_directory.h"
#include "tools/launch_options.h"

namespace socksify {
namespace {

constinit volatile pid_t g_program = 0;

void PassOn(int signal) {
  const int saved_errno = errno;
  kill(g_program, signal);
  errno = saved_errno;
}

void SetHandler(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

int Await(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

// The program's exit code, or its end by a signal, without a core of our own.
int EndLike(int status) {
  if (!WIFSIGNALED(status)) return WEXITSTATUS(status);
  const int signal = WTERMSIG(status);
  const rlimit no_core = {.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &no_core);
  SetHandler(signal, SIG_DFL);
  raise(signal);
  return 128 + signal;
}

void WriteSummary(const std::string& file) {
  std::array<char, PATH_MAX> buffer{};
  const ssize_t size = readlink("/proc/self/exe", buffer.data(), buffer.size());
  if (size <= 0) return;
  const std::string own(buffer.data(), static_cast<size_t>(size));
  const std::string socksctl = own.substr(0, own.rfind('/') + 1) + "socksctl";
  unsetenv("LD_PRELOAD");
  std::array<const char*, 4> arguments = {socksctl.c_str(), "summary", file.c_str(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, socksctl.c_str(), &actions, nullptr,
                                const_cast<char* const*>(arguments.data()), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == 0) {
    Await(pid);
  } else {
    std::fprintf(stderr, "socksify: no summary: cannot start '%s': %s\n", socksctl.c_str(), ErrnoName(error));
  }
}

}  // namespace

std::expected<std::string, Trouble> MakeSummaryFile(const char* (*get_env)(const char* name)) {
  const auto directory = StateDirectory(get_env);
  int error = directory ? 0 : directory.error();
  if (directory) {
    std::string path = *directory + "/summary-XXXXXX";
    const UniqueFd fd(mkostemp(path.data(), O_CLOEXEC));
    if (fd.valid()) return path;
    error = errno;
  }
  return std::unexpected(Trouble{std::string("no file can be made for the summary: ") + ErrnoName(error),
                                 "set SOCKSIFY_STATE_DIR to a directory of your own, with mode 0700"});
}

int RunAttended(const std::function<int()>& program, const std::string& file) {
  // No signal comes between fork(2) and the handlers that pass it on.
  sigset_t all;
  sigset_t saved;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &saved);
  std::fflush(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    sigprocmask(SIG_SETMASK, &saved, nullptr);
    _exit(program());
  }
  if (pid < 0) {
    std::fprintf(stderr, "socksify: cannot fork: %s\n", ErrnoName(errno));
    sigprocmask(SIG_SETMASK, &saved, nullptr);
    unlink(file.c_str());
    return kExitOwnError;
  }
  g_program = pid;
  for (const int signal : {SIGINT, SIGQUIT}) SetHandler(signal, SIG_IGN);
  for (const int signal : {SIGTERM, SIGHUP}) SetHandler(signal, PassOn);
  sigprocmask(SIG_SETMASK, &saved, nullptr);
  const int status = Await(pid);
  // The id may be another process's from here on.
  for (const int signal : {SIGTERM, SIGHUP}) SetHandler(signal, SIG_IGN);
  WriteSummary(file);
  unlink(file.c_str());
  return EndLike(status);
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "tests/tools/tool_runner.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/unique_fd.h"

namespace socksify::testing {
namespace {

constexpr int kDeadlineMs = 30'000;

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::string ReadAll(const UniqueFd& fd) {
  std::string content;
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t size = pread(fd.get(), buffer.data(), buffer.size(), static_cast<off_t>(content.size()));
    if (size <= 0) return content;
    content.append(buffer.data(), static_cast<size_t>(size));
  }
}

}  // namespace

ToolResult RunTool(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  const TemporaryDirectory home;
  std::vector<std::string> variables = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + home.path()};
  variables.insert(variables.end(), environment.begin(), environment.end());
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(variables);
  // Files in memory rather than pipes: nobody has to read while the program runs.
  const UniqueFd out(memfd_create("out", MFD_CLOEXEC));
  const UniqueFd err(memfd_create("err", MFD_CLOEXEC));

  ToolResult result;
  result.pid = fork();
  if (result.pid == 0) {
    dup2(out.get(), STDOUT_FILENO);
    dup2(err.get(), STDERR_FILENO);
    execve(argv[0], argv.data(), envp.data());
    _exit(99);
  }
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, result.pid, 0)));
  pollfd end = {.fd = process.get(), .events = POLLIN, .revents = 0};
  if (poll(&end, 1, kDeadlineMs) != 1) {
    ADD_FAILURE() << arguments[0] << " ran for too long";
    kill(result.pid, SIGKILL);
  }
  int status = 0;
  waitpid(result.pid, &status, 0);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  result.out = ReadAll(out);
  result.err = ReadAll(err);
  return result;
}

TemporaryDirectory::TemporaryDirectory() {
  path_ = ::testing::TempDir() + "socksify-test-XXXXXX";
  if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "mkdtemp failed";
}

TemporaryDirectory::~TemporaryDirectory() {
  std::filesystem::remove_all(path_);
}

std::string TemporaryDirectory::Write(const std::string& name, const std::string& content,
                                      unsigned mode) const {
  const std::string path = path_ + "/" + name;
  std::ofstream(path) << content;
  chmod(path.c_str(), mode);
  return path;
}

}  // namespace socksify::testing

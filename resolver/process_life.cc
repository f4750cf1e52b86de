// SPDX-License-Identifier: BSD-2-Clause
//
// Close and read go by their system calls: libc's are replaced in the preload.
#include "resolver/process_life.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <string_view>

namespace socksify {

bool IsDead(uint32_t pid) {
#ifdef SYS_pidfd_open
  const auto fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd >= 0) {
    // Readable when the process has ended, even if nobody has waited for it (pidfd_open(2)).
    pollfd ended{.fd = fd, .events = POLLIN, .revents = 0};
    const int64_t no_time[2] = {};
    const bool is_dead = syscall(SYS_ppoll, &ended, 1, no_time, nullptr, 0) == 1;
    syscall(SYS_close, fd);
    return is_dead;
  }
  // EINVAL: the number is that of a thread now, so the process that had it has ended.
  if (errno == EINVAL) return true;
#endif
  return kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH;
}

std::optional<int64_t> StartOfProcess(uint32_t pid) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%u/stat", pid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return std::nullopt;
  char text[1024];
  const auto size = static_cast<ssize_t>(syscall(SYS_read, fd, text, sizeof text));
  syscall(SYS_close, fd);
  std::string_view rest(text, size > 0 ? static_cast<size_t>(size) : 0);
  // The second field, the name, is in parentheses and may hold anything; the start is field 22 (proc(5)).
  rest.remove_prefix(std::min(rest.rfind(')'), rest.size()));
  for (int field = 2; field < 22; ++field) {
    const size_t blank = rest.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(blank + 1);
  }
  int64_t ticks = 0;
  if (std::from_chars(rest.data(), rest.data() + rest.size(), ticks).ec != std::errc()) return std::nullopt;
  return ticks / sysconf(_SC_CLK_TCK);
}

int64_t SecondsSinceBoot() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec;
}

}  // namespace socksify

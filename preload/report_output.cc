// SPDX-License-Identifier: BSD-2-Clause
#include "preload/report_output.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/fixed_text.h"
#include "preload/originals.h"

namespace socksify {
namespace {

struct Facility {
  FixedText<8> name;
  int value = 0;
};

constexpr Facility kFacilities[] = {
    {"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV}, {"daemon", LOG_DAEMON}, {"user", LOG_USER},
    {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1},     {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3},
    {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},     {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7},
};

// A datagram of our own to the system's log (RFC 3164 section 4.1): libc's syslog(3) would keep a descriptor
// and share its ident with the program.
void WriteSyslog(std::string_view output, std::string_view line) {
  int facility = LOG_DAEMON;
  const size_t slash = output.find('/');
  if (slash != std::string_view::npos) {
    for (const Facility& known : kFacilities) {
      if (output.substr(slash + 1) == known.name) facility = known.value;
    }
  }
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, "/dev/log");
  std::string message = "<";
  message.append(std::to_string(facility | LOG_INFO)).append(">").append(line);
  libc::sendto(fd, static_cast<const void*>(message.data()), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(sizeof address));
  libc::close(fd);
}

// Programs close their standard streams and get the number for a connection; a line of ours has no place
// there.
bool IsInternetSocket(int fd) {
  int domain = 0;
  socklen_t size = sizeof domain;
  return libc::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, static_cast<void*>(&domain), &size) == 0 &&
         (domain == AF_INET || domain == AF_INET6);
}

// Without SIGPIPE (a reader that is gone) and SIGXFSZ (a limit of size), which would end the program.
void WriteQuietly(int fd, std::string_view line) {
  sigset_t deadly;
  sigemptyset(&deadly);
  sigaddset(&deadly, SIGPIPE);
  sigaddset(&deadly, SIGXFSZ);
  sigset_t pending;
  sigset_t previous;
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &deadly, &previous);
  // Nothing can be done about a report that cannot be written.
  if (write(fd, line.data(), line.size()) < 0 && (errno == EPIPE || errno == EFBIG)) {
    const int caused = errno == EPIPE ? SIGPIPE : SIGXFSZ;
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, caused);
    const timespec at_once{};
    if (sigismember(&pending, caused) == 0) sigtimedwait(&one, nullptr, &at_once);
  }
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
}

}  // namespace

void WriteTo(const std::string& output, std::string_view line) {
  if (output.starts_with("syslog")) return WriteSyslog(output, line.substr(0, line.size() - 1));
  int fd = -1;
  if (output == "stderr") fd = STDERR_FILENO;
  if (output == "stdout") fd = STDOUT_FILENO;
  const bool is_file = fd < 0;
  if (!is_file && IsInternetSocket(fd)) return;
  // O_NONBLOCK: a FIFO that nobody reads must not stop the program.
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  if (is_file) fd = open(output.c_str(), kFlags, 0600);
  if (fd < 0) return;
  WriteQuietly(fd, line);
  if (is_file) libc::close(fd);
}

}  // namespace socksify

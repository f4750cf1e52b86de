// SPDX-License-Identifier: BSD-2-Clause
// rcmd(3), rexec(3), ruserok(3) and their kin: within them libc looks names up and connects by calls of its
// own, which pass no hook. Nothing of that can go through a proxy, so none of it happens: the commands fail,
// and no remote user is believed. The protocols are long dead.

#include <netdb.h>

#include <cerrno>

#include "preload/originals.h"
#include "preload/runtime.h"

namespace socksify {
namespace {

template <typename LibcCall>
int Refuse(LibcCall libc_call) {
  return Guarded(
      [&] {
        if (Runtime::Get() == nullptr) return libc_call();
        errno = EOPNOTSUPP;
        return -1;
      },
      -1);
}

}  // namespace
}  // namespace socksify

using namespace socksify;

SOCKSIFY_EXPORT int rcmd(char** host, unsigned short port, const char* local_user, const char* remote_user,
                         const char* command, int* error_fd) {
  return Refuse([&] { return libc::rcmd(host, port, local_user, remote_user, command, error_fd); });
}

SOCKSIFY_EXPORT int rcmd_af(char** host, unsigned short port, const char* local_user, const char* remote_user,
                            const char* command, int* error_fd, sa_family_t family) {
  return Refuse(
      [&] { return libc::rcmd_af(host, port, local_user, remote_user, command, error_fd, family); });
}

SOCKSIFY_EXPORT int rexec(char** host, int port, const char* user, const char* password, const char* command,
                          int* error_fd) {
  return Refuse([&] { return libc::rexec(host, port, user, password, command, error_fd); });
}

SOCKSIFY_EXPORT int rexec_af(char** host, int port, const char* user, const char* password,
                             const char* command, int* error_fd, sa_family_t family) {
  return Refuse([&] { return libc::rexec_af(host, port, user, password, command, error_fd, family); });
}

SOCKSIFY_EXPORT int ruserok(const char* host, int is_superuser, const char* remote_user,
                            const char* local_user) {
  return Refuse([&] { return libc::ruserok(host, is_superuser, remote_user, local_user); });
}

SOCKSIFY_EXPORT int ruserok_af(const char* host, int is_superuser, const char* remote_user,
                               const char* local_user, sa_family_t family) {
  return Refuse([&] { return libc::ruserok_af(host, is_superuser, remote_user, local_user, family); });
}

SOCKSIFY_EXPORT int iruserok(uint32_t address, int is_superuser, const char* remote_user,
                             const char* local_user) {
  return Refuse([&] { return libc::iruserok(address, is_superuser, remote_user, local_user); });
}

SOCKSIFY_EXPORT int iruserok_af(const void* address, int is_superuser, const char* remote_user,
                                const char* local_user, sa_family_t family) {
  return Refuse([&] { return libc::iruserok_af(address, is_superuser, remote_user, local_user, family); });
}

// SPDX-License-Identifier: BSD-2-Clause
// Replaced calls that other hooks call, and libc's aliases that no header declares.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

// glibc exports these beside the plain names; programs built against old headers call them.
extern "C" {
int __close(int fd);
int __connect(int fd, const sockaddr* address, socklen_t size);
int __dup2(int from, int to);
int __fcntl(int fd, int command, ...);
}

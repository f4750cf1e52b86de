// SPDX-License-Identifier: BSD-2-Clause
// Functions that glibc exports and no header declares: aliases that programs built against old headers call,
// and what fortified programs call (feature_test_macros(7), _FORTIFY_SOURCE).
#pragma once

#include <poll.h>
#include <resolv.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cstdarg>

extern "C" {
int __close(int fd);
int __connect(int fd, const sockaddr* address, socklen_t size);
int __dup2(int from, int to);
int __fcntl(int fd, int command, ...);
int __poll(pollfd* fds, nfds_t count, int timeout_ms);
ssize_t __read(int fd, void* buffer, size_t size);
int __sigaction(int number, const struct sigaction* action, struct sigaction* previous) noexcept;
int __select(int count, fd_set* read, fd_set* write, fd_set* except, timeval* timeout);
ssize_t __send(int fd, const void* data, size_t size, int flags);
sighandler_t bsd_signal(int number, sighandler_t handler) noexcept;
ssize_t __write(int fd, const void* data, size_t size);

// The last argument is the size of the object that the program hands over.
int __poll_chk(pollfd* fds, nfds_t count, int timeout_ms, size_t fds_size);
int __ppoll_chk(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask, size_t fds_size);
int __dprintf_chk(int fd, int flag, const char* format, ...);
int __vdprintf_chk(int fd, int flag, const char* format, va_list arguments);
ssize_t __read_chk(int fd, void* buffer, size_t size, size_t buffer_size);
ssize_t __recv_chk(int fd, void* buffer, size_t size, size_t buffer_size, int flags);
ssize_t __recvfrom_chk(int fd, void* buffer, size_t size, size_t buffer_size, int flags, sockaddr* address,
                       socklen_t* address_size);
int __res_query(const char* name, int record_class, int type, unsigned char* answer, int size);
int __res_nquery(res_state state, const char* name, int record_class, int type, unsigned char* answer,
                 int size);
int __res_search(const char* name, int record_class, int type, unsigned char* answer, int size);
int __res_nsearch(res_state state, const char* name, int record_class, int type, unsigned char* answer,
                  int size);
int __res_querydomain(const char* name, const char* domain, int record_class, int type, unsigned char* answer,
                      int size);
int __res_nquerydomain(res_state state, const char* name, const char* domain, int record_class, int type,
                       unsigned char* answer, int size);
int __res_send(const unsigned char* message, int message_size, unsigned char* answer, int size);
int __res_nsend(res_state state, const unsigned char* message, int message_size, unsigned char* answer,
                int size);
}

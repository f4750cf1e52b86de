/* SPDX-License-Identifier: BSD-2-Clause
   What the small programs that run under the preload share. They know nothing of it: each must print the same
   when it runs direct, which the tests use to prove it fair. */
#pragma once

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAYBE_UNUSED __attribute__((unused))

MAYBE_UNUSED static void Fail(const char* what) {
  printf("%s: %s\n", what, strerrorname_np(errno));
  exit(1);
}

/* Looks HOST up for `family` and returns the first address. */
MAYBE_UNUSED static struct addrinfo* Resolve(const char* host, const char* port, int family) {
  struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
  struct addrinfo* result = NULL;
  const int error = getaddrinfo(host, port, &hints, &result);
  if (error != 0) {
    printf("getaddrinfo: %s\n", gai_strerror(error));
    exit(1);
  }
  return result;
}

/* A connected socket; `is_awaited`: made by a connect(2) that does not wait, and made blocking afterwards. */
MAYBE_UNUSED static int ConnectSocket(int fd, const struct addrinfo* to, int is_awaited) {
  struct pollfd writable = {.fd = fd, .events = POLLOUT};
  int error = 0;
  socklen_t size = sizeof error;
  if (is_awaited) fcntl(fd, F_SETFL, O_NONBLOCK);
  if (connect(fd, to->ai_addr, to->ai_addrlen) == 0) {
    if (!is_awaited) return fd;
  } else if (!is_awaited || errno != EINPROGRESS || poll(&writable, 1, 10000) != 1) {
    Fail("connect");
  }
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || (errno = error) != 0) Fail("connect");
  /* Says so once. */
  if (is_awaited && connect(fd, to->ai_addr, to->ai_addrlen) != 0) Fail("connect again");
  fcntl(fd, F_SETFL, 0);
  return fd;
}

/* Sends a line and reads the same number of bytes back. */
MAYBE_UNUSED static void Echo(int fd, const char* line) {
  char buffer[256];
  size_t got = 0;
  const size_t size = strlen(line);
  if (line[0] != '\0' && write(fd, line, size) != (ssize_t)size) Fail("write");
  while (got < size) {
    const ssize_t count = read(fd, buffer + got, size - got);
    if (count <= 0) Fail("read");
    got += (size_t)count;
  }
  printf("echo %.*s\n", (int)got, buffer);
}

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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void Fail(const char* what) {
  printf("%s: %s\n", what, strerrorname_np(errno));
  exit(1);
}

/* Looks HOST up for `family` and returns the first address. */
static struct addrinfo* Resolve(const char* host, const char* port, int family) {
  struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
  struct addrinfo* result = NULL;
  const int error = getaddrinfo(host, port, &hints, &result);
  if (error != 0) {
    printf("getaddrinfo: %s\n", gai_strerror(error));
    exit(1);
  }
  return result;
}

/* "10.0.0.1 80" or "::1 80" */
static void PrintAddress(const char* label, const struct sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "?";
  int port = 0;
  if (address->sa_family == AF_INET) {
    const struct sockaddr_in* v4 = (const struct sockaddr_in*)address;
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    port = ntohs(v4->sin_port);
  } else if (address->sa_family == AF_INET6) {
    const struct sockaddr_in6* v6 = (const struct sockaddr_in6*)address;
    inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    port = ntohs(v6->sin6_port);
  }
  printf("%s %s %d\n", label, text, port);
}

/* Sends a line and reads the same number of bytes back. */
static void Echo(int fd, const char* line) {
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

/* SPDX-License-Identifier: BSD-2-Clause
   What the clients of run.py share: a connection to HOST:PORT, made by the program itself through a SOCKS5
   proxy (RFC 1928) where one is named, which is what any preload is measured against. */
#pragma once

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline void Fail(const char* what) {
  perror(what);
  exit(1);
}

static inline double Seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline int CompareDoubles(const void* left, const void* right) {
  const double a = *(const double*)left;
  const double b = *(const double*)right;
  return (a > b) - (a < b);
}

/* Sorts the values. */
static inline double Median(double* values, int count) {
  qsort(values, (size_t)count, sizeof *values, CompareDoubles);
  return values[count / 2];
}

static inline struct sockaddr_in Address(const char* host, const char* port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
    fprintf(stderr, "%s is no IPv4 address\n", host);
    exit(2);
  }
  return address;
}

static inline void Exchange(int fd, const void* data, size_t size, unsigned char* answer,
                            size_t answer_size) {
  if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size) Fail("send to the proxy");
  if (recv(fd, answer, answer_size, MSG_WAITALL) != (ssize_t)answer_size) Fail("answer of the proxy");
}

/* Asks the proxy for `to`; its answer names an IPv4 address. */
static inline void Negotiate(int fd, const struct sockaddr_in* to) {
  unsigned char request[10] = {5, 1, 0, 1}; /* version, CONNECT, reserved, IPv4 */
  unsigned char answer[10];
  Exchange(fd, "\5\1\0", 3, answer, 2);
  memcpy(request + 4, &to->sin_addr, 4);
  memcpy(request + 8, &to->sin_port, 2);
  Exchange(fd, request, sizeof request, answer, sizeof answer);
  if (answer[1] != 0) {
    fprintf(stderr, "the proxy refuses: %d\n", answer[1]);
    exit(1);
  }
}

/* Returns a blocking socket that is connected. `proxy` is HOST:PORT, or null for none. */
static inline int OpenStream(const char* host, const char* port, const char* proxy) {
  const struct sockaddr_in to = Address(host, port);
  struct sockaddr_in first = to;
  if (proxy != NULL) {
    char proxy_host[64];
    const char* const colon = strrchr(proxy, ':');
    snprintf(proxy_host, sizeof proxy_host, "%.*s", (int)(colon - proxy), proxy);
    first = Address(proxy_host, colon + 1);
  }
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) Fail("socket");
  if (connect(fd, (const struct sockaddr*)&first, sizeof first) != 0) Fail("connect");
  if (proxy != NULL) Negotiate(fd, &to);
  return fd;
}

/* Asks the source (source.c) for `size` bytes. */
static inline void Order(int fd, unsigned long long size) {
  if (send(fd, &size, sizeof size, MSG_NOSIGNAL) != sizeof size) Fail("send");
}

/* SPDX-License-Identifier: BSD-2-Clause
   What the modes of `early` share. */
#pragma once

#include "pending.h"

#include <sys/epoll.h>

static char g_buffer[64];

static int Blocking(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  Say("connect", Connect(fd, g_to));
  return fd;
}

static void SayRead(const char* what, int fd) {
  const ssize_t count = read(fd, g_buffer, sizeof g_buffer);
  if (count > 0)
    printf("%s: %.*s\n", what, (int)count, g_buffer);
  else
    Say(what, count);
}

static int Wait(const char* what, int set, int timeout_ms) {
  struct epoll_event event = {0};
  const int count = epoll_wait(set, &event, 1, timeout_ms);
  if (count > 0) {
    printf("%s ", event.data.u64 == 4711 ? "kept" : "lost");
    SayEvents(what, event.events);
  } else {
    Say(what, count);
  }
  return count;
}

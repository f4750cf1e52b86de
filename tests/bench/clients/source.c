/* SPDX-License-Identifier: BSD-2-Clause
   source bytes|echo HOST PORT: a server with a thread for each connection. `bytes` reads a number of eight
   bytes, sends as many bytes as it says, and closes; `echo` sends back what comes. Ends when it is killed. */
#define _GNU_SOURCE
#include "client.h"

#include <pthread.h>
#include <stdint.h>

static void* SendBytes(void* argument) {
  static const char data[1 << 16];
  const int fd = (int)(intptr_t)argument;
  unsigned long long size = 0;
  if (recv(fd, &size, sizeof size, MSG_WAITALL) == sizeof size) {
    while (size > 0) {
      const ssize_t sent = send(fd, data, size < sizeof data ? size : sizeof data, MSG_NOSIGNAL);
      if (sent <= 0) break;
      size -= (unsigned long long)sent;
    }
  }
  close(fd);
  return NULL;
}

static void* SendBack(void* argument) {
  const int fd = (int)(intptr_t)argument;
  char data[256];
  for (;;) {
    const ssize_t size = recv(fd, data, sizeof data, 0);
    if (size <= 0 || send(fd, data, (size_t)size, MSG_NOSIGNAL) != size) break;
  }
  close(fd);
  return NULL;
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  void* (*const serve)(void*) = strcmp(argv[1], "echo") == 0 ? SendBack : SendBytes;
  const struct sockaddr_in address = Address(argv[2], argv[3]);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (const struct sockaddr*)&address, sizeof address) != 0 || listen(listener, 4096) != 0)
    Fail("listen");
  for (;;) {
    pthread_t thread;
    const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0 && pthread_create(&thread, &attributes, serve, (void*)(intptr_t)fd) != 0) close(fd);
  }
}

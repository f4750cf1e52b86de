/* SPDX-License-Identifier: BSD-2-Clause
   udp_hidden HOST PORT: sends a datagram, looks for a descriptor that it did not open, and does with that
   what a program can: closes it, copies it, puts another file in its place. Says what comes of it, and
   whether its datagrams are answered all the while. */
#include "udp.h"

#include <sys/syscall.h>

static int g_fd;

/* Patiently: a datagram that goes to a relay which has just ended is lost. */
static void SayAnswer(unsigned seed) {
  char data[512];
  struct pollfd ready = {.fd = g_fd, .events = POLLIN};
  int tries = 0;
  do (void)Send(g_fd, &g_to, 100, seed);
  while (++tries < 12 && poll(&ready, 1, 500) != 1);
  const long got = recv(g_fd, data, sizeof data, MSG_DONTWAIT);
  printf("%s\n", got == 100 && IsFilled(data, 100, seed) ? "echo" : "no echo");
}

static void SayDone(const char* what, long result) {
  printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "done");
}

static int FindStranger(void) {
  for (int fd = 3; fd < 4096; ++fd)
    if (fd != g_fd && fcntl(fd, F_GETFD) >= 0) return fd;
  return -1;
}

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc != 3) return 2;
  alarm(20);
  for (int fd = 3; fd < 4096; ++fd) close(fd);
  const struct addrinfo* const found = Resolve(argv[1], argv[2], AF_INET);
  memcpy(&g_to, found->ai_addr, found->ai_addrlen);
  g_size = found->ai_addrlen;
  g_fd = Open();
  SayAnswer(1);
  const int hidden = FindStranger();
  if (hidden < 0) {
    printf("no stranger\n");
    return 0;
  }
  SayDone("close", close(hidden));
  SayDone("close by number", syscall(SYS_close, hidden));
  SayAnswer(2);
  const int copy = dup(hidden);
  SayDone("copy", copy);
  SayDone("close of the copy", close(copy));
  SayAnswer(3);
  SayDone("impossible dup2", dup2(-1, hidden));
  SayAnswer(4);
  SayDone("dup2", dup2(STDOUT_FILENO, hidden));
  SayAnswer(5);
  SayDone("close of what is in its place", close(hidden));
  SayDone("and once more", close(hidden));
  SayAnswer(6);
  return 0;
}

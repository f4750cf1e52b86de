/* SPDX-License-Identifier: BSD-2-Clause
   held HOST PORT COUNT: connects, looks COUNT other names up, and prints whether HOST still has the address
   that the connection goes to; then once more after the connection has been closed. A copy of the descriptor,
   and a child that has inherited it, count as the connection does. */
#include "victim.h"

#include <sys/wait.h>

static void LookUpOthers(int count) {
  static int number;
  for (int i = 0; i < count; ++i) {
    char name[64];
    struct addrinfo* result = NULL;
    snprintf(name, sizeof name, "other%d.test", number++);
    if (getaddrinfo(name, NULL, NULL, &result) == 0) freeaddrinfo(result);
  }
}

static void Compare(const char* when, const char* host, const struct sockaddr_in* peer) {
  struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
  struct addrinfo* result = NULL;
  if (getaddrinfo(host, NULL, &hints, &result) != 0) {
    printf("%s: unknown\n", when);
    return;
  }
  const struct sockaddr_in* found = (const struct sockaddr_in*)result->ai_addr;
  printf("%s: %s\n", when, found->sin_addr.s_addr == peer->sin_addr.s_addr ? "same" : "another");
  freeaddrinfo(result);
}

int main(int argc, char** argv) {
  (void)argc;
  const int count = atoi(argv[3]);
  struct addrinfo* to = Resolve(argv[1], argv[2], AF_INET);
  struct sockaddr_in peer;
  memcpy(&peer, to->ai_addr, sizeof peer);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, to->ai_addr, to->ai_addrlen) != 0) Fail("connect");
  LookUpOthers(count);
  Compare("connected", argv[1], &peer);
  const int copy = dup(fd);
  close(fd);
  LookUpOthers(count);
  Compare("copied", argv[1], &peer);
  fflush(stdout);
  int gate[2];
  int ready[2];
  if (pipe(gate) != 0 || pipe(ready) != 0) Fail("pipe");
  const pid_t child = fork();
  if (child == 0) {
    char byte;
    close(gate[1]);
    close(ready[0]);
    close(ready[1]);
    if (read(gate[0], &byte, 1) < 0) return 1;
    return 0;
  }
  /* A child that has not run yet holds nothing of its own. */
  char byte;
  close(ready[1]);
  if (read(ready[0], &byte, 1) != 0) Fail("read");
  close(copy);
  LookUpOthers(count);
  Compare("inherited", argv[1], &peer);
  close(gate[1]);
  waitpid(child, NULL, 0);
  LookUpOthers(count);
  Compare("gone", argv[1], &peer);
  return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause
   udp_names COUNT SUFFIX PORT: sends to n1.SUFFIX and so on from one socket, one after the other, and looks
   at the answers only then: each is to be a whole datagram that was sent. */
#include "udp.h"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const int count = atoi(argv[1]);
  int good = 0;
  int others = 0;
  signal(SIGALRM, HandleAlarm);
  alarm(20);
  g_to.ss_family = AF_INET;
  const int fd = Open();
  for (int i = 1; i <= count; ++i) {
    char name[64];
    snprintf(name, sizeof name, "n%d.%s", i, argv[2]);
    const struct addrinfo* const found = Resolve(name, argv[3], AF_INET);
    memcpy(&g_to, found->ai_addr, found->ai_addrlen);
    g_size = found->ai_addrlen;
    MustSend(fd, &g_to, 20, (unsigned)i);
  }
  SetReceiveTimeout(fd, 500);
  for (;;) {
    char data[5000];
    const long got = recv(fd, data, (good + others) % 2 == 0 ? 512 : sizeof data, 0);
    if (got < 0) break;
    int seed = 1;
    while (seed <= count && !(got == 20 && IsFilled(data, 20, (unsigned)seed))) ++seed;
    seed <= count ? ++good : ++others;
  }
  printf("%s good, %d others\n", good >= 32 ? "32 or more" : "too few", others);
  return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause
   lookups known|new COUNT: asks getaddrinfo(3) for IPv4 addresses, of one name or of a new one each time.
   Prints look-ups per second. */
#include "client.h"

static void LookUp(const char* name) {
  const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
  struct addrinfo* result = NULL;
  const int error = getaddrinfo(name, "80", &hints, &result);
  if (error != 0) {
    fprintf(stderr, "%s\n", gai_strerror(error));
    exit(1);
  }
  freeaddrinfo(result);
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int is_new = strcmp(argv[1], "new") == 0;
  const int count = atoi(argv[2]);
  char name[64] = "known.bench.test";
  LookUp(name); /* what is done once only */
  const double started = Seconds();
  for (int i = 0; i < count; ++i) {
    if (is_new) snprintf(name, sizeof name, "host%d-%d.bench.test", (int)getpid(), i);
    LookUp(name);
  }
  printf("%.1f\n", count / (Seconds() - started));
  return 0;
}

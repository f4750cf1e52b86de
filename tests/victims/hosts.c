/* SPDX-License-Identifier: BSD-2-Clause
   hosts NAME FILE: looks NAME up, as it is, with FILE in the place of /etc/hosts, and without it again. */
#include "victim.h"

#include <sched.h>
#include <sys/mount.h>

static void LookUp(const char* name) {
  const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
  struct addrinfo* result = NULL;
  const int error = getaddrinfo(name, "80", &hints, &result);
  if (error != 0) {
    printf("error %d\n", error);
    return;
  }
  char host[64];
  getnameinfo(result->ai_addr, result->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST);
  printf("%s flags %d canonical %s more %d\n", host, result->ai_flags, result->ai_canonname,
         result->ai_next != NULL);
  freeaddrinfo(result);
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
    puts("no right to mount");
    return 0;
  }
  LookUp(argv[1]);
  if (mount(argv[2], "/etc/hosts", NULL, MS_BIND, NULL) != 0) Fail("mount");
  LookUp(argv[1]);
  if (umount("/etc/hosts") != 0) Fail("umount");
  LookUp(argv[1]);
  return 0;
}

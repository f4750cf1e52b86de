/* SPDX-License-Identifier: BSD-2-Clause
   iouring: whether this process may have an io_uring, by libc's syscall(2) and by a system call of its own;
   and no_new_privs. */
#include "victim.h"

#include <linux/io_uring.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static long SetUpByItself(unsigned entries, struct io_uring_params* params) {
#ifdef __x86_64__
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(SYS_io_uring_setup), "D"((long)entries), "S"(params)
                   : "rcx", "r11", "memory");
  return result;
#else
  (void)entries, (void)params;
  return -ENOTSUP;
#endif
}

static void Say(const char* how) {
  struct io_uring_params params = {0};
  const long by_libc = syscall(SYS_io_uring_setup, 2, &params);
  printf("%s, libc: %s\n", how, by_libc >= 0 ? "a ring" : strerrorname_np(errno));
  memset(&params, 0, sizeof params);
  const long by_itself = SetUpByItself(2, &params);
  printf("%s, itself: %s\n", how, by_itself >= 0 ? "a ring" : strerrorname_np((int)-by_itself));
  fflush(stdout);
}

int main(void) {
  printf("no_new_privs %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  Say("parent");
  if (fork() == 0) {
    Say("child");
    return 0;
  }
  wait(NULL);
  return 0;
}

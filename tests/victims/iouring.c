/* SPDX-License-Identifier: BSD-2-Clause
   iouring WORD...: does one thing for each word and prints a line for it.
     fork, exec           goes on with the next word in a child, or after executing itself
     libc, raw            sets up a ring by libc's syscall(2), or by an instruction of its own
     enter, register      uses a ring that is none, by an instruction of its own
     i386, x32            asks for a ring with a bad address, by another interface of the same kernel
     privileges           prints no_new_privs */
#include "victim.h"

#include <linux/io_uring.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* The system call without libc's help: a negative errno, or the result. */
static long Raw(long number, long a, long b, long c, long d) {
#if defined(__x86_64__)
  long result = number;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall" : "+a"(result) : "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
#else
  (void)number, (void)a, (void)b, (void)c, (void)d;
  printf("no instruction known\n");
  exit(1);
#endif
}

static void Print(const char* word, long result) {
  if (result < 0) {
    printf("%s %s\n", word, strerrorname_np((int)-result));
  } else {
    printf("%s ring\n", word);
    close((int)result);
  }
  fflush(stdout);
}

#if defined(__x86_64__)
/* i386's interface, from 64-bit code. */
static long Int80(long number, long a, long b) {
  long result = number;
  __asm__ volatile("int $0x80" : "+a"(result) : "b"(a), "c"(b) : "r8", "r9", "r10", "r11", "memory");
  return (int)result;
}
#endif

static void Do(const char* word) {
  struct io_uring_params parameters = {0};
  if (strcmp(word, "libc") == 0) {
    const long result = syscall(SYS_io_uring_setup, 4L, &parameters);
    Print(word, result < 0 ? -errno : result);
  } else if (strcmp(word, "raw") == 0) {
    Print(word, Raw(SYS_io_uring_setup, 4, (long)&parameters, 0, 0));
  } else if (strcmp(word, "enter") == 0) {
    Print(word, Raw(SYS_io_uring_enter, 1 << 30, 1, 0, 0));
  } else if (strcmp(word, "register") == 0) {
    Print(word, Raw(SYS_io_uring_register, 1 << 30, 0, 0, 0));
#if defined(__x86_64__)
  } else if (strcmp(word, "i386") == 0) {
    Print(word, Int80(425, 4, 0));
  } else if (strcmp(word, "x32") == 0) {
    Print(word, Raw(0x40000000 | SYS_io_uring_setup, 4, 0, 0, 0));
#endif
  } else if (strcmp(word, "privileges") == 0) {
    printf("no_new_privs %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    fflush(stdout);
  } else {
    printf("%s not known\n", word);
    exit(1);
  }
}

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "exec") == 0) {
      argv[i] = argv[0];
      execv("/proc/self/exe", argv + i);
      Fail("execv");
    } else if (strcmp(argv[i], "fork") == 0) {
      int status = 0;
      const pid_t child = fork();
      if (child < 0) Fail("fork");
      if (child == 0) continue;
      waitpid(child, &status, 0);
      return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    } else {
      Do(argv[i]);
    }
  }
  return 0;
}

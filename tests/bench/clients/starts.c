/* SPDX-License-Identifier: BSD-2-Clause
   starts COUNT [NAME=VALUE...] PROGRAM [ARG...]: starts a program again and again, with these variables added
   to its environment, and prints the median of the microseconds from its start to its end. */
#define _GNU_SOURCE
#include "client.h"

#include <spawn.h>
#include <sys/wait.h>

extern char** environ;

int main(int argc, char** argv) {
  enum { kMost = 1000, kMostVariables = 256 };
  static double took[kMost];
  static char* variables[kMostVariables];
  const int count = argc > 2 ? atoi(argv[1]) : 0;
  int size = 0;
  if (count < 1 || count > kMost) return 2;
  for (argv += 2; *argv != NULL && strchr(*argv, '=') != NULL; ++argv) variables[size++] = *argv;
  for (char** old = environ; *old != NULL && size < kMostVariables - 1; ++old) variables[size++] = *old;
  if (*argv == NULL) return 2;
  for (int i = 0; i < count; ++i) {
    pid_t child;
    int status = 0;
    const double started = Seconds();
    if (posix_spawnp(&child, argv[0], NULL, NULL, argv, variables) != 0) Fail(argv[0]);
    if (waitpid(child, &status, 0) != child) Fail("waitpid");
    took[i] = Seconds() - started;
    if (status != 0) {
      fprintf(stderr, "%s ended with status %d\n", argv[0], WEXITSTATUS(status));
      return 1;
    }
  }
  printf("%.1f\n", Median(took, count) * 1e6);
  return 0;
}

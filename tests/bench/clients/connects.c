/* SPDX-License-Identifier: BSD-2-Clause
   connects COUNT HOST PORT [PROXY]: connects and closes, again and again, blocking. Prints connections per
   second. */
#include "client.h"

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const int count = atoi(argv[1]);
  close(OpenStream(argv[2], argv[3], argv[4])); /* what is done once only */
  const double started = Seconds();
  for (int i = 0; i < count; ++i) close(OpenStream(argv[2], argv[3], argv[4]));
  printf("%.1f\n", count / (Seconds() - started));
  return 0;
}

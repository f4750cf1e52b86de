/* SPDX-License-Identifier: BSD-2-Clause
   connects BATCHES HOST PORT [PROXY]: connects and closes, again and again, blocking, in batches of 50.
   Prints how many connections a second the median batch makes. */
#include "client.h"

enum { kBatch = 50, kMostBatches = 1000 };

int main(int argc, char** argv) {
  static double took[kMostBatches];
  const int batches = argc > 3 ? atoi(argv[1]) : 0;
  if (batches < 1 || batches > kMostBatches) return 2;
  close(OpenStream(argv[2], argv[3], argv[4])); /* what is done once only */
  for (int i = 0; i < batches; ++i) {
    const double started = Seconds();
    for (int j = 0; j < kBatch; ++j) close(OpenStream(argv[2], argv[3], argv[4]));
    took[i] = Seconds() - started;
  }
  printf("%.1f\n", kBatch / Median(took, batches));
  return 0;
}

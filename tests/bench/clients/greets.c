/* SPDX-License-Identifier: BSD-2-Clause
   greets HOST PORT [PROXY]: connects, sends a line, and ends when the line has come back. HOST may be a name.
 */
#include "client.h"

int main(int argc, char** argv) {
  static const char line[] = "first bytes\n"; /* as compare/wire.py looks for them */
  const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
  struct addrinfo* to = NULL;
  char host[NI_MAXHOST];
  char answer[sizeof line - 1];
  if (argc < 3) return 2;
  int error = getaddrinfo(argv[1], argv[2], &hints, &to);
  if (error == 0)
    error = getnameinfo(to->ai_addr, to->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST);
  if (error != 0) {
    fprintf(stderr, "%s\n", gai_strerror(error));
    return 1;
  }
  const int fd = OpenStream(host, argv[2], argv[3]);
  Exchange(fd, line, sizeof answer, (unsigned char*)answer, sizeof answer);
  return memcmp(line, answer, sizeof answer) != 0;
}

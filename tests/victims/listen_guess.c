/* SPDX-License-Identifier: BSD-2-Clause
   listen_guess ADDRESS PORT OWN_PORT: connects, as an FTP client does, then listens on the wildcard address
   and OWN_PORT (0 for any), and tells where: "here" on the wildcard address, "there" elsewhere, or the errno.
 */
#include "victim.h"

int main(int argc, char** argv) {
  (void)argc;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2]))};
  inet_pton(AF_INET, argv[1], &to.sin_addr);
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(connection, (struct sockaddr*)&to, sizeof to) != 0) Fail("connect");
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[3]))};
  if (bind(listener, (struct sockaddr*)&own, sizeof own) != 0) Fail("bind");
  if (listen(listener, 1) != 0) Fail("listen");
  socklen_t size = sizeof own;
  if (getsockname(listener, (struct sockaddr*)&own, &size) != 0) Fail("getsockname");
  puts(own.sin_addr.s_addr == htonl(INADDR_ANY) ? "here" : "there");
  return 0;
}

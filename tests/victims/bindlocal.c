/* SPDX-License-Identifier: BSD-2-Clause
   bindlocal HOST PORT: binds a second connection to the local address of the first, as FTP clients do. */
#include "victim.h"

int main(int argc, char** argv) {
  (void)argc;
  struct addrinfo* to = Resolve(argv[1], argv[2], AF_INET);
  const int control = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(control, to->ai_addr, to->ai_addrlen) != 0) Fail("connect");
  struct sockaddr_in local;
  socklen_t size = sizeof local;
  if (getsockname(control, (struct sockaddr*)&local, &size) != 0) Fail("getsockname");
  local.sin_port = 0;
  const int data = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(data, (struct sockaddr*)&local, size) != 0) Fail("bind");
  if (connect(data, to->ai_addr, to->ai_addrlen) != 0) Fail("connect");
  Echo(data, "hello");
  local.sin_addr.s_addr = htonl(0xc0000207); /* 192.0.2.7: nobody's (RFC 5737) */
  const int other = socket(AF_INET, SOCK_STREAM, 0);
  printf("foreign address: %s\n",
         bind(other, (struct sockaddr*)&local, size) == 0 ? "bound" : strerrorname_np(errno));
  return 0;
}

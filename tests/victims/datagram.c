/* SPDX-License-Identifier: BSD-2-Clause
   datagram ADDRESS PORT connect|sendto|sendmsg|sendmmsg|unspec: sends a datagram and prints its echo. */
#include "victim.h"

#include <poll.h>

int main(int argc, char** argv) {
  (void)argc;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2]))};
  inet_pton(AF_INET, argv[1], &to.sin_addr);
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct iovec part = {.iov_base = "hello", .iov_len = 5};
  struct mmsghdr message = {
      .msg_hdr = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &part, .msg_iovlen = 1}};
  if (strcmp(argv[3], "connect") == 0) {
    if (connect(fd, (struct sockaddr*)&to, sizeof to) != 0) Fail("connect");
    if (send(fd, "hello", 5, 0) != 5) Fail("send");
  } else if (strcmp(argv[3], "sendto") == 0) {
    if (sendto(fd, "hello", 5, 0, (struct sockaddr*)&to, sizeof to) != 5) Fail("sendto");
  } else if (strcmp(argv[3], "unspec") == 0) {
    to.sin_family = AF_UNSPEC; /* which UDP takes for AF_INET */
    if (sendto(fd, "hello", 5, 0, (struct sockaddr*)&to, sizeof to) != 5) Fail("unspec");
  } else if (strcmp(argv[3], "sendmsg") == 0) {
    if (sendmsg(fd, &message.msg_hdr, 0) != 5) Fail("sendmsg");
  } else {
    if (sendmmsg(fd, &message, 1, 0) != 1) Fail("sendmmsg");
  }
  struct pollfd readable = {.fd = fd, .events = POLLIN};
  char buffer[16] = "";
  if (poll(&readable, 1, 5000) != 1 || recv(fd, buffer, sizeof buffer - 1, 0) != 5) Fail("recv");
  printf("echo %s\n", buffer);
  return 0;
}

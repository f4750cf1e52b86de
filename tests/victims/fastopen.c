/* SPDX-License-Identifier: BSD-2-Clause
   fastopen HOST PORT sendto|sendmsg|sendmmsg|option: the ways to send data along with the connection
   (tcp(7)). */
#include "victim.h"

int main(int argc, char** argv) {
  (void)argc;
  struct addrinfo* to = Resolve(argv[1], argv[2], AF_INET);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct iovec parts[2] = {{.iov_base = "hel", .iov_len = 3}, {.iov_base = "lo", .iov_len = 2}};
  struct mmsghdr message = {
      .msg_hdr = {.msg_name = to->ai_addr, .msg_namelen = to->ai_addrlen, .msg_iov = parts, .msg_iovlen = 2}};
  ssize_t sent = -1;
  if (strcmp(argv[3], "sendto") == 0) {
    sent = sendto(fd, "hello", 5, MSG_FASTOPEN, to->ai_addr, to->ai_addrlen);
  } else if (strcmp(argv[3], "sendmsg") == 0) {
    sent = sendmsg(fd, &message.msg_hdr, MSG_FASTOPEN);
  } else if (strcmp(argv[3], "sendmmsg") == 0) {
    sent = sendmmsg(fd, &message, 1, MSG_FASTOPEN) == 1 ? (ssize_t)message.msg_len : -1;
  } else {
    const int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on) != 0) Fail("setsockopt");
    if (connect(fd, to->ai_addr, to->ai_addrlen) != 0) Fail("connect");
    sent = write(fd, "hello", 5);
  }
  if (sent < 0) Fail(argv[3]);
  printf("sent %zd\n", sent);
  char buffer[8] = "";
  if (recv(fd, buffer, 5, MSG_WAITALL) != 5) Fail("recv");
  printf("echo %s\n", buffer);
  printf("message as it was %d\n", message.msg_hdr.msg_name == to->ai_addr);
  return 0;
}

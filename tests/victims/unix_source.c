/* SPDX-License-Identifier: BSD-2-Clause
   unix_source: a child of vfork(2) has a UNIX socket by a number that is a UDP socket in its parent, and asks
   in three ways who has sent to it. */
#include "victim.h"

#include <sys/un.h>
#include <sys/wait.h>

static struct sockaddr_un Abstract(char letter) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memset(address.sun_path, letter, sizeof address.sun_path);
  address.sun_path[0] = '\0';
  snprintf(address.sun_path + 1, 24, "%ld", (long)getpid());
  return address;
}

int main(void) {
  static struct sockaddr_un from[3];
  static socklen_t sizes[3];
  static int udp;
  static int receiver;
  char letter[3];
  const struct sockaddr_un sender_address = Abstract('s');
  const struct sockaddr_un address = Abstract('r');
  const int sender = socket(AF_UNIX, SOCK_DGRAM, 0);
  receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
  udp = socket(AF_INET, SOCK_DGRAM, 0);
  if (bind(sender, (const struct sockaddr*)&sender_address, sizeof sender_address) != 0 ||
      bind(receiver, (const struct sockaddr*)&address, sizeof address) != 0)
    Fail("bind");
  for (int i = 0; i < 3; ++i) {
    if (sendto(sender, "x", 1, 0, (const struct sockaddr*)&address, sizeof address) != 1) Fail("sendto");
    sizes[i] = sizeof from[i];
  }
  struct iovec part = {.iov_base = letter, .iov_len = 1};
  struct msghdr message = {.msg_name = &from[1], .msg_namelen = sizes[1], .msg_iov = &part, .msg_iovlen = 1};
  struct mmsghdr messages = {
      .msg_hdr = {.msg_name = &from[2], .msg_namelen = sizes[2], .msg_iov = &part, .msg_iovlen = 1}};
  const pid_t child = vfork();
  if (child == 0) {
    dup2(receiver, udp);
    recvfrom(udp, letter, 1, 0, (struct sockaddr*)&from[0], &sizes[0]);
    recvmsg(udp, &message, 0);
    recvmmsg(udp, &messages, 1, 0, NULL);
    _exit(0);
  }
  if (child < 0 || waitpid(child, NULL, 0) != child) Fail("child");
  sizes[1] = message.msg_namelen;
  sizes[2] = messages.msg_hdr.msg_namelen;
  for (int i = 0; i < 3; ++i)
    printf("size %u, address right %d\n", sizes[i], memcmp(&from[i], &sender_address, sizeof from[i]) == 0);
  return 0;
}

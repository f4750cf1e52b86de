/* SPDX-License-Identifier: BSD-2-Clause
   udp_odd FAMILY ADDRESS PORT CASE: calls that few programs make, and what the kernel says to them. */
#include "udp.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static int IsMapped(void) {
  return g_to.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&((struct sockaddr_in6*)&g_to)->sin6_addr);
}

/* An address that no proxy is needed for, at which nobody listens. */
static struct sockaddr_storage Nearby(void) {
  struct sockaddr_storage to = g_to;
  struct sockaddr_in6* const v6 = (struct sockaddr_in6*)&to;
  ((struct sockaddr_in*)&to)->sin_port = htons(9);
  if (to.ss_family == AF_INET)
    ((struct sockaddr_in*)&to)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  else
    inet_pton(AF_INET6, IsMapped() ? "::ffff:127.0.0.1" : "::1", &v6->sin6_addr);
  return to;
}

static void SetCork(const char* what, int fd, int value) {
  Say(what, setsockopt(fd, IPPROTO_UDP, UDP_CORK, &value, sizeof value));
}

/* What is sent by one descriptor is corked by the other. */
static void CorkCopy(void) {
  char data[40];
  const int fd = OpenConnected();
  const int copy = dup(fd);
  Fill(data, sizeof data, 1);
  for (int round = 0; round < 2; ++round) {
    const int other = round == 0 ? fd : copy;
    SetCork("cork", copy, 1);
    Say("send", send(fd, data, 10, 0));
    Say("send by the copy", send(copy, data + 10, 10, 0));
    SayEmpty("not yet", fd);
    SetCork("off", other, 0);
    SayEcho("echo", fd, 1);
    MustSend(fd, NULL, 11, 2);
    SayEcho("echo", copy, 2);
    MustSend(copy, NULL, 12, 3);
    SayEcho("echo", fd, 3);
    SayEmpty("left", fd);
  }
  close(fd);
  close(copy);
}

static void MoreAndTooLong(void) {
  static char data[kMaxDatagram];
  const int fd = OpenConnected();
  Fill(data, sizeof data, 1);
  if (g_to.ss_family == AF_INET || IsMapped()) { /* IPv6 throws the first part away */
    Say("more", send(fd, data, 10, MSG_MORE));
    Say("too long", send(fd, data + 10, kMaxDatagram - 10, 0));
    Say("end", send(fd, data + 10, 10, 0));
    SayEcho("echo", fd, 1);
  }
  Say("too long", send(fd, data, kMaxDatagram, MSG_MORE));
  Say("more", send(fd, data, 10, MSG_MORE));
  Say("bad pointer", send(fd, (void*)8, 10, MSG_MORE));
  Say("after", send(fd, data, 30, 0));
  SayEcho("echo", fd, 1);
  MustSend(fd, NULL, 11, 2);
  SayEcho("echo", fd, 2);
  SayEmpty("left", fd);
  close(fd);
}

/* The first call says where the datagram goes. */
static void MoreElsewhere(void) {
  const int fd = Open();
  const struct sockaddr_storage nearby = Nearby();
  char data[20];
  Fill(data, sizeof data, 1);
  Say("more", sendto(fd, data, 10, MSG_MORE, (struct sockaddr*)&g_to, g_size));
  Say("end", sendto(fd, data + 10, 10, 0, (const struct sockaddr*)&nearby, g_size));
  SayEcho("echo", fd, 1);
  MustSend(fd, &g_other, 11, 2);
  SayEcho("echo", fd, 2);
  close(fd);
}

/* sendto(2) with an address of AF_UNSPEC: nothing to AF_INET6, AF_INET to AF_INET. Where a socket of AF_INET6
   is connected to IPv4, kernels lose the datagram. */
static void UnspecAddress(void) {
  const int is_lost = IsMapped();
  const int fd = OpenConnected();
  struct sockaddr_storage nobody = {.ss_family = AF_UNSPEC};
  char data[10];
  Fill(data, sizeof data, 1);
  if (g_to.ss_family == AF_INET) {
    nobody = g_to;
    nobody.ss_family = AF_UNSPEC;
  }
  for (int i = 0; i < 2; ++i) {
    if (!is_lost) {
      Say("sendto", sendto(fd, data, sizeof data, 0, (struct sockaddr*)&nobody, g_size));
      SayEcho("echo", fd, 1);
    }
    MustSend(fd, NULL, 11, 2);
    SayEcho("echo", fd, 2);
  }
  close(fd);
}

static void Nothing(void) {
  const int fd = OpenConnected();
  struct iovec parts[2] = {{NULL, 0}, {NULL, 0}};
  struct msghdr message = {.msg_iov = parts};
  Say("writev of no parts", writev(fd, parts, 0));
  Say("writev of an empty part", writev(fd, parts, 1));
  Say("writev of two", writev(fd, parts, 2));
  Say("pwritev2", pwritev2(fd, parts, 2, -1, 0));
  MustSend(fd, NULL, 10, 1);
  SayEcho("first", fd, 1);
  SayEmpty("left", fd);
  Say("sendmsg", sendmsg(fd, &message, 0));
  SayEcho("empty", fd, 1);
  Say("write", write(fd, "", 0));
  SayEcho("empty", fd, 1);
  SayEmpty("left", fd);
  close(fd);
}

static void NoPort(void) {
  struct sockaddr_storage to = g_to;
  const int fd = OpenConnected();
  const int free_one = Open();
  ((struct sockaddr_in*)&to)->sin_port = 0;
  for (int i = 0; i < 2; ++i) {
    Say("sendto", Send(fd, &to, 10, 1));
    Say("sendto", Send(free_one, &to, 10, 1));
    MustSend(free_one, &g_to, 11, 2);
    SayEcho("echo", free_one, 2);
  }
  close(fd);
  close(free_one);
}

/* One says that the buffer is as large as memory. */
static void WholeMemory(void) {
  static char data[kMaxDatagram];
  const int fd = OpenConnected();
  for (int i = 0; i < 2; ++i) {
    MustSend(fd, NULL, 10 + (size_t)i, 1);
    Say("recv", i == 0 ? recv(fd, data, SIZE_MAX, 0) : recvfrom(fd, data, SIZE_MAX / 2, 0, NULL, NULL));
    Print("%s", IsFilled(data, 10, 1) ? "intact" : "differs");
  }
  close(fd);
}

static void TooManyMessages(void) {
  enum { kCount = 2000 };
  static struct mmsghdr messages[kCount];
  const int fd = OpenConnected();
  const int size = 1 << 20;
  struct iovec part = {"", 1};
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  for (int i = 0; i < kCount; ++i) messages[i].msg_hdr = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
  Say("sendmmsg", sendmmsg(fd, messages, kCount, 0));
  close(fd);
}

static void BadControl(void) {
  const int fd = OpenConnected();
  struct iovec part = {"x", 1};
  struct mmsghdr message = {
      .msg_hdr = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = (void*)8, .msg_controllen = 64}};
  for (int i = 0; i < 2; ++i) {
    Say("sendmsg", sendmsg(fd, &message.msg_hdr, 0));
    Say("sendmmsg", sendmmsg(fd, &message, 1, 0));
    message.msg_hdr.msg_name = &g_to;
    message.msg_hdr.msg_namelen = g_size;
  }
  MustSend(fd, NULL, 10, 1);
  SayEcho("echo", fd, 1);
  close(fd);
}

/* What has come before stays the program's, as it was sent. */
static void Disconnected(void) {
  const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
  const struct sockaddr_storage nearby = Nearby();
  for (int round = 0; round < 3; ++round) {
    const int fd = Open();
    struct sockaddr_storage any = {.ss_family = g_to.ss_family};
    if (round == 1 && bind(fd, (struct sockaddr*)&any, g_size) != 0) Abandon("bind");
    if (Connect(fd, &g_to) != 0) Abandon("connect");
    MustSend(fd, NULL, 10, 1);
    if (!Await(fd)) return;
    Say("connect", round == 2 ? Connect(fd, &nearby) : connect(fd, &nobody, sizeof nobody));
    SayEcho("echo", fd, 1);
    SayEmpty("left", fd);
    close(fd);
  }
}

/* IPV6_V6ONLY stays as the program set it, and bars what it is to bar. */
static void V6Only(void) {
  if (g_to.ss_family != AF_INET6) {
    MustSend(Open(), &g_to, 10, 1);
    return;
  }
  for (int is_bound = 0; is_bound < 2; ++is_bound) {
    const int fd = Open();
    const int on = 1;
    int value = -1;
    socklen_t size = sizeof value;
    const struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    Say("set", setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on));
    if (is_bound) Say("bind", bind(fd, (const struct sockaddr*)&any, sizeof any));
    if (!is_bound || IsMapped()) {
      Say("sendto", Send(fd, &g_to, 10, 1));
      Say("connect", Connect(fd, &g_to));
    }
    if (!is_bound && !IsMapped()) SayEcho("echo", fd, 1);
    Say("get", getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &size));
    Print("%d", value);
    close(fd);
  }
  MustSend(Open(), &g_to, 10, 1);
}

/* Needs a path whose MTU is less than 60000. */
static void ErrorQueue(void) {
  const int fd = OpenConnected();
  const int is_v4 = g_to.ss_family == AF_INET || IsMapped();
  const int level = g_to.ss_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
  const int on = 1;
  const int discover = is_v4 ? IP_PMTUDISC_DO : IPV6_PMTUDISC_DO;
  MustSend(fd, NULL, 10, 1);
  SayEcho("echo", fd, 1);
  Say("IP_RECVERR", setsockopt(fd, level, level == IPPROTO_IP ? IP_RECVERR : IPV6_RECVERR, &on, sizeof on));
  Say("discover", setsockopt(fd, level, level == IPPROTO_IP ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &discover,
                             sizeof discover));
  Say("discover", setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof discover));
  Say("send", Send(fd, NULL, 60000, 2));
  Say("send", Send(fd, NULL, 1000, 3));
  for (int i = 0; i < 3; ++i) {
    char data[2000];
    char control[512];
    struct sockaddr_storage name = {0};
    struct iovec part = {data, sizeof data};
    struct msghdr message = {.msg_name = &name,
                             .msg_namelen = sizeof name,
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    if (Say("error queue", recvmsg(fd, &message, MSG_ERRQUEUE)) < 0) continue;
    Print("of %s flags %s", Who(&name, message.msg_namelen), FlagNames(message.msg_flags));
    for (struct cmsghdr* each = CMSG_FIRSTHDR(&message); each != NULL; each = CMSG_NXTHDR(&message, each)) {
      const unsigned char* const bytes = CMSG_DATA(each);
      int error = 0;
      memcpy(&error, bytes, sizeof error);
      Print("level %d type %d: %s origin %d type %d code %d", each->cmsg_level, each->cmsg_type,
            strerrorname_np(error), bytes[4], bytes[5], bytes[6]);
    }
  }
  SayEcho("echo", fd, 3);
  close(fd);
}

/* Who needs sendmsg(2) alone may have denied himself sendto(2). */
static void DeniedSendto(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendto, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog filter = {.len = sizeof code / sizeof *code, .filter = code};
  char data[100];
  struct iovec part = {data, sizeof data};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  const int fd = Open();
  const int connected = OpenConnected();
  Fill(data, sizeof data, 1);
  MustSend(fd, &g_to, 100, 1);
  SayEcho("echo", fd, 1);
  MustSend(connected, NULL, 100, 1);
  SayEcho("echo", connected, 1);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
    Abandon("seccomp");
  for (int i = 0; i < 6; ++i) {
    message.msg_name = i < 3 ? &g_to : NULL;
    message.msg_namelen = i < 3 ? g_size : 0;
    Say("sendmsg", sendmsg(i < 3 ? fd : connected, &message, 0));
    SayEcho("echo", i < 3 ? fd : connected, 1);
  }
  close(fd);
  close(connected);
}

enum { kSignalCalls = 8 };
static int g_signal_sockets[2]; /* not connected, and connected */
static long g_signal_results[kSignalCalls];

static void TransferInHandler(int number) {
  (void)number;
  char data[100] = "";
  struct iovec part = {data, sizeof data};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  const int fd = g_signal_sockets[0];
  const int connected = g_signal_sockets[1];
  long* const results = g_signal_results;
  results[0] = sendto(fd, data, sizeof data, 0, (struct sockaddr*)&g_to, g_size);
  results[1] = recv(fd, data, sizeof data, 0);
  results[2] = send(connected, data, sizeof data, 0);
  results[3] = recvmsg(connected, &message, 0);
  results[4] = sendmsg(connected, &message, 0);
  results[5] = recvfrom(connected, data, sizeof data, 0, NULL, NULL);
  results[6] = write(connected, data, sizeof data);
  results[7] = read(connected, data, sizeof data);
}

/* What SIGSTKSZ was for decades: 8 KiB, with 3 of them for the registers. */
static void SignalStack(void) {
  const size_t guard = 65536;
  const size_t size = getauxval(AT_MINSIGSTKSZ) + 5 * 1024UL;
  struct sigaction action = {.sa_handler = TransferInHandler, .sa_flags = SA_ONSTACK};
  char* const memory = mmap(NULL, 2 * guard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory + guard, guard, PROT_READ | PROT_WRITE) != 0) Abandon("mmap");
  /* It grows towards what is not there. */
  const stack_t stack = {.ss_sp = memory + guard, .ss_size = size};
  g_signal_sockets[0] = Open();
  g_signal_sockets[1] = OpenConnected();
  /* The dynamic linker binds what is called for the first time, which takes as much again. */
  TransferInHandler(0);
  if (sigaltstack(&stack, NULL) != 0 || sigaction(SIGUSR1, &action, NULL) != 0) Abandon("sigaltstack");
  raise(SIGUSR1);
  for (int i = 0; i < kSignalCalls; ++i) Print("call %d: %ld", i, g_signal_results[i]);
  for (int i = 0; i < 2; ++i) close(g_signal_sockets[i]);
}

/* A socket of ping(8)'s. */
static void Ping(void) {
  const int fd =
      socket(g_to.ss_family, SOCK_DGRAM, g_to.ss_family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
  const char request[12] = {g_to.ss_family == AF_INET ? 8 : (char)128, 0, 0, 0, 0, 0, 0, 1};
  if (fd < 0) {
    Print("no such socket");
    return;
  }
  Say("sendto", sendto(fd, request, sizeof request, 0, (struct sockaddr*)&g_to, g_size));
  Say("connect", Connect(fd, &g_to));
  close(fd);
}

int main(int argc, char** argv) {
  static const struct Case kCases[] = {{"cork-copy", CorkCopy, 0},
                                       {"more-too-long", MoreAndTooLong, 0},
                                       {"more-elsewhere", MoreElsewhere, 0},
                                       {"unspec-address", UnspecAddress, 0},
                                       {"nothing", Nothing, 0},
                                       {"no-port", NoPort, 0},
                                       {"whole-memory", WholeMemory, 0},
                                       {"too-many-messages", TooManyMessages, 0},
                                       {"bad-control", BadControl, 0},
                                       {"disconnected", Disconnected, 0},
                                       {"v6-only", V6Only, 0},
                                       {"error-queue", ErrorQueue, 1},
                                       {"denied-sendto", DeniedSendto, 1},
                                       {"signal-stack", SignalStack, 1},
                                       {"ping", Ping, 1},
                                       {NULL, NULL, 0}};
  return RunCases(kCases, argc, argv);
}

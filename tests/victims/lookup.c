/* SPDX-License-Identifier: BSD-2-Clause
   lookup KIND NAME: asks libc for an address, or for the name of one, in one of the many ways. */
#include "victim.h"

#include <signal.h>

static void PrintHost(const struct hostent* host) {
  if (host == NULL) {
    printf("h_errno %d\n", h_errno);
    exit(1);
  }
  char text[INET6_ADDRSTRLEN];
  inet_ntop(host->h_addrtype, host->h_addr_list[0], text, sizeof text);
  printf("%s %s aliases %d more %d\n", host->h_name, text, host->h_aliases[0] != NULL,
         host->h_addr_list[1] != NULL);
}

static void PrintAll(struct addrinfo* result) {
  for (struct addrinfo* entry = result; entry != NULL; entry = entry->ai_next) {
    char host[64], port[16];
    getnameinfo(entry->ai_addr, entry->ai_addrlen, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    printf("%s %s family %d type %d protocol %d canonical %s\n", host, port,
           entry->ai_family == AF_INET ? 4 : 6, entry->ai_socktype, entry->ai_protocol,
           entry->ai_canonname != NULL ? entry->ai_canonname : "-");
  }
  freeaddrinfo(result);
}

static void PrintInfo(const char* name, const char* service, int family, int flags) {
  struct addrinfo hints = {.ai_family = family, .ai_flags = flags};
  struct addrinfo* result = NULL;
  const int error = getaddrinfo(name, service, &hints, &result);
  if (error != 0) {
    printf("error %d\n", error);
    exit(1);
  }
  PrintAll(result);
}

static void PrintLater(const char* name, int mode) {
  struct gaicb request = {.ar_name = name, .ar_service = "80"};
  struct gaicb* list[] = {NULL, &request};
  const struct gaicb* const waited[] = {&request};
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  const int value = getaddrinfo_a(mode, list, 2, mode == GAI_NOWAIT ? &event : NULL);
  if (value != 0) {
    printf("value %d %s\n", value, strerrorname_np(errno));
    return;
  }
  const struct timespec patience = {.tv_sec = 10};
  if (mode == GAI_NOWAIT && sigtimedwait(&signals, NULL, &patience) != SIGUSR1) printf("no signal\n");
  gai_suspend(waited, 1, &patience);
  printf("answer %d\n", gai_error(&request));
  if (gai_error(&request) == 0) PrintAll(request.ar_result);
}

/* Whatever NAME is, as an address. */
static socklen_t ParseAddress(const char* text, struct sockaddr_storage* out) {
  struct sockaddr_in* v4 = (struct sockaddr_in*)out;
  struct sockaddr_in6* v6 = (struct sockaddr_in6*)out;
  memset(out, 0, sizeof *out);
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(80);
    return sizeof *v4;
  }
  inet_pton(AF_INET6, text, &v6->sin6_addr);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(80);
  return sizeof *v6;
}

int main(int argc, char** argv) {
  (void)argc;
  const char* kind = argv[1];
  const char* name = argv[2];
  struct hostent entry, *result = NULL;
  char buffer[1024];
  int error = 0;
  if (strcmp(kind, "v4") == 0) PrintInfo(name, "80", AF_INET, 0);
  if (strcmp(kind, "v6") == 0) PrintInfo(name, "80", AF_INET6, 0);
  if (strcmp(kind, "any") == 0) PrintInfo(name, "80", AF_UNSPEC, AI_ADDRCONFIG);
  if (strcmp(kind, "canonical") == 0) PrintInfo(name, "80", AF_INET, AI_CANONNAME);
  if (strcmp(kind, "numeric") == 0) PrintInfo(name, "80", AF_UNSPEC, AI_NUMERICHOST);
  if (strcmp(kind, "badservice") == 0) PrintInfo(name, "no-such-service", AF_INET, 0);
  if (strcmp(kind, "async") == 0) PrintLater(name, GAI_WAIT);
  if (strcmp(kind, "async-nowait") == 0) PrintLater(name, GAI_NOWAIT);
  if (strcmp(kind, "byname") == 0) PrintHost(gethostbyname(name));
  if (strcmp(kind, "byname2") == 0) PrintHost(gethostbyname2(name, AF_INET6));
  if (strcmp(kind, "byname_r") == 0) {
    printf("value %d\n", gethostbyname_r(name, &entry, buffer, sizeof buffer, &result, &error));
    PrintHost(result);
  }
  if (strcmp(kind, "byname2_r") == 0) {
    printf("value %d\n", gethostbyname2_r(name, AF_INET6, &entry, buffer, sizeof buffer, &result, &error));
    PrintHost(result);
  }
  if (strcmp(kind, "small_r") == 0) {
    const int value = gethostbyname_r(name, &entry, buffer, 8, &result, &error);
    printf("value %s result %d\n", strerrorname_np(value), result != NULL);
  }
  struct sockaddr_storage address;
  if (strcmp(kind, "byaddr") == 0 || strcmp(kind, "byaddr_r") == 0 || strcmp(kind, "nameinfo") == 0) {
    const socklen_t size = ParseAddress(name, &address);
    const int family = address.ss_family;
    const void* bytes = family == AF_INET ? (const void*)&((struct sockaddr_in*)&address)->sin_addr
                                          : (const void*)&((struct sockaddr_in6*)&address)->sin6_addr;
    const socklen_t bytes_size = family == AF_INET ? 4 : 16;
    if (strcmp(kind, "byaddr") == 0) PrintHost(gethostbyaddr(bytes, bytes_size, family));
    if (strcmp(kind, "byaddr_r") == 0) {
      printf("value %d\n",
             gethostbyaddr_r(bytes, bytes_size, family, &entry, buffer, sizeof buffer, &result, &error));
      h_errno = error;
      PrintHost(result);
    }
    if (strcmp(kind, "nameinfo") == 0) {
      char host[256], port[32];
      error =
          getnameinfo((struct sockaddr*)&address, size, host, sizeof host, port, sizeof port, NI_NUMERICSERV);
      printf("%d %s %s\n", error, error == 0 ? host : "-", error == 0 ? port : "-");
      error = getnameinfo((struct sockaddr*)&address, size, host, sizeof host, NULL, 0, NI_NAMEREQD);
      printf("required %d\n", error);
      error = getnameinfo((struct sockaddr*)&address, size, host, 3, NULL, 0, 0);
      printf("small %d\n", error);
    }
  }
  return 0;
}

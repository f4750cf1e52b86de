/* SPDX-License-Identifier: BSD-2-Clause
   look_up HOW NAME [A|AAAA|MX]: asks libc about NAME by the call that is named, and prints what it finds, one
   address or "MX PREFERENCE HOST" a line. What fails says so on standard error, and ends with 1. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void Fail(const char* what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static int PrintAddress(int family, const void* address) {
  char text[INET6_ADDRSTRLEN];
  return puts(inet_ntop(family, address, text, sizeof text)) >= 0;
}

/* What the answer section has; without anything in it, it is no answer. */
static void PrintAnswer(const unsigned char* message, int size) {
  if (size < 0) Fail(hstrerror(h_errno));
  ns_msg parsed;
  if (ns_initparse(message, size, &parsed) != 0) Fail("no DNS message");
  int printed = 0;
  for (int i = 0; i < ns_msg_count(parsed, ns_s_an); ++i) {
    ns_rr record;
    if (ns_parserr(&parsed, ns_s_an, i, &record) != 0) Fail("no resource record");
    const unsigned char* data = ns_rr_rdata(record);
    if (ns_rr_type(record) == ns_t_a) printed += PrintAddress(AF_INET, data);
    if (ns_rr_type(record) == ns_t_aaaa) printed += PrintAddress(AF_INET6, data);
    if (ns_rr_type(record) == ns_t_mx) {
      char host[NS_MAXDNAME];
      if (ns_name_uncompress(message, message + size, data + 2, host, sizeof host) < 0) Fail("no name");
      printed += printf("MX %u %s\n", ns_get16(data), host) > 0;
    }
  }
  if (printed == 0) Fail("an empty answer");
}

static void PrintHost(const struct hostent* host) {
  if (host == NULL) Fail("no such host");
  for (char** address = host->h_addr_list; *address != NULL; ++address) {
    PrintAddress(host->h_addrtype, *address);
  }
}

/* Calls that look a name up on the way to something else, and need not get there. */
static void LookUpAsideFrom(const char* how, const char* name) {
  char* host = strdup(name);
  int is_done = 0;
  if (strcmp(how, "rcmd_af") == 0)
    is_done = rcmd_af(&host, htons(7), "me", "you", "true", NULL, AF_INET) >= 0;
  if (strcmp(how, "rexec_af") == 0)
    is_done = rexec_af(&host, htons(7), "me", "pass", "true", NULL, AF_INET) >= 0;
  if (strcmp(how, "ruserok_af") == 0) is_done = ruserok_af(name, 0, "me", "you", AF_INET) == 0;
  if (strcmp(how, "getnetbyname") == 0) is_done = getnetbyname(name) != NULL;
  if (strcmp(how, "getnetbyaddr") == 0) is_done = getnetbyaddr(ntohl(inet_addr(name)), AF_INET) != NULL;
  if (!is_done) Fail("failed");
}

static int Ask(const char* how, const char* name, int type, unsigned char* answer, int size) {
  struct __res_state state;
  memset(&state, 0, sizeof state);
  unsigned char query[NS_PACKETSZ];
  if (strcmp(how, "res_query") == 0) return res_query(name, ns_c_in, type, answer, size);
  if (strcmp(how, "res_search") == 0) return res_search(name, ns_c_in, type, answer, size);
  if (strcmp(how, "res_querydomain") == 0) return res_querydomain(name, "", ns_c_in, type, answer, size);
  if (strcmp(how, "res_send") == 0) {
    const int length = res_mkquery(ns_o_query, name, ns_c_in, type, NULL, 0, NULL, query, sizeof query);
    return res_send(query, length, answer, size);
  }
  if (res_ninit(&state) != 0) Fail("res_ninit");
  if (strcmp(how, "res_nquery") == 0) return res_nquery(&state, name, ns_c_in, type, answer, size);
  if (strcmp(how, "res_nsearch") == 0) return res_nsearch(&state, name, ns_c_in, type, answer, size);
  if (strcmp(how, "res_nquerydomain") == 0)
    return res_nquerydomain(&state, name, "", ns_c_in, type, answer, size);
  if (strcmp(how, "res_nsend") == 0) {
    const int length =
        res_nmkquery(&state, ns_o_query, name, ns_c_in, type, NULL, 0, NULL, query, sizeof query);
    return res_nsend(&state, query, length, answer, size);
  }
  Fail("no such call");
  return -1;
}

/* Two requests at once, one for each family. */
static void LookUpAsynchronously(int mode, const char* name) {
  struct addrinfo hints[2] = {{.ai_family = AF_INET, .ai_socktype = SOCK_STREAM},
                              {.ai_family = AF_INET6, .ai_socktype = SOCK_STREAM}};
  struct gaicb requests[2] = {{.ar_name = name, .ar_request = &hints[0]},
                              {.ar_name = name, .ar_request = &hints[1]}};
  struct gaicb* list[] = {&requests[0], &requests[1]};
  const int error = getaddrinfo_a(mode, list, 2, NULL);
  if (error != 0) Fail(gai_strerror(error));
  for (int i = 0; i < 2; ++i) {
    const struct gaicb* const waiting[] = {list[i]};
    while (gai_error(list[i]) == EAI_INPROGRESS) gai_suspend(waiting, 1, NULL);
    if (gai_error(list[i]) != 0) Fail(gai_strerror(gai_error(list[i])));
    char text[NI_MAXHOST];
    const struct addrinfo* const found = list[i]->ar_result;
    getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    puts(text);
    freeaddrinfo(list[i]->ar_result);
  }
}

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) Fail("usage: look_up HOW NAME [A|AAAA|MX]");
  const char* const how = argv[1];
  const char* const name = argv[2];
  const char* const type = argc == 4 ? argv[3] : "A";
  struct hostent entry, *host = NULL;
  char buffer[1024];
  int error = 0;
  if (strcmp(how, "getaddrinfo_a GAI_WAIT") == 0) {
    LookUpAsynchronously(GAI_WAIT, name);
  } else if (strcmp(how, "getaddrinfo_a GAI_NOWAIT") == 0) {
    LookUpAsynchronously(GAI_NOWAIT, name);
  } else if (strcmp(how, "gethostbyname_r") == 0) {
    gethostbyname_r(name, &entry, buffer, sizeof buffer, &host, &error);
    PrintHost(host);
  } else if (strcmp(how, "gethostbyname2_r") == 0) {
    gethostbyname2_r(name, AF_INET6, &entry, buffer, sizeof buffer, &host, &error);
    PrintHost(host);
  } else if (strncmp(how, "res_", 4) != 0) {
    LookUpAsideFrom(how, name);
  } else {
    unsigned char answer[NS_MAXMSG];
    const int code = strcmp(type, "MX") == 0 ? ns_t_mx : strcmp(type, "AAAA") == 0 ? ns_t_aaaa : ns_t_a;
    PrintAnswer(answer, Ask(how, name, code, answer, sizeof answer));
  }
  return 0;
}

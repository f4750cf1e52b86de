/* SPDX-License-Identifier: BSD-2-Clause
   resolver NAME TYPE: asks by each of the functions of resolver(3). */
#include "victim.h"

#include <arpa/nameser.h>
#include <resolv.h>

static void Say(const char* function, int size, const unsigned char* answer) {
  ns_msg message;
  ns_rr record;
  char text[INET6_ADDRSTRLEN + 256] = "";
  printf("%s: ", function);
  if (size < 0) {
    printf("h_errno %d\n", h_errno);
  } else if (ns_initparse(answer, size, &message) != 0) {
    printf("not understood\n");
  } else if (ns_msg_count(message, ns_s_an) == 0) {
    printf("rcode %d\n", ns_msg_getflag(message, ns_f_rcode));
  } else if (ns_parserr(&message, ns_s_an, 0, &record) == 0) {
    if (ns_rr_type(record) == ns_t_a) inet_ntop(AF_INET, ns_rr_rdata(record), text, sizeof text);
    if (ns_rr_type(record) == ns_t_aaaa) inet_ntop(AF_INET6, ns_rr_rdata(record), text, sizeof text);
    if (ns_rr_type(record) == ns_t_ptr)
      ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), ns_rr_rdata(record), text, sizeof text);
    printf("%s type %d %s\n", ns_rr_name(record), ns_rr_type(record), text);
  }
}

int main(int argc, char** argv) {
  (void)argc;
  static unsigned char answer[NS_MAXMSG];
  unsigned char query[NS_PACKETSZ];
  const char* name = argv[1];
  const int type = atoi(argv[2]);
  static struct __res_state state;
  res_ninit(&state);
  const int size = res_nmkquery(&state, ns_o_query, name, ns_c_in, type, NULL, 0, NULL, query, sizeof query);
  Say("res_query", res_query(name, ns_c_in, type, answer, sizeof answer), answer);
  Say("res_search", res_search(name, ns_c_in, type, answer, sizeof answer), answer);
  Say("res_querydomain", res_querydomain(name, NULL, ns_c_in, type, answer, sizeof answer), answer);
  Say("res_send", res_send(query, size, answer, sizeof answer), answer);
  Say("res_nquery", res_nquery(&state, name, ns_c_in, type, answer, sizeof answer), answer);
  Say("res_nsearch", res_nsearch(&state, name, ns_c_in, type, answer, sizeof answer), answer);
  Say("res_nquerydomain", res_nquerydomain(&state, name, NULL, ns_c_in, type, answer, sizeof answer), answer);
  Say("res_nsend", res_nsend(&state, query, size, answer, sizeof answer), answer);
  return 0;
}

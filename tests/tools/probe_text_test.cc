// SPDX-License-Identifier: BSD-2-Clause
// Reports of probes as people and programs see them.
#include <gtest/gtest.h>

#include <cerrno>

#include "tools/probe.h"

namespace socksify {
namespace {

using State = ProbeAnswer::State;

constexpr Failure kRefused = {Fault::kDestination, ECONNREFUSED, 5, "connection refused"};
constexpr Failure kNotAccepted = {Fault::kServer, EACCES, -1, "not accepted"};
constexpr Failure kUnreachable = {Fault::kServer, EHOSTUNREACH, -1, "cannot be reached"};
constexpr Failure kStrange = {Fault::kServer, ECONNABORTED, -1, "strange"};

IpAddress Ip(const char* text) {
  return IpAddress::Parse(text).value_or(IpAddress());
}

ProbeAnswer No(const Failure& failure) {
  return {State::kNo, failure};
}

ProbeReport FullReport() {
  ProbeReport report;
  report.name = "int1";
  report.where = "a.conf:3";
  report.server = "proxy.test:1080";
  report.destination = "web.test:80";
  report.addresses = {{.address = Ip("2001:db8::1"), .connect_ms = 0, .failure = kUnreachable},
                      {.address = Ip("10.0.3.1"), .connect_ms = 0.25, .failure = {}}};
  report.socks5.state = State::kYes;
  report.none = No(kNotAccepted);
  report.username.state = State::kYes;
  report.credentials.state = State::kYes;
  report.gssapi = No(kNotAccepted);
  report.socks4 = {State::kYes, Failure{Fault::kServer, ECONNREFUSED, 91, "rejected"}};
  report.socks4a.state = State::kYes;
  report.http = No(kStrange);
  report.connect.state = State::kYes;
  report.connect_ms = 12.34;
  report.bind.state = State::kYes;
  report.listens_at = "10.0.3.1:4001";
  report.udp.state = State::kYes;
  report.relay = "10.0.3.1:4002";
  report.round_trips = 4;
  report.pipelining.state = State::kYes;
  return report;
}

TEST(ProbeTextTest, AllThatCanBeSaid) {
  EXPECT_EQ(ToText(FullReport()),
            "socks5 proxy.test:1080 (int1, a.conf:3) can be used\n"
            "  2001:db8::1   cannot be reached: No route to host\n"
            "  10.0.3.1      connects in 0.25 ms\n"
            "  socks5        yes\n"
            "    none        not accepted\n"
            "    username    accepted, and so are the user name and password\n"
            "    gssapi      not accepted\n"
            "  socks4        yes; to the request: rejected (reply 91)\n"
            "  socks4a       yes\n"
            "  http          no: strange\n"
            "  connect       granted to web.test:80 in 12.3 ms\n"
            "  bind          listens at 10.0.3.1:4001\n"
            "  udp           relays at 10.0.3.1:4002\n"
            "  round trips   4 for a connection, with that of TCP\n"
            "  pipelining    yes\n");
}

TEST(ProbeTextTest, RefusalsHaveTheirReasons) {
  ProbeReport report = FullReport();
  report.name = "";
  report.addresses.clear();
  report.credentials = No(kStrange);
  report.connect = No(kRefused);
  report.bind = No(kStrange);
  report.udp = No(kStrange);
  report.pipelining = No(kStrange);
  const std::string text = ToText(report);
  for (const char* const line : {
           "socks5 proxy.test:1080 (a.conf:3) can be used\n  socks5        yes\n",
           "\n    username    accepted, but not this user: strange\n",
           "\n  connect       no way to web.test:80: connection refused (reply 5)\n",
           "\n  bind          no: strange\n",
           "\n  udp           no: strange\n",
           "\n  pipelining    no: strange\n",
       }) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(ProbeTextTest, WhatWasNotAskedIsNotShown) {
  ProbeReport report;
  report.where = "-p";
  report.server = "10.0.3.1:1080";
  report.protocol = ProxyProtocol::kHttp;
  report.problem = "strange";
  EXPECT_EQ(ToText(report), "http 10.0.3.1:1080 (-p) cannot be used: strange\n");
}

TEST(ProbeTextTest, AWideAddressMovesTheColumn) {
  ProbeReport report;
  report.where = "-p";
  report.server = "p.test:1080";
  report.addresses = {{.address = Ip("2001:db8:1111:2222::1"), .connect_ms = 1, .failure = {}}};
  report.socks5 = No(kStrange);
  EXPECT_EQ(ToText(report),
            "socks5 p.test:1080 (-p) can be used\n"
            "  2001:db8:1111:2222::1  connects in 1.0 ms\n"
            "  socks5                 no: strange\n");
}

TEST(ProbeTextTest, TheCodeOfTheSystemIsSaidWhereTheReasonDoesNotSayIt) {
  EXPECT_EQ(Describe(kRefused), "connection refused (reply 5)");
  EXPECT_EQ(Describe(kUnreachable), "cannot be reached: No route to host");
  EXPECT_EQ(Describe(kStrange), "strange");
  EXPECT_EQ(Describe(std::nullopt), "");
  EXPECT_EQ(Describe(Failure{Fault::kServer, EHOSTUNREACH, 502, "502 Bad Gateway"}), "502 Bad Gateway");
}

TEST(ProbeTextTest, Json) {
  const std::string yes = "{\"yes\":true,\"failure\":null}";
  const std::string not_asked = "{\"yes\":null,\"failure\":null}";
  const auto no = [](const char* error, const char* code, const char* reason) {
    return std::string("{\"errno\":\"") + error + "\",\"reply_code\":" + code + ",\"reason\":\"" + reason +
           "\"}";
  };
  const std::string not_accepted = "{\"yes\":false,\"failure\":" + no("EACCES", "null", "not accepted") + "}";
  ProbeReport bad;
  bad.server = "10.0.3.1:1080";
  bad.protocol = ProxyProtocol::kSocks4a;
  bad.problem = "strange";
  EXPECT_EQ(
      ToJson(std::vector<ProbeReport>{FullReport(), bad}),
      "{\"ok\":false,\"destination\":\"web.test:80\",\"servers\":["
      "{\"server\":\"proxy.test:1080\",\"name\":\"int1\",\"where\":\"a.conf:3\",\"protocol\":\"socks5\","
      "\"usable\":true,\"problem\":null,\"addresses\":["
      "{\"address\":\"2001:db8::1\",\"connect_ms\":null,\"failure\":" +
          no("EHOSTUNREACH", "null", "cannot be reached") +
          "},"
          "{\"address\":\"10.0.3.1\",\"connect_ms\":0.25,\"failure\":null}],"
          "\"protocols\":{\"socks5\":" +
          yes + ",\"socks4\":{\"yes\":true,\"failure\":" + no("ECONNREFUSED", "91", "rejected") +
          "},\"socks4a\":" + yes + ",\"http\":{\"yes\":false,\"failure\":" +
          no("ECONNABORTED", "null", "strange") + "}},\"methods\":{\"none\":" + not_accepted +
          ",\"username\":" + yes + ",\"gssapi\":" + not_accepted + "},\"credentials\":" + yes +
          ",\"commands\":{\"connect\":{\"yes\":true,\"failure\":null,\"ms\":12.34},"
          "\"bind\":{\"yes\":true,\"failure\":null,\"address\":\"10.0.3.1:4001\"},"
          "\"udp\":{\"yes\":true,\"failure\":null,\"address\":\"10.0.3.1:4002\"}},"
          "\"round_trips\":4,\"pipelining\":" +
          yes +
          "},"
          "{\"server\":\"10.0.3.1:1080\",\"name\":null,\"where\":null,\"protocol\":\"socks4a\","
          "\"usable\":false,\"problem\":\"strange\",\"addresses\":[],"
          "\"protocols\":{\"socks5\":" +
          not_asked + ",\"socks4\":" + not_asked + ",\"socks4a\":" + not_asked + ",\"http\":" + not_asked +
          "},\"methods\":{\"none\":" + not_asked + ",\"username\":" + not_asked + ",\"gssapi\":" + not_asked +
          "},\"credentials\":" + not_asked +
          ",\"commands\":{\"connect\":{\"yes\":null,\"failure\":null,\"ms\":null},"
          "\"bind\":{\"yes\":null,\"failure\":null,\"address\":null},"
          "\"udp\":{\"yes\":null,\"failure\":null,\"address\":null}},"
          "\"round_trips\":null,\"pipelining\":" +
          not_asked + "}]}\n");
}

}  // namespace
}  // namespace socksify

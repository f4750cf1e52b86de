// SPDX-License-Identifier: BSD-2-Clause
// Probing a proxy server: reach it and negotiate, to find out what it can do. What is asked are the questions
// that a client asks, one connection for each; the answers are a value.
//
// Nothing is sent to a destination that the user did not name: without one, requests name 0.0.0.0 and port 0,
// which lead nowhere, and so do BIND and UDP ASSOCIATE always.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/failure.h"
#include "base/ip_address.h"
#include "dialer/system.h"
#include "protocol/handshake.h"
#include "routing/server.h"
#include "tools/probe_connection.h"

namespace socksify {

struct ProbeOptions {
  ProbeLimits limits;
  std::optional<Endpoint> destination;  // for CONNECT
};

// One question, and what the server answered.
struct ProbeAnswer {
  enum class State : uint8_t { kNotAsked, kNo, kYes };
  State state = State::kNotAsked;
  // Of a refusal and of what else went wrong; also of a kYes whose request was refused. Never of success.
  std::optional<Failure> failure;

  bool is_yes() const { return state == State::kYes; }
};

struct ProbedAddress {
  IpAddress address;
  double connect_ms = 0;           // the median of three connections
  std::optional<Failure> failure;  // of the first that failed
};

struct ProbeReport {
  std::string name;                                 // of the `server` block; may be empty
  std::string where;                                // "socks.conf:12", "-p"
  std::string server;                               // "10.0.3.1:1080"
  ProxyProtocol protocol = ProxyProtocol::kSocks5;  // the one that the configuration has programs speak
  std::string destination;                          // empty: none was named
  std::string problem;                              // why it cannot be used as configured; empty: it can

  std::vector<ProbedAddress> addresses;  // all else is asked at the first that can be reached

  // Whether a protocol is spoken, the configured one asked with the whole of the limits. SOCKS4 and HTTP have
  // requests alone, and the failure of one that was answered is kept.
  ProbeAnswer socks5;
  ProbeAnswer socks4;
  ProbeAnswer socks4a;
  ProbeAnswer http;

  // Of SOCKS5: whether a method is chosen when it is the only one offered, and whether the configured user
  // name and password are accepted.
  ProbeAnswer none;
  ProbeAnswer username;
  ProbeAnswer credentials;
  ProbeAnswer gssapi;

  // As programs would ask, in the configured protocol.
  ProbeAnswer connect;  // to the destination that was named
  double connect_ms = 0;
  ProbeAnswer bind;
  std::string listens_at;
  ProbeAnswer udp;
  std::string relay;

  unsigned round_trips = 0;  // until the answer to a CONNECT, that of TCP included; 0: no such answer came
  // Of SOCKS5, where a request is answered at all: whether one is that was sent together with all that
  // precedes it.
  ProbeAnswer pipelining;
};

// Blocks for as long as the limits make it. `server` is not changed; its passwords are in no answer.
ProbeReport ProbeServer(const System& system, const Server& server, const ProbeOptions& options);
// The same for many, several at a time; the reports are in the order of the servers.
std::vector<ProbeReport> ProbeServers(const System& system, const std::vector<const Server*>& servers,
                                      const ProbeOptions& options);

// Aligned text of several lines.
std::string ToText(const ProbeReport& report);
// The JSON object that socksctl(1) documents, on one line.
std::string ToJson(const std::vector<ProbeReport>& reports);

// "connection refused (reply 5)": the reason of a failure, with what it was about; empty for none.
std::string Describe(const std::optional<Failure>& failure);

}  // namespace socksify

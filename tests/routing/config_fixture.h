// SPDX-License-Identifier: BSD-2-Clause
// What the tests of good configurations share: loading one, and asking where a connection goes.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "routing/route_table.h"
#include "tests/routing/fake_machine.h"

namespace socksify {

inline Config MustLoad(FakeMachine* machine, const std::string& text) {
  auto config = machine->LoadText(text);
  EXPECT_TRUE(config.has_value()) << FakeMachine::Join(config);
  return config ? std::move(*config) : Config{};
}

// "direct", "block", "10.0.0.1:1080", "a:1080 then b:1080"; "none" without a rule.
inline std::string WayOf(const Target& target) {
  if (target.kind == Target::Kind::kDirect) return "direct";
  if (target.kind == Target::Kind::kBlock) return "block";
  std::string way;
  for (const Server* hop : target.hops) way += (way.empty() ? "" : " then ") + hop->address.ToString();
  return way;
}

struct Ask {
  Transport transport = Transport::kTcp;
  Command command = Command::kConnect;
  const char* source = nullptr;
  uint16_t source_port = 0;
  const char* process = "";
  uint32_t user = kNobody;
};

inline std::string Decide(const Config& config, const char* host, uint16_t port, const Ask& ask = {}) {
  const Endpoint destination = *Endpoint::FromHost(host, port);
  IpAddress source;
  if (ask.source != nullptr) source = *IpAddress::Parse(ask.source);
  const Rule* const rule = config.routes.Decide({destination, ask.transport, ask.command,
                                                 ask.source != nullptr ? &source : nullptr, ask.process,
                                                 ask.source_port, ask.user});
  return rule == nullptr ? "none" : WayOf(rule->group[0]);
}

inline constexpr Ask kUdp = {Transport::kUdp, Command::kUdpAssociate};
inline constexpr Ask kBindAsk = {Transport::kTcp, Command::kBind};

}  // namespace socksify

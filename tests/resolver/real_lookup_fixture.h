// SPDX-License-Identifier: BSD-2-Clause
// What the tests of real look-ups share: servers by address, and results as text.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <expected>
#include <string>
#include <vector>

#include "resolver/real_lookup.h"
#include "tests/resolver/dns_test_server.h"
#include "tests/resolver/dns_test_transport.h"

namespace socksify {

using DnsReply = DnsTestServer::Reply;

inline DnsReply Silence(const ServedQuestion& /*question*/) {
  return {.messages = {}};
}

inline DnsReply ServerFailure(const ServedQuestion& question) {
  return {.messages = {AnswerTo(question, {}, ns_r_servfail)}};
}

// 192.0.2.7 and 2001:db8::7 for every name.
inline DnsReply Sevens(const ServedQuestion& question) {
  if (question.type == ns_t_a)
    return {.messages = {AnswerTo(question, {ARecord(question.name, "192.0.2.7")})}};
  return {.messages = {AnswerTo(question, {AaaaRecord(question.name, "2001:db8::7")})}};
}

class RealLookupTest : public testing::Test {
 public:
  // For a thread that has nothing but a pointer to the test.
  void LookUpForThread() { LookUp("web.test"); }

 protected:
  ~RealLookupTest() override { EXPECT_EQ(DnsTestTransport::open_sockets(), 0); }

  // The next of the servers to ask: 192.0.2.1:53, 192.0.2.2:53, ...
  std::string AddServer() {
    options_.servers.push_back(Endpoint::FromIp(
        IpAddress::V4(0xc0000200U + static_cast<uint32_t>(options_.servers.size()) + 1), 53));
    return options_.servers.back().ToString();
  }
  void AddServer(const DnsTestServer& server) { transport_.Lead(AddServer(), server.endpoint()); }

  // "192.0.2.7 2001:db8::7", or "error: reason".
  std::string LookUp(const std::string& name, LookupFamily family = LookupFamily::kBoth) {
    return TextOf(LookUpReal(name, family, options_, transport_.Get()));
  }
  std::string LookUpName(const char* address) {
    return TextOf(LookUpRealName(*IpAddress::Parse(address), options_, transport_.Get()));
  }

  static std::string TextOf(const IpAddress& address) { return address.ToString(); }
  static std::string TextOf(const std::string& name) { return name; }
  template <typename T>
  static std::string TextOf(const std::expected<std::vector<T>, LookupFailure>& found) {
    if (!found) {
      constexpr const char* kErrors[] = {"no name", "no address", "try again", "failed"};
      return std::string(kErrors[static_cast<size_t>(found.error().error)]) + ": " + found.error().reason;
    }
    std::string text;
    for (const T& entry : *found) text += (text.empty() ? "" : " ") + TextOf(entry);
    return text;
  }

  DnsTestTransport transport_;
  RealLookupOptions options_;
};

}  // namespace socksify

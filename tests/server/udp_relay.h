// SPDX-License-Identifier: BSD-2-Clause
// UdpRelay: one UDP association (RFC 1928 sections 4 and 7): the relay's socket towards the client, the
// sockets towards real addresses, and the origins that the server plays itself. Lives as long as its control
// connection, in the server's thread alone.
//
// The first sender that has the client's IP address becomes the client; what others send is dropped. So are
// datagrams without a whole header, fragments, and those to destinations that are unknown or refused. A page
// answers every datagram with its body. A built-in origin that was asked for by name answers from
// kMadeUpAddress, because proxies resolve names and tell the address.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "base/unique_fd.h"
#include "tests/server/connection_context.h"
#include "tests/server/udp_packets.h"

namespace socksify::testserver {

constexpr const char* kMadeUpAddress = "192.0.2.77";

class UdpRelay {
 public:
  enum class Socket : uint8_t { kClient, kV4, kV6 };

  // Nothing is open yet. `record` outlives the relay, which counts in it. The sockets have `token` and the
  // two behind it in the poller.
  UdpRelay(const ConnectionContext& context, uint64_t token, RequestRecord* record);

  // Opens the relay on `local`, whose port does not count, for the client of that IP address. An errno value,
  // 0 for success.
  int Open(const IpAddress& local, const IpAddress& client_ip);
  uint16_t port() const { return port_; }

  // Takes what waits; with no `events`, answers whose time has come.
  void OnReady(Socket which, uint32_t events);
  // True once the script wants the association to end.
  bool ended() const { return ended_; }

 private:
  // An answer to the client, bent by its script and complete.
  struct Answer {
    std::string bytes;
    std::optional<std::string> junk;     // sent before it
    std::optional<std::string> foreign;  // sent before it from another socket
    size_t payload_size = 0;
    std::optional<size_t> restart;
  };

  void ReceiveFromClient(const Endpoint& from, std::string_view bytes);
  void ReceiveFromAddress(const Endpoint& from, std::string_view bytes);
  void AnswerTo(const DatagramRecord& asked, BoundAddress source, std::string_view payload,
                const UdpScript& script);
  void SendTo(const Endpoint& to, const DatagramRecord& asked, std::string_view payload);
  void SendDue();
  void Queue(Answer answer);
  void Flush();

  const ConnectionContext context_;
  const uint64_t token_;
  RequestRecord* const record_;
  UniqueFd relay_;
  UniqueFd v4_;
  UniqueFd v6_;
  UniqueFd foreign_;  // for answers that are not the relay's
  IpAddress local_;
  IpAddress client_ip_;
  uint16_t port_ = 0;
  std::optional<Endpoint> client_;
  // The real addresses that were sent to, and what the client calls them.
  std::map<std::string, DatagramRecord> peers_;
  std::multimap<Clock::time_point, Answer> waiting_;
  bool ended_ = false;
  // What one readiness brings about, sent together at its end.
  std::vector<DatagramRecord> new_records_;
  std::vector<UdpPacket> to_client_;
  std::vector<UdpPacket> foreign_to_client_;
  std::vector<UdpPacket> to_v4_;
  std::vector<UdpPacket> to_v6_;
};

}  // namespace socksify::testserver

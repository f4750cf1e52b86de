// SPDX-License-Identifier: BSD-2-Clause
// DnsChannel: one c-ares channel, its sockets from a DnsTransport, and the loop that drives it.
//
// For one look-up in one thread. c-ares touches no descriptor: where it opens a socket it gets the number of
// an entry here, behind which is what the transport opened, if anything.
#pragma once

#include <ares.h>
#include <netdb.h>

#include <array>
#include <memory>
#include <span>

#include "resolver/real_lookup.h"

namespace socksify {

struct HostentDeleter {
  void operator()(hostent* host) const { ares_free_hostent(host); }
};

// One question's answer: `host` where `status` is ARES_SUCCESS.
struct DnsAnswer {
  int type = 0;
  bool is_awaited = false;
  int status = ARES_ETIMEOUT;
  std::unique_ptr<hostent, HostentDeleter> host;
};

class DnsChannel {
 public:
  // `servers`, one to kMaxNameServers addresses, and `transport` must outlive this object.
  DnsChannel(std::span<const Endpoint> servers, const RealLookupOptions& options,
             const DnsTransport& transport);
  ~DnsChannel();
  DnsChannel(const DnsChannel&) = delete;
  DnsChannel& operator=(const DnsChannel&) = delete;

  // ARES_SUCCESS, or why there is no channel; then nothing may be asked.
  int status() const { return status_; }

  // Asks for the records of `type`: ns_t_a, ns_t_aaaa or ns_t_ptr (<arpa/nameser.h>). At most two questions
  // may be asked. The answer is there after Run().
  const DnsAnswer& Ask(const char* name, int type);

  // Returns when all questions are answered, or at the end of the time, when the status of those without an
  // answer is ARES_ETIMEOUT. The transport's poll() may be a cancellation point; in all else cancellation is
  // held off, because c-ares could not go on from there.
  void Run();

  // Whether any server could be reached.
  bool has_reached_a_server() const { return has_reached_a_server_; }

 private:
  struct Socket {
    bool is_used = false;
    DnsProtocol protocol = DnsProtocol::kTcp;
    int fd = -1;
    short events = 0;
    const Endpoint* server = nullptr;  // once connected
  };

  int MakeChannel(const RealLookupOptions& options);
  int SetServers();
  bool HasQuestions() const;
  void WaitAndProcess(long long remaining_ms);
  // The entry of `servers_` that c-ares means; null for none, which cannot be.
  const Endpoint* FindServer(const sockaddr* address, ares_socklen_t size) const;

  // What c-ares calls; `self` is the channel, numbers are indices of `sockets_`. As socket(2), connect(2),
  // close(2), recvfrom(2) and writev(2).
  static int OpenSocket(int family, int type, int protocol, void* self);
  static int ConnectSocket(int number, const sockaddr* address, ares_socklen_t size, void* self);
  static int CloseSocket(int number, void* self);
  static ares_ssize_t Receive(int number, void* data, size_t size, int flags, sockaddr* from,
                              ares_socklen_t* from_size, void* self);
  static ares_ssize_t Send(int number, const iovec* parts, int count, void* self);
  static void OnSocketState(void* self, int number, int is_read, int is_written);
  static void OnAnswer(void* answer, int status, int timeouts, unsigned char* message, int size);
  static const ares_socket_functions kSocketFunctions;

  const std::span<const Endpoint> servers_;
  const DnsTransport& transport_;
  const int try_ms_;
  const long long deadline_ms_;
  bool has_reached_a_server_ = false;
  // Why a server could not be reached (errno), or 0.
  std::array<int, kMaxNameServers> open_errors_{};
  // One for each server and protocol.
  std::array<Socket, 2 * kMaxNameServers> sockets_;
  std::array<DnsAnswer, 2> answers_;
  size_t answer_count_ = 0;
  ares_channel channel_ = nullptr;
  int status_;
};

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// DnsTestServer: a name server on loopback, TCP and UDP on the same port, that says what a test tells it to.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/endpoint.h"
#include "base/unique_fd.h"
#include "tests/resolver/dns_test_message.h"

namespace socksify {

class DnsTestServer {
 public:
  struct Reply {
    std::vector<std::string> messages;
    std::string raw = {};  // bytes after the messages, without a length (TCP)
    bool is_last = false;  // the connection is closed then
  };
  // Called in the server's thread for each question.
  using Script = std::function<Reply(const ServedQuestion& question)>;

  explicit DnsTestServer(Script script);
  ~DnsTestServer();
  DnsTestServer(const DnsTestServer&) = delete;
  DnsTestServer& operator=(const DnsTestServer&) = delete;

  Endpoint endpoint() const { return Endpoint::FromIp(IpAddress::V4(0x7f000001), port_); }

  // "tcp web.test 1": protocol, name, type; in the order of arrival.
  std::vector<std::string> questions() const;
  size_t connections() const;
  // Returns when so many questions have come.
  void AwaitQuestions(size_t count) const;

 private:
  void Serve();
  void ReadStream(int fd);
  void ReadDatagram();
  Reply AnswerOf(const ServedQuestion& question);

  const Script script_;
  uint16_t port_ = 0;
  UniqueFd stream_;
  UniqueFd datagram_;
  UniqueFd over_;
  struct Connection {
    UniqueFd fd;
    std::string received;
  };
  std::map<int, Connection> connections_;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::string> questions_;
  size_t connection_count_ = 0;
  std::thread thread_;
};

}  // namespace socksify

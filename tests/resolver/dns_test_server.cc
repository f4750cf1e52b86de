// SPDX-License-Identifier: BSD-2-Clause
#include "tests/resolver/dns_test_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <stdexcept>

namespace socksify {
namespace {

constexpr size_t kMaxMessage = 65'535;

// Bound to `port` of 127.0.0.1, or, for 0, to any free one.
UniqueFd BoundSocket(int type, uint16_t* port) {
  UniqueFd fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
  sockaddr_in address{
      .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof address;
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return {};
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  *port = ntohs(address.sin_port);
  return fd;
}

}  // namespace

DnsTestServer::DnsTestServer(Script script) : script_(std::move(script)), over_(eventfd(0, EFD_CLOEXEC)) {
  // A port that is free for TCP may be taken for UDP.
  for (int attempt = 0; attempt < 100 && !datagram_.valid(); ++attempt) {
    port_ = 0;
    stream_ = BoundSocket(SOCK_STREAM, &port_);
    datagram_ = BoundSocket(SOCK_DGRAM, &port_);
  }
  if (!datagram_.valid() || listen(stream_.get(), 16) != 0)
    throw std::runtime_error("no port for the name server");
  thread_ = std::thread([this] { Serve(); });
}

DnsTestServer::~DnsTestServer() {
  eventfd_write(over_.get(), 1);
  thread_.join();
}

std::vector<std::string> DnsTestServer::questions() const {
  const std::lock_guard lock(mutex_);
  return questions_;
}

size_t DnsTestServer::connections() const {
  const std::lock_guard lock(mutex_);
  return connection_count_;
}

void DnsTestServer::AwaitQuestions(size_t count) const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return questions_.size() >= count; });
}

void DnsTestServer::Serve() {
  while (true) {
    std::vector<pollfd> polled = {
        {over_.get(), POLLIN, 0}, {stream_.get(), POLLIN, 0}, {datagram_.get(), POLLIN, 0}};
    for (const auto& [fd, connection] : connections_) polled.push_back({fd, POLLIN, 0});
    poll(polled.data(), polled.size(), -1);
    if (polled[0].revents != 0) return;
    if (polled[2].revents != 0) ReadDatagram();
    for (size_t i = 3; i < polled.size(); ++i) {
      if (polled[i].revents != 0) ReadStream(polled[i].fd);
    }
    if (polled[1].revents != 0) {
      UniqueFd accepted(accept4(stream_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      const int fd = accepted.get();
      connections_[fd] = {std::move(accepted), {}};
      const std::lock_guard lock(mutex_);
      ++connection_count_;
    }
  }
}

DnsTestServer::Reply DnsTestServer::AnswerOf(const ServedQuestion& question) {
  Reply reply = script_(question);
  const std::lock_guard lock(mutex_);
  questions_.push_back((question.is_tcp ? "tcp " : "udp ") + question.name + ' ' +
                       std::to_string(question.type));
  changed_.notify_all();
  return reply;
}

void DnsTestServer::ReadStream(int fd) {
  Connection& connection = connections_[fd];
  std::string chunk(kMaxMessage, '\0');
  const ssize_t size = recv(fd, chunk.data(), chunk.size(), 0);
  if (size <= 0) {
    connections_.erase(fd);
    return;
  }
  std::string& received = connection.received;
  received.append(chunk, 0, static_cast<size_t>(size));
  while (received.size() >= 2) {
    const size_t length =
        static_cast<size_t>(static_cast<uint8_t>(received[0]) << 8 | static_cast<uint8_t>(received[1]));
    if (received.size() < 2 + length) return;
    const Reply reply = AnswerOf(ReadQuestion(received.substr(2, length), true));
    received.erase(0, 2 + length);
    std::string bytes;
    for (const std::string& message : reply.messages) bytes += TwoBytes(message.size()) + message;
    bytes += reply.raw;
    send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (reply.is_last) {
      connections_.erase(fd);
      return;
    }
  }
}

void DnsTestServer::ReadDatagram() {
  sockaddr_storage from{};
  socklen_t from_size = sizeof from;
  std::string message(kMaxMessage, '\0');
  const ssize_t size = recvfrom(datagram_.get(), message.data(), message.size(), 0,
                                reinterpret_cast<sockaddr*>(&from), &from_size);
  if (size <= 0) return;
  message.resize(static_cast<size_t>(size));
  for (const std::string& answer : AnswerOf(ReadQuestion(std::move(message), false)).messages) {
    sendto(datagram_.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), from_size);
  }
}

}  // namespace socksify

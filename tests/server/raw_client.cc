// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/raw_client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "base/socket_address.h"

namespace socksify::testserver {
namespace {

void AppendPort(std::string* out, uint16_t port) {
  *out += static_cast<char>(port >> 8);
  *out += static_cast<char>(port & 0xff);
}

void AppendIp(std::string* out, const IpAddress& ip) {
  for (const uint8_t byte : ip.bytes()) *out += static_cast<char>(byte);
}

void SetDeadlines(int fd) {
  const timeval deadline{.tv_sec = 10, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline);
}

}  // namespace

RawClient::RawClient(const Endpoint& server) {
  SocketAddress address{};
  const int family = server.ip().is_v4() ? AF_INET : AF_INET6;
  const socklen_t size = ToSockaddr(server.ip(), server.port(), family, &address);
  UniqueFd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return;
  SetDeadlines(fd.get());
  if (connect(fd.get(), &address.generic, size) == 0) fd_ = std::move(fd);
}

RawClient::RawClient(UniqueFd fd) : fd_(std::move(fd)) {
  if (!fd_.valid()) return;
  SetDeadlines(fd_.get());
  fcntl(fd_.get(), F_SETFL, 0);
}

bool RawClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0) return false;
    bytes.remove_prefix(count);
  }
  return true;
}

void RawClient::ShutdownWrite() {
  shutdown(fd_.get(), SHUT_WR);
}

std::string RawClient::ReadSegment(size_t size) {
  std::string bytes(size, '\0');
  const ssize_t count = recv(fd_.get(), bytes.data(), size, 0);
  error_ = count < 0 ? errno : 0;
  bytes.resize(count > 0 ? count : 0);
  return bytes;
}

std::string RawClient::Read(size_t size) {
  std::string bytes;
  while (bytes.size() < size) {
    const std::string segment = ReadSegment(size - bytes.size());
    if (segment.empty()) break;
    bytes += segment;
  }
  return bytes;
}

std::string RawClient::ReadToEnd() {
  std::string bytes;
  for (std::string segment = ReadSegment(); !segment.empty(); segment = ReadSegment()) bytes += segment;
  return bytes;
}

std::string Socks4Request(std::string_view host, uint16_t port, std::string_view user, uint8_t command) {
  const std::optional<IpAddress> ip = IpAddress::Parse(host);
  std::string request{'\x04', static_cast<char>(command)};
  AppendPort(&request, port);
  AppendIp(&request, ip.value_or(IpAddress::V4(1)));
  request.append(user);
  request += '\0';
  if (!ip) request.append(host) += '\0';
  return request;
}

std::string Socks5Request(std::string_view host, uint16_t port, uint8_t command) {
  std::string request{'\x05', static_cast<char>(command), '\0'};
  if (const std::optional<IpAddress> ip = IpAddress::Parse(host)) {
    request += ip->is_v4() ? '\x01' : '\x04';
    AppendIp(&request, *ip);
  } else {
    request += '\x03';
    request += static_cast<char>(host.size());
    request.append(host);
  }
  AppendPort(&request, port);
  return request;
}

std::string Socks5Credentials(std::string_view user, std::string_view password) {
  std::string message{'\x01', static_cast<char>(user.size())};
  message.append(user);
  message += static_cast<char>(password.size());
  message.append(password);
  return message;
}

bool Greet(RawClient* client) {
  return client->Send(kGreetingNone) && client->Read(2) == kMethodNoneChosen;
}

}  // namespace socksify::testserver

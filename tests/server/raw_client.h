// SPDX-License-Identifier: BSD-2-Clause
// RawClient: a blocking TCP client for the server's own tests, which writes and reads the very bytes.
// Everything has a deadline of ten seconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/endpoint.h"
#include "base/unique_fd.h"

namespace socksify::testserver {

class RawClient {
 public:
  // Connects; connected() says whether that went well.
  explicit RawClient(const Endpoint& server);
  // Takes a connection over, which may be none or still on its way, and makes it blocking.
  explicit RawClient(UniqueFd fd);

  bool connected() const { return fd_.valid(); }
  int fd() const { return fd_.get(); }

  bool Send(std::string_view bytes);
  void ShutdownWrite();
  // The next `size` bytes; fewer if the stream ends first.
  std::string Read(size_t size);
  // What one recv(2) gives, at most `size` bytes.
  std::string ReadSegment(size_t size = 65536);
  // Everything up to the end of the stream. error() tells a reset (ECONNRESET) from an end (0).
  std::string ReadToEnd();
  // The errno of the last read, 0 for success and for the end of the stream.
  int error() const { return error_; }

 private:
  UniqueFd fd_;
  int error_ = 0;
};

// Messages as clients send them. `host` is an IP address or a name.
// 4A for a name.
std::string Socks4Request(std::string_view host, uint16_t port, std::string_view user = "",
                          uint8_t command = 1);
std::string Socks5Request(std::string_view host, uint16_t port, uint8_t command = 1);
std::string Socks5Credentials(std::string_view user, std::string_view password);

// VER 5, one method: none.
constexpr std::string_view kGreetingNone{"\x05\x01\x00", 3};
// The answer to it.
constexpr std::string_view kMethodNoneChosen{"\x05\x00", 2};

// The greeting and its answer; false when that is not as usual.
bool Greet(RawClient* client);

}  // namespace socksify::testserver

// SPDX-License-Identifier: BSD-2-Clause
// What the SOCKS5 tests share: a client with alice's credentials, and the messages of both sides.
#pragma once

#include <string>
#include <string_view>

#include "protocol/socks5_client.h"
#include "tests/protocol/scripted_socket.h"

namespace socksify {

inline Endpoint Host(std::string_view host, uint16_t port) {
  return Endpoint::FromHost(host, port).value();
}

inline constexpr std::string_view kPassword = "open sesame";
inline constexpr Socks5Auth kAnonymous = {};
inline constexpr Socks5Auth kBoth = {
    .offer_none = true, .offer_username = true, .username = "alice", .password = kPassword};
inline constexpr Socks5Auth kAlice = {
    .offer_none = false, .offer_username = true, .username = "alice", .password = kPassword};

inline Socks5Client Started(const Socks5Auth& auth = kAnonymous,
                            const Endpoint& destination = Host("web.test", 80)) {
  Socks5Client client;
  client.Start(destination, auth);
  return client;
}

inline auto Starter(const Socks5Auth& auth) {
  return [auth] { return Started(auth); };
}

// The client's side.
inline const std::string kGreetingNone = Bytes({5, 1, 0});
inline const std::string kGreetingUsername = Bytes({5, 1, 2});
inline const std::string kGreetingBoth = Bytes({5, 2, 0, 2});
inline const std::string kCredentials = Bytes({1, 5}) + "alice" + Bytes({11}) + "open sesame";
inline const std::string kRequest = Bytes({5, 1, 0, 3, 8}) + "web.test" + Bytes({0, 80});

// The proxy's side.
inline const std::string kMethodNone = Bytes({5, 0});
inline const std::string kMethodUsername = Bytes({5, 2});
inline const std::string kAccepted = Bytes({1, 0});
inline const Endpoint kBound = Host("192.168.0.1", 0x1234);

// VER, REP, RSV, ATYP, BND.ADDR, BND.PORT
inline std::string Reply(int code) {
  return Bytes({5, code, 0, 1, 192, 168, 0, 1, 0x12, 0x34});
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// Script: how the server misbehaves, as text that the program's options and the fixture share.
//
// A script is a list of STAGE.KEY=VALUE steps separated by blanks, for example
//
//   reply.delay=100 reply.split=1 reply.trailing=hello%20world
//
// The stages are the server's messages: `method` (SOCKS5 method selection), `auth` (SOCKS5 answer to a user
// name and password, RFC 1929; HTTP's 407), `reply` (the answer to the request, SOCKS4 and HTTP too) and
// `second` (a BIND's second reply, and the answers to queries of Dante's bind extension). Keys of every
// stage:
//
//   version=N    the message's first byte
//   code=N       its second byte: the method, the status, the reply code. An announced method is followed as
//                if the server meant it; one it does not know is followed by silence. An auth or reply code
//                other than success is a refusal: nothing is dialled, and the server ends the connection.
//                Of `version` and `code` HTTP knows reply.code alone: the refusal that has this SOCKS5 code.
//   delay=MS     milliseconds before the first byte
//   split=N      at most N bytes per segment
//   gap=MS       milliseconds between two segments of a split message (1)
//   truncate=N   only the first N bytes, then the end of the connection
//   silent=1     never answers
//   trailing=T   bytes right behind the message, in the same segment unless it is split
//   junk=N       N bytes of 0xa5 instead of the message
//
// and of the connection:
//
//   method.code=none   the same as method.code=255: no acceptable method
//   reply.bound=A      the bound address: 192.0.2.1:80, [2001:db8::1]:80, relay.test:80, or :80 for an empty
//                      name. SOCKS4 can say only the first kind and sends 0.0.0.0:0 for the others.
//   second.bound=A     the address of the peer, likewise
//   close.at=N         the connection ends once the server has sent N bytes, handshake and data alike
//   close.with=fin|rst how the server ends a connection of its own accord (fin)
//
// and of the answers of a UDP association (the stage `udp`; the steps of the datagram's destination count):
//
//   udp.frag=N      their FRAG byte
//   udp.atyp=N      their ATYP byte, whatever address follows
//   udp.source=A    the source in their header, written as for reply.bound; `name`: the destination as the
//                   client said it
//   udp.truncate=N  only the first N bytes of each, the header's included
//   udp.junk=N      before each, a datagram of N bytes of 0xa5
//   udp.foreign=1   before each, one with the payload "foreign" from another port than the relay's
//   udp.drop=N      the first N datagrams of the client are lost
//   udp.delay=MS    milliseconds before each
//   udp.restart=N   the association ends, and its control connection, behind the N-th answer
//
// and of a BIND (the stage `bind`):
//
//   bind.port=N|wanted   where it listens: port N, or refused if that is taken; `wanted`: the port of the
//                        request if that is free. Without, and where the wanted port is taken, the kernel
//                        chooses.
//   bind.same-port=0|1   whether a request for a port that an earlier BIND of this server got gets it again,
//                        if it is free. Without, as bind.port has it.
//   bind.refuse-after=N  refused with reply 1 once the server has granted N BINDs
//   bind.timeout=MS      milliseconds until the second reply is code 6, with SOCKS4 91, unless a peer comes
//   bind.check=1         another peer than DST.ADDR gets the connection ended, with a second reply of code 2,
//                        with SOCKS4 91; 0.0.0.0 and :: stand for every peer
//   bind.drop=1          the connection ends when a peer connects, without a second reply
//   bind.forward=source|wanted
//                        with Dante's bind extension (bind_forwarder.h): peers are forwarded to the client's
//                        address with the port that its control connection comes from (the default), or with
//                        DST.PORT
//   bind.query=0         with it, a query about a peer ends the connection, as with Debian's Dante 1.4.2
//   bind.extension=0     255.255.255.255 is a peer like any other: no such extension
//
// and of HTTP CONNECT (the stage `http`; the steps of the request's destination count):
//
//   http.auth=basic|digest|both|none  the schemes offered where the server demands credentials (both, Basic
//                       first); none: a 407 without a challenge, unless http.headers has one
//   http.algorithm=A[,A...]  one Digest challenge each, in this order (MD5): MD5, SHA-256, MD5-sess,
//   SHA-256-sess;
//                       any other token is offered as well, but no answer to it is right
//   http.qop=Q[,Q]      the qop of these challenges, of auth and auth-int (auth); none: without, as in RFC
//   2069 http.stale=N        the first N correct Digest answers of a client are stale: each gets a new nonce
//   http.joined=1       all challenges in one header line
//   http.keep=0|1       whether the connection goes on behind a 407; without, as the request has it
//   http.chunked=1      bodies are chunked
//   http.length=0       bodies have no Content-Length, and end with the connection where http.keep is not
//   given http.body=N         bodies have N bytes http.version=V      the version in the status line (1.1)
//   http.status=N       the status of the answer to the request; one other than 2xx is a refusal
//   http.headers=T      header lines of every answer, without the last line end
//   http.continue=N     N interim responses, status 100, before every answer
//   http.lf=1           lines end in LF alone
//
// In an association's reply.bound a port of 0 stands for the relay's, and in a BIND's for the one it listens
// on, so that 0.0.0.0:0 is wrong in the address alone.
//
// Numbers are decimal or 0x... In a value %XX stands for the byte with that hexadecimal number (%20 is a
// blank).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socksify::testserver {

// One message's deviations; unset members leave the message as it is.
struct StageScript {
  std::optional<uint8_t> version = std::nullopt;
  std::optional<uint8_t> code = std::nullopt;
  uint32_t delay_ms = 0;
  size_t split = 0;  // 0: not split
  uint32_t gap_ms = 1;
  std::optional<size_t> truncate = std::nullopt;
  bool silent = false;
  std::string trailing{};  // {} for -Wmissing-field-initializers
  size_t junk = 0;
};

enum class CloseHow : uint8_t { kFin, kRst };

struct BoundAddress {
  std::string host;  // an IP address, a name, or empty for an empty name
  uint16_t port = 0;
};

// What is done to the answers of a UDP association.
struct UdpScript {
  std::optional<uint8_t> fragment = std::nullopt;
  std::optional<uint8_t> address_type = std::nullopt;
  std::optional<BoundAddress> source = std::nullopt;
  bool source_is_name = false;  // the source is said as the client said the destination
  std::optional<size_t> junk = std::nullopt;
  std::optional<size_t> truncate = std::nullopt;
  bool foreign = false;
  size_t drop = 0;
  std::optional<size_t> restart = std::nullopt;
  uint32_t delay_ms = 0;
};

// How a BIND is carried out.
struct BindScript {
  std::optional<uint16_t> port = std::nullopt;
  bool wanted_port = false;
  std::optional<bool> same_port = std::nullopt;
  std::optional<size_t> refuse_after = std::nullopt;
  std::optional<uint32_t> timeout_ms = std::nullopt;
  bool check = false;
  bool drop = false;
  bool forward_to_wanted = false;
  bool query = true;
  bool extension = true;
};

// What is done to the answers to an HTTP client.
struct HttpScript {
  bool basic = true;
  bool digest = true;
  std::vector<std::string> algorithms{"MD5"};
  std::string qop = "auth";  // as in the challenge; empty: none
  uint32_t stale = 0;
  bool joined = false;
  std::optional<bool> keep = std::nullopt;
  bool chunked = false;
  bool length = true;
  std::optional<size_t> body = std::nullopt;
  std::string version = "1.1";
  std::optional<int> status = std::nullopt;
  std::string headers{};
  uint32_t interim = 0;
  bool bare_lf = false;
};

struct Script {
  StageScript method;
  StageScript auth;
  StageScript reply;
  StageScript second;
  UdpScript udp;
  BindScript bind;
  HttpScript http;
  std::optional<BoundAddress> bound;
  std::optional<BoundAddress> second_bound;
  std::optional<size_t> close_at;
  CloseHow close_with = CloseHow::kFin;
};

// The error is one line for people: "script: reply.colour=red: unknown step".
std::expected<Script, std::string> ParseScript(std::string_view text);

// "HOST:PORT" or "[V6]:PORT" in two; nothing where there is no port.
std::optional<BoundAddress> ParseHostPort(std::string_view text);

// A decimal or 0x... number of at most `max`.
std::optional<uint64_t> ParseNumber(std::string_view text, uint64_t max);

}  // namespace socksify::testserver

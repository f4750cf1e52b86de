// SPDX-License-Identifier: BSD-2-Clause
// torsocks.conf(5), of torsocks 2. (That of torsocks 1.x is a tsocks.conf.)
//
// torsocks lets nothing but TCP through: datagrams are blocked, and so is IPv6 without EnableIPv6, loopback
// without AllowOutboundLocalhost and listening without AllowInbound. Every name goes to Tor; the stand-in
// addresses that torsocks has for .onion names alone are everybody's here. AllowInbound 0 stops sockets that
// listen on all addresses; a socket that is bound to one address of the machine is not stopped.
//
// A value that torsocks does not understand stops it; a keyword that it does not know is an error here, too.
#include <algorithm>
#include <array>
#include <utility>

#include "base/fixed_text.h"
#include "routing/address_parser.h"
#include "routing/foreign_server.h"
#include "routing/quoting.h"
#include "routing/suggestion.h"

namespace socksify {
namespace {

constexpr auto kKeywords = std::to_array<FixedText<22>>(
    {"TorAddress", "TorPort", "OnionAddrRange", "SOCKS5Username", "SOCKS5Password", "AllowInbound",
     "AllowOutboundLocalhost", "IsolatePID", "EnableIPv6"});

// A value that may be given again, the last one counts; line 0: not given.
struct Choice {
  unsigned value = 0;
  unsigned line = 0;
};

struct Credential {
  std::string text;
  unsigned line = 0;
};

class TorsocksReader {
 public:
  ForeignConfig Read(std::string_view text) {
    for (const ForeignLine& line : SplitForeignLines(text, CommentStart::kLineStart)) {
      if (!line.fields.empty()) ReadLine(line);
    }
    Write();
    return std::move(out_);
  }

 private:
  void ReadLine(const ForeignLine& line) {
    const ForeignField& keyword = line.fields[0];
    const std::string_view word = keyword.text;
    number_ = line.number;
    if (std::ranges::find(kKeywords, word) == kKeywords.end()) {
      return out_.Fail(number_, keyword.column, "expected a keyword of torsocks.conf, found " + Quoted(word),
                       DidYouMean(word, kKeywords));
    }
    const bool has_more = line.fields.size() > 2 && !line.fields[2].text.starts_with('#');
    if (line.fields.size() < 2 || has_more) {
      return out_.Fail(
          number_, keyword.column,
          "expected one value behind " + Quoted(word) + ", found " + (has_more ? "more" : "none"));
    }
    const ForeignField& value = line.fields[1];
    if (word == "TorAddress") return ReadAddress(value);
    if (word == "TorPort") return ReadPort(value);
    if (word == "OnionAddrRange") return ReadRange(value);
    if (word == "SOCKS5Username") return ReadCredential(value, "a user name", &username_);
    if (word == "SOCKS5Password") return ReadCredential(value, "a password", &password_);
    if (word == "AllowInbound") return ReadChoice(value, 1, &inbound_);
    if (word == "AllowOutboundLocalhost") return ReadChoice(value, 2, &localhost_);
    if (word == "IsolatePID") return ReadChoice(value, 1, &isolate_);
    ReadChoice(value, 1, &ipv6_);
  }

  void ReadAddress(const ForeignField& value) {
    const auto address = IpAddress::Parse(value.text);
    if (!address)
      return out_.Fail(number_, value.column, "expected an IP address, found " + Quoted(value.text));
    address_ = *address;
    address_line_ = number_;
  }

  void ReadPort(const ForeignField& value) {
    const auto port = ParsePort(value.text, 1);
    if (!port) return out_.Fail(number_, value.column, port.error().message);
    port_ = *port;
    port_line_ = number_;
  }

  void ReadRange(const ForeignField& value) {
    const auto range = ParseNetwork(value.text);
    const bool has_bits = value.text.find('/') != std::string_view::npos;
    if (!range || !range->network.is_v4() || !has_bits) {
      return out_.Fail(number_, value.column,
                       "expected a range like 127.42.42.0/24, found " + Quoted(value.text));
    }
    range_ = *range;
    range_line_ = number_;
  }

  void ReadCredential(const ForeignField& value, std::string_view what, Credential* to) {
    if (CheckCredential(value.text, what, number_, &out_)) *to = {std::string(value.text), number_};
  }

  void ReadChoice(const ForeignField& value, unsigned most, Choice* to) {
    const auto choice = ParseDecimal(value.text, most);
    if (choice) {
      *to = {*choice, number_};
      return;
    }
    out_.Fail(
        number_, value.column,
        std::string(most == 1 ? "expected 0 or 1" : "expected 0, 1 or 2") + ", found " + Quoted(value.text));
  }

  void Write() {
    out_.Add(0, "autoroute: none");
    out_.Add(0, "resolveprotocol: fake");
    WriteRange();
    WriteServer();
    WriteLoopback();
    // Not ::/0, which would be every name as well.
    if (ipv6_.value == 0) {
      for (const char* half : {"::/1", "8000::/1"}) out_.Add(ipv6_.line, RouteLine(half, "via: block"));
    }
    out_.Add(inbound_.line, RouteLine("0/0", inbound_.value == 0 ? "command: bind  via: block"
                                                                 : "command: bind  via: direct"));
    const unsigned tor_line = address_line_ != 0 ? address_line_ : port_line_;
    out_.Add(tor_line, RouteLine("0/0", "protocol: tcp  via: tor"));
    out_.Add(0, RouteLine("0/0", "protocol: udp  via: block"));
  }

  void WriteRange() {
    if (range_line_ == 0) return;
    constexpr unsigned kLeast = 8;
    constexpr unsigned kMost = 24;
    constexpr unsigned kRoomy = 20;
    if (range_.prefix_bits < kLeast || range_.prefix_bits > kMost) {
      return out_.Warn(range_line_,
                       "the range is not used: one of 8 to 24 bits can hold the stand-in addresses",
                       "remove the line, or write a range like 198.18.0.0/15");
    }
    if (range_.prefix_bits > kRoomy) {
      const unsigned room = 1U << (32 - range_.prefix_bits);
      out_.Warn(range_line_,
                "the range has room for " + std::to_string(room) +
                    " names at a time, and not only those of .onion take an address",
                "remove the line for a range of 131072, or write a larger one");
    }
    out_.Add(range_line_,
             "fakerange: " + range_.network.ToString() + "/" + std::to_string(range_.prefix_bits));
  }

  void WriteServer() {
    ForeignServer tor{
        .scheme = "socks5", .address = Endpoint::FromIp(address_, port_), .username = {}, .password = {}};
    if (username_.line != 0 && password_.line != 0) {
      tor.username = username_.text;
      tor.password = password_.text;
    } else if (const unsigned line = username_.line + password_.line) {
      out_.Warn(line, username_.line != 0
                          ? "the user name has no effect without 'SOCKS5Password', as in torsocks"
                          : "the password has no effect without 'SOCKS5Username', as in torsocks");
    }
    if (isolate_.value != 0) {
      out_.Warn(isolate_.line, "processes share circuits: 'IsolatePID' is not supported",
                "'SOCKS5Username' and 'SOCKS5Password' keep one configuration's circuits apart");
    }
    out_.Add(address_line_ != 0 ? address_line_ : port_line_, ServerBlock("tor", tor));
  }

  // Before IPv6 is blocked, so that ::1 can be allowed; torsocks makes no IPv6 socket without EnableIPv6.
  void WriteLoopback() {
    for (const char* to : {"127.0.0.0/8", "::1", ".localhost"}) {
      if (ipv6_.value == 0 && to[0] == ':') continue;
      if (localhost_.value == 1) {
        out_.Add(localhost_.line, RouteLine(to, "protocol: tcp  via: direct"));
      } else {
        out_.Add(localhost_.line, RouteLine(to, localhost_.value == 0 ? "via: block" : "via: direct"));
      }
    }
  }

  ForeignConfig out_;
  unsigned number_ = 0;  // of the line that is read
  IpAddress address_ = IpAddress::V4(0x7f000001);
  unsigned address_line_ = 0;
  uint16_t port_ = 9050;
  unsigned port_line_ = 0;
  AddressPattern range_;
  unsigned range_line_ = 0;
  Credential username_;
  Credential password_;
  Choice inbound_;
  Choice localhost_;
  Choice isolate_;
  Choice ipv6_;
};

}  // namespace

ForeignConfig TranslateTorsocks(std::string_view text, const ForeignHost& /*host*/) {
  return TorsocksReader().Read(text);
}

}  // namespace socksify

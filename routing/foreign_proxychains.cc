// SPDX-License-Identifier: BSD-2-Clause
// proxychains.conf, of proxychains 3.1 and proxychains-ng 4.
//
// Settings of which the last one counts, then `[ProxyList]` and a proxy per line. Without a chain type the
// chain is dynamic, whatever the comments in the file that comes with it say (libproxychains.c). proxychains
// has no comments behind a statement, and passes over lines that it does not know; here they are errors.
//
// Loopback is proxied like everything else unless a `localnet` says otherwise, so no route is implied. But
// proxychains leaves datagrams alone. Those to other hosts meet the routes here, and are lost where no proxy
// takes them; those within the machine stay there.
//
// `localnet` never matches a name that the proxies resolve, not even as 0.0.0.0/0.
#include <algorithm>
#include <array>
#include <utility>

#include "base/fixed_text.h"
#include "base/text.h"
#include "routing/address_parser.h"
#include "routing/foreign_proxy_list.h"
#include "routing/foreign_server.h"
#include "routing/quoting.h"
#include "routing/suggestion.h"

namespace socksify {
namespace {

constexpr auto kKeywords = std::to_array<FixedText<20>>(
    {"strict_chain", "dynamic_chain", "random_chain", "round_robin_chain", "chain_len", "quiet_mode",
     "proxy_dns", "proxy_dns_old", "proxy_dns_daemon", "remote_dns_subnet", "tcp_read_time_out",
     "tcp_connect_time_out", "localnet", "dnat", "[ProxyList]"});

// A setting that may be given again; line 0: not given.
struct Given {
  unsigned value = 0;
  unsigned line = 0;
};

class ProxychainsReader {
 public:
  ForeignConfig Read(std::string_view text) {
    for (const ForeignLine& line : SplitForeignLines(text, CommentStart::kLineStart)) {
      if (line.fields.empty()) continue;
      number_ = line.number;
      if (list_line_ != 0) {
        ReadProxy(line);
      } else {
        ReadSetting(line);
      }
    }
    if (proxies_.empty() && out_.errors.empty())
      out_.Fail(list_line_, 0, "expected a proxy below [ProxyList], found none");
    Write();
    return std::move(out_);
  }

 private:
  void ReadProxy(const ForeignLine& line) {
    if (auto proxy = ReadListedProxy(line, &out_)) proxies_.push_back(std::move(*proxy));
  }

  void ReadSetting(const ForeignLine& line) {
    const ForeignField& first = line.fields[0];
    const std::string_view word = first.text.substr(0, first.text.find('='));
    if (word == "[ProxyList]") {
      if (IsAlone(line)) list_line_ = number_;
    } else if (word.ends_with("_chain") && IsKeyword(word)) {
      if (IsAlone(line)) chain_ = first, chain_line_ = number_;
    } else if (word == "chain_len") {
      ReadChainLength(line);
    } else if (word == "quiet_mode") {
      IsAlone(line);
    } else if (word == "proxy_dns" || word == "proxy_dns_old") {
      if (IsAlone(line)) dns_line_ = number_;
    } else if (word == "proxy_dns_daemon") {
      dns_line_ = number_;
    } else if (word == "remote_dns_subnet") {
      constexpr unsigned kMost = 255;
      ReadNumber(line, kMost, &subnet_);
    } else if (word == "tcp_read_time_out") {
      ReadNumber(line, INT32_MAX, &read_timeout_);
    } else if (word == "tcp_connect_time_out") {
      ReadNumber(line, INT32_MAX, &connect_timeout_);
    } else if (word == "localnet") {
      ReadLocalNet(line);
    } else if (word == "dnat") {
      ReadDnat(line);
    } else {
      out_.Fail(number_, first.column, "expected a keyword of proxychains.conf, found " + Quoted(word),
                DidYouMean(word, kKeywords, "proxies are listed below [ProxyList]"));
    }
  }

  static bool IsKeyword(std::string_view word) {
    return std::ranges::find(kKeywords, word) != kKeywords.end();
  }

  bool IsAlone(const ForeignLine& line) {
    if (line.fields.size() == 1 && line.fields[0].text.find('=') == std::string_view::npos) return true;
    out_.Fail(number_, line.fields[0].column,
              "expected " + Quoted(line.fields[0].text) + " alone on its line, found more",
              "proxychains passes over such a line; a comment has a line of its own");
    return false;
  }

  void ReadNumber(const ForeignLine& line, unsigned most, Given* out) {
    const auto value = line.fields.size() > 1 ? ParseDecimal(line.fields[1].text, most) : std::nullopt;
    if (value) {
      *out = {*value, number_};
      return;
    }
    out_.Fail(number_, line.fields.back().column,
              "expected a number from 0 to " + std::to_string(most) + " behind " +
                  Quoted(line.fields[0].text) + ", found " +
                  (line.fields.size() > 1 ? Quoted(line.fields[1].text) : "none"));
  }

  void ReadChainLength(const ForeignLine& line) {
    const size_t equals = line.content.find('=');
    std::string_view text = equals == std::string_view::npos ? "" : Trim(line.content.substr(equals + 1));
    text = text.substr(0, text.find_first_of(" \t#"));
    const auto value = ParseDecimal(text, INT32_MAX);
    if (!value) {
      return out_.Fail(number_, line.fields[0].column,
                       "expected 'chain_len = NUMBER', found " + Quoted(line.content));
    }
    length_ = {std::max(*value, 1U), number_};
  }

  // ADDRESS[:PORT]/MASK, an IPv6 address with a port in brackets.
  void ReadLocalNet(const ForeignLine& line) {
    constexpr std::string_view kExpected = "expected 'localnet ADDRESS[:PORT]/MASK', found ";
    const std::string_view text = line.fields.size() > 1 ? line.fields[1].text : std::string_view();
    const size_t slash = text.find('/');
    if (slash == std::string_view::npos) {
      return out_.Fail(number_, line.fields.back().column,
                       std::string(kExpected) + (text.empty() ? "no network" : Quoted(text)));
    }
    std::string_view host = text.substr(0, slash);
    const size_t port_place = PortPlace(host);
    std::string port;
    if (port_place != std::string_view::npos) {
      const auto given = ParsePort(host.substr(port_place + 1), 0);
      if (!given) return out_.Fail(number_, line.fields[1].column, given.error().message);
      if (*given != 0) port = " port = " + std::to_string(*given);
      host = host.substr(0, port_place);
    }
    const auto network = ParseNetwork(std::string(host) + std::string(text.substr(slash)));
    if (!network)
      return out_.Fail(number_, line.fields[1].column, network.error().message, network.error().remedy);
    for (const std::string& part : AddressesAlone(*network))
      direct_.push_back({RouteLine(part + port, "via: direct"), number_});
  }

  // Where the ':' before a port stands, or npos.
  static size_t PortPlace(std::string_view host) {
    if (host.starts_with('[')) {
      const size_t place = host.find("]:");
      return place == std::string_view::npos ? place : place + 1;
    }
    return std::ranges::count(host, ':') == 1 ? host.find(':') : std::string_view::npos;
  }

  // dnat ADDRESS[:PORT] ADDRESS[:PORT]
  void ReadDnat(const ForeignLine& line) {
    const std::string_view text = line.fields.size() > 1 ? line.fields[1].text : std::string_view();
    const size_t colon = text.find(':');
    const auto address = IpAddress::Parse(text.substr(0, colon));
    const auto port = colon == std::string_view::npos ? std::expected<uint16_t, TextProblem>(0)
                                                      : ParsePort(text.substr(colon + 1), 0);
    constexpr size_t kFields = 3;
    if (line.fields.size() < kFields || !address || !address->is_v4() || !port) {
      return out_.Fail(number_, line.fields[0].column,
                       "expected 'dnat ADDRESS[:PORT] ADDRESS[:PORT]', found " + Quoted(line.content));
    }
    const std::string to = address->ToString() + (*port != 0 ? " port = " + std::to_string(*port) : "");
    out_.Warn(number_, "connections to " + Quoted(text) + " are blocked: a destination cannot be replaced",
              "let the program connect to the other address itself");
    blocked_.push_back({RouteLine(to, "protocol: tcp  via: block"), number_});
  }

  void Write() {
    out_.Add(0, "autoroute: none");
    WriteResolving();
    WriteTimeout(connect_timeout_, "timeout.connect: ");
    WriteTimeout(read_timeout_, "timeout.negotiate: ");
    for (size_t i = 0; i < proxies_.size(); ++i)
      out_.Add(proxies_[i].line, ServerBlock(NameOf(i), proxies_[i].server));
    // Blocked first: otherwise a `localnet` could let through what dnat was to send elsewhere.
    std::ranges::move(blocked_, std::back_inserter(out_.lines));
    out_.Add(0, RouteLine("127.0.0.0/8", "protocol: udp  via: direct"));
    out_.Add(0, RouteLine("::1", "protocol: udp  via: direct"));
    std::ranges::move(direct_, std::back_inserter(out_.lines));
    WriteChain();
  }

  static std::string NameOf(size_t proxy) { return "proxy" + std::to_string(proxy + 1); }

  void WriteResolving() {
    out_.Add(dns_line_, dns_line_ != 0 ? "resolveprotocol: fake" : "resolveprotocol: local");
    if (subnet_.line == 0) return;
    if (subnet_.value == 0) {
      return out_.Warn(subnet_.line,
                       "'remote_dns_subnet 0' has no effect: 0.0.0.0/8 is no range to connect to");
    }
    out_.Add(subnet_.line, "fakerange: " + std::to_string(subnet_.value) + ".0.0.0/8");
  }

  // Whole seconds, at least one: 0 means no limit in our language.
  void WriteTimeout(const Given& milliseconds, std::string_view keyword) {
    if (milliseconds.line == 0) return;
    constexpr unsigned kMsPerSecond = 1000;
    constexpr unsigned kMostSeconds = 86'400;
    const unsigned seconds = milliseconds.value / kMsPerSecond + (milliseconds.value % kMsPerSecond != 0);
    out_.Add(milliseconds.line, std::string(keyword) + std::to_string(std::clamp(seconds, 1U, kMostSeconds)));
  }

  void WriteChain() {
    if (proxies_.empty()) return;
    std::string via = "via: proxy1";
    for (size_t i = 1; i < proxies_.size(); ++i) via += " then " + NameOf(i);
    out_.Add(chain_line_ != 0 ? chain_line_ : list_line_, RouteLine("0/0", via + ChainOptions()));
  }

  // A single proxy is no chain, and chain_len counts for two types alone.
  std::string ChainOptions() {
    const bool chooses = chain_.text == "random_chain" || chain_.text == "round_robin_chain";
    if (length_.line != 0 && !chooses)
      out_.Warn(length_.line, "'chain_len' has no effect without 'random_chain' or 'round_robin_chain'");
    if (chain_.text == "strict_chain" || proxies_.size() == 1) return {};
    constexpr size_t kMostChosen = Target::kMaxChosenHops;
    if (proxies_.size() > kMostChosen) {
      out_.Fail(proxies_[kMostChosen].line, 0,
                "expected at most " + std::to_string(kMostChosen) +
                    " proxies for a chain that is not strict, found " + std::to_string(proxies_.size()));
    }
    if (!chooses) return "  chain: dynamic";
    const auto count = static_cast<unsigned>(proxies_.size());
    if (length_.value > count) {
      out_.Warn(length_.line, "a chain has " + std::to_string(count) + " proxies: there are no more",
                "proxychains makes no connection with such a chain_len");
    }
    const unsigned length = length_.line == 0 ? 1 : std::min(length_.value, count);
    return std::string(chain_.text == "random_chain" ? "  chain: random" : "  chain: roundrobin") +
           "  chain.length: " + std::to_string(length);
  }

  ForeignConfig out_;
  unsigned number_ = 0;  // of the line that is read
  ForeignField chain_;
  unsigned chain_line_ = 0;
  Given length_;
  unsigned dns_line_ = 0;
  Given subnet_;
  Given read_timeout_;
  Given connect_timeout_;
  std::vector<ForeignConfig::Line> blocked_;
  std::vector<ForeignConfig::Line> direct_;
  unsigned list_line_ = 0;
  std::vector<ListedProxy> proxies_;
};

}  // namespace

ForeignConfig TranslateProxychains(std::string_view text, const ForeignHost& /*host*/) {
  return ProxychainsReader().Read(text);
}

}  // namespace socksify

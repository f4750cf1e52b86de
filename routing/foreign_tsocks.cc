// SPDX-License-Identifier: BSD-2-Clause
// tsocks.conf(5), of tsocks 1.8 and of torsocks 1.x, which has `tordns_` keywords.
//
// tsocks looks for a destination in the local networks first (127.0.0.0/8 is always one), then in the paths,
// the last one of the file first, and then takes the default server. It prints what it does not understand
// and goes on without it; here that is an error.
//
// tsocks looks up every name by the system and decides by the address. So does the translation where that
// can make a difference: where an address other than 0.0.0.0/0 has a rule, or where a server is SOCKS 4,
// which takes addresses only. Otherwise names go to the proxy as names, and no look-up shows them to others.
//
// `fallback = yes` is for a file without a default server alone (tsocks.conf(5)): its name promises more.
// What goes past tsocks, IPv6 and datagrams, meets the routes here and goes direct by a local network only.
#include <array>
#include <utility>

#include "base/fixed_text.h"
#include "base/text.h"
#include "routing/address_parser.h"
#include "routing/foreign_server.h"
#include "routing/quoting.h"
#include "routing/suggestion.h"

namespace socksify {
namespace {

constexpr auto kKeywords = std::to_array<FixedText<21>>(
    {"server", "server_port", "server_type", "default_user", "default_pass", "local", "reaches", "fallback",
     "tordns_enable", "tordns_deadpool_range", "tordns_cache_size", "path"});

struct Reach {
  unsigned line = 0;
  AddressPattern network;
  std::string port;  // " port = 80", " port 80-90"; empty: all
};

// The default server, or that of a path.
struct Section {
  unsigned line = 0;  // where the path begins; 0: the default server
  ForeignField server;
  unsigned server_line = 0;
  std::optional<uint16_t> port;
  unsigned type = 0;  // 4 or 5; 0: not given
  std::string user;
  unsigned user_line = 0;
  std::string password;
  unsigned password_line = 0;
  std::vector<Reach> reaches;
};

class TsocksReader {
 public:
  ForeignConfig Read(std::string_view text) {
    for (const ForeignLine& line : SplitForeignLines(text, CommentStart::kWordStart)) {
      if (!line.fields.empty()) ReadLine(line);
    }
    if (section_->line != 0) out_.Fail(section_->line, 0, "expected '}' at the end of this path, found none");
    Write();
    return std::move(out_);
  }

 private:
  void ReadLine(const ForeignLine& line) {
    const ForeignField& first = line.fields[0];
    number_ = line.number;
    if (first.text == "path" || first.text == "path{") return OpenPath(line);
    if (first.text == "}") return ClosePath(line);
    constexpr size_t kPair = 3;
    if (line.fields.size() == kPair && line.fields[1].text == "=") return ReadPair(first, line.fields[2]);
    const std::string_view word = first.text.substr(0, first.text.find('='));
    out_.Fail(number_, first.column, "expected KEYWORD = VALUE, found something else",
              word.size() < first.text.size() || line.content.find('=') != std::string_view::npos
                  ? "write a blank on both sides of the '=', and one word behind it"
                  : DidYouMean(word, kKeywords));
  }

  void OpenPath(const ForeignLine& line) {
    if (line.content != "path {" && (line.fields.size() != 2 || line.fields[1].text != "{")) {
      return out_.Fail(number_, line.fields[0].column, "expected 'path {' on a line of its own");
    }
    if (section_->line != 0) {
      return out_.Fail(number_, line.fields[0].column,
                       "expected '}' before the next path, found none: the last one begins in line " +
                           std::to_string(section_->line));
    }
    section_ = &paths_.emplace_back();
    section_->line = number_;
  }

  void ClosePath(const ForeignLine& line) {
    if (section_->line == 0 || line.fields.size() != 1) {
      return out_.Fail(number_, line.fields[0].column,
                       section_->line == 0 ? "expected '}' at the end of a path, found no path"
                                           : "expected '}' on a line of its own");
    }
    section_ = &default_;
  }

  void ReadPair(const ForeignField& keyword, const ForeignField& value) {
    const std::string_view word = keyword.text;
    if (word == "server") return ReadServer(keyword, value);
    if (word == "server_port") return ReadPort(keyword, value);
    if (word == "server_type") return ReadType(keyword, value);
    if (word == "default_user")
      return ReadCredential(keyword, value, "a user name", &section_->user, &section_->user_line);
    if (word == "default_pass")
      return ReadCredential(keyword, value, "a password", &section_->password, &section_->password_line);
    if (word == "reaches") return ReadReaches(keyword, value);
    if (section_->line != 0 && IsKeyword(word)) {
      return out_.Fail(number_, keyword.column,
                       "expected " + Quoted(word) + " outside of a path; this one begins in line " +
                           std::to_string(section_->line));
    }
    if (word == "local") return ReadLocal(value);
    if (word == "fallback") return ReadSwitch(keyword, value, &fallback_, &fallback_line_);
    if (word == "tordns_enable") return ReadSwitch(keyword, value, &tordns_, &tordns_line_);
    if (word == "tordns_deadpool_range") return ReadDeadPool(keyword, value);
    if (word == "tordns_cache_size")
      return out_.Warn(number_, "'tordns_cache_size' has no effect: there is room for every name");
    out_.Fail(number_, keyword.column, "expected a keyword of tsocks.conf, found " + Quoted(word),
              DidYouMean(word, kKeywords));
  }

  static bool IsKeyword(std::string_view word) {
    for (const std::string_view known : kKeywords) {
      if (word == known) return true;
    }
    return false;
  }

  // What stands once in a path, and once outside of paths. True when this is the first.
  bool IsFirst(const ForeignField& keyword, bool is_given) {
    if (!is_given) return true;
    out_.Fail(number_, keyword.column,
              "expected " + Quoted(keyword.text) + " once" +
                  (section_->line == 0 ? " outside of paths" : " in this path") + ", found it again");
    return false;
  }

  void ReadServer(const ForeignField& keyword, const ForeignField& value) {
    if (!IsFirst(keyword, section_->server_line != 0)) return;
    section_->server = value;
    section_->server_line = number_;
  }

  void ReadPort(const ForeignField& keyword, const ForeignField& value) {
    if (!IsFirst(keyword, section_->port.has_value())) return;
    const auto port = ParsePort(value.text, 1);
    if (!port) return out_.Fail(number_, value.column, port.error().message, port.error().remedy);
    section_->port = *port;
  }

  void ReadType(const ForeignField& keyword, const ForeignField& value) {
    if (!IsFirst(keyword, section_->type != 0)) return;
    if (value.text != "4" && value.text != "5")
      return out_.Fail(number_, value.column,
                       "expected a server type of 4 or 5, found " + Quoted(value.text));
    section_->type = value.text == "4" ? 4 : 5;
  }

  void ReadCredential(const ForeignField& keyword, const ForeignField& value, std::string_view what,
                      std::string* to, unsigned* line) {
    if (!IsFirst(keyword, *line != 0) || !CheckCredential(value.text, what, number_, &out_)) return;
    *to = value.text;
    *line = number_;
  }

  void ReadSwitch(const ForeignField& keyword, const ForeignField& value, bool* to, unsigned* line) {
    if (!IsFirst(keyword, *line != 0)) return;
    *line = number_;
    const std::string_view word = value.text;
    *to = EqualsIgnoreCase(word, "yes") || EqualsIgnoreCase(word, "true") || word == "1";
    if (*to || EqualsIgnoreCase(word, "no") || EqualsIgnoreCase(word, "false") || word == "0") return;
    out_.Fail(number_, value.column, "expected yes or no, found " + Quoted(word));
  }

  // IP[:PORT[-PORT]]/MASK
  std::optional<Reach> ReadNetwork(const ForeignField& value) {
    const size_t slash = value.text.find('/');
    const size_t colon = value.text.find(':');
    Reach reach{.line = number_, .network = {}, .port = {}};
    std::string network(value.text);
    if (slash == std::string_view::npos) {
      out_.Fail(number_, value.column,
                "expected a network like 10.0.0.0/255.0.0.0, found " + Quoted(value.text));
      return std::nullopt;
    }
    if (colon < slash) {
      network.erase(colon, slash - colon);
      if (!ReadPorts(value, value.text.substr(colon + 1, slash - colon - 1), &reach.port))
        return std::nullopt;
    }
    const auto pattern = ParseNetwork(network);
    if (!pattern || !pattern->network.is_v4()) {
      out_.Fail(number_, value.column,
                pattern ? "expected an IPv4 network, found " + Quoted(value.text) : pattern.error().message,
                pattern ? std::string() : pattern.error().remedy);
      return std::nullopt;
    }
    const uint32_t host_bits = pattern->prefix_bits == 32 ? 0 : UINT32_MAX >> pattern->prefix_bits;
    if ((pattern->network.v4_value() & host_bits) != 0) {
      out_.Fail(number_, value.column,
                "expected an address without bits outside of its mask, found " + Quoted(value.text),
                "the network is " + IpAddress::V4(pattern->network.v4_value() & ~host_bits).ToString() + "/" +
                    std::to_string(pattern->prefix_bits));
      return std::nullopt;
    }
    reach.network = *pattern;
    return reach;
  }

  bool ReadPorts(const ForeignField& value, std::string_view text, std::string* out) {
    const size_t dash = text.find('-');
    const auto first = ParsePort(text.substr(0, dash), 1);
    const auto last = dash == std::string_view::npos ? first : ParsePort(text.substr(dash + 1), 1);
    if (!first || !last) {
      out_.Fail(number_, value.column, (first ? last : first).error().message);
      return false;
    }
    if (*last < *first) {
      out_.Fail(number_, value.column, "expected a range of ports from low to high, found " + Quoted(text));
      return false;
    }
    *out = *first == *last ? " port = " + std::to_string(*first)
                           : " port " + std::to_string(*first) + "-" + std::to_string(*last);
    return true;
  }

  void ReadReaches(const ForeignField& keyword, const ForeignField& value) {
    if (section_->line == 0)
      return out_.Fail(number_, keyword.column, "expected 'reaches' in a path, found it outside");
    if (const auto reach = ReadNetwork(value)) section_->reaches.push_back(*reach);
  }

  void ReadLocal(const ForeignField& value) {
    const auto local = ReadNetwork(value);
    if (!local) return;
    if (!local->port.empty()) {
      return out_.Fail(number_, value.column,
                       "expected a local network without ports, found " + Quoted(value.text));
    }
    locals_.push_back(*local);
  }

  void ReadDeadPool(const ForeignField& keyword, const ForeignField& value) {
    if (!IsFirst(keyword, pool_line_ != 0)) return;
    const auto pool = ReadNetwork(value);
    if (!pool) return;
    pool_line_ = number_;
    pool_ = pool->network;
  }

  // Above.
  bool DecidesByAddress() const {
    if (!locals_.empty() || default_.server_line == 0) return true;
    if (default_.type != 5) return true;
    for (const Section& path : paths_) {
      if (path.type != 5) return true;
      for (const Reach& reach : path.reaches) {
        if (reach.network.prefix_bits != 0) return true;
      }
    }
    return false;
  }

  void Write() {
    const bool is_local = tordns_line_ != 0 ? !tordns_ : DecidesByAddress();
    out_.Add(tordns_line_, is_local ? "resolveprotocol: local" : "resolveprotocol: fake");
    WritePool();
    for (size_t i = 0; i < paths_.size(); ++i) WriteServer(paths_[i], NameOf(i));
    if (default_.server_line != 0) WriteServer(default_, "default");
    for (const Reach& local : locals_) {
      for (const std::string& network : AddressesAlone(local.network))
        out_.Add(local.line, RouteLine(network, "via: direct"));
    }
    for (size_t i = paths_.size(); i-- > 0;) {
      for (const Reach& reach : paths_[i].reaches) {
        const std::string to =
            reach.network.network.ToString() + "/" + std::to_string(reach.network.prefix_bits) + reach.port;
        out_.Add(reach.line, RouteLine(to, "via: " + NameOf(i)));
      }
    }
    WriteLastRoute();
  }

  static std::string NameOf(size_t path) { return "path" + std::to_string(path + 1); }

  void WritePool() {
    if (pool_line_ == 0) return;
    constexpr unsigned kLeast = 8;
    constexpr unsigned kMost = 24;
    if (pool_.prefix_bits < kLeast || pool_.prefix_bits > kMost) {
      return out_.Warn(pool_line_,
                       "the range is not used: one of 8 to 24 bits can hold the stand-in addresses",
                       "remove the line, or write a range like 198.18.0.0/255.254.0.0");
    }
    out_.Add(pool_line_, "fakerange: " + pool_.network.ToString() + "/" + std::to_string(pool_.prefix_bits));
  }

  void WriteServer(const Section& section, const std::string& name) {
    if (section.server_line == 0)
      return out_.Fail(section.line, 0, "expected 'server = ADDRESS' in this path, found none");
    if (section.line != 0 && section.reaches.empty())
      out_.Warn(section.line, "nothing goes this path: it has no 'reaches'");
    std::optional<Endpoint> address = ReadServerHost(section.server, section.server_line, &out_);
    if (!address) return;
    constexpr uint16_t kDefaultPort = 1080;
    address->set_port(section.port.value_or(kDefaultPort));
    ForeignServer server{.scheme = section.type == 5 ? "socks5" : "socks4",
                         .address = *address,
                         .username = {},
                         .password = {}};
    if (section.type == 5) {
      server.username = section.user;
      if (section.password_line != 0) server.password = section.password;
      if (section.password_line != 0 && section.user_line == 0) {
        out_.Warn(section.password_line,
                  "the password has no effect without 'default_user': the login name is not used");
      }
    } else if (const unsigned line = section.user_line != 0 ? section.user_line : section.password_line) {
      out_.Warn(line, "user name and password have no effect with a SOCKS 4 server, as in tsocks",
                "if the server speaks SOCKS 5, write 'server_type = 5': without it the type is 4");
    }
    out_.Add(section.server_line, ServerBlock(name, server));
  }

  void WriteLastRoute() {
    if (default_.server_line != 0) {
      if (fallback_)
        out_.Warn(fallback_line_, "'fallback' has no effect beside a default server, as in tsocks");
      return out_.Add(default_.server_line, RouteLine("0/0", "via: default"));
    }
    if (fallback_) {
      out_.Warn(fallback_line_, "everything that no path reaches goes direct",
                "'fallback = no' blocks it; 'server' sends it to a proxy");
      return out_.Add(fallback_line_, RouteLine("0/0", "via: direct"));
    }
    out_.Warn(0, "everything that no path reaches is blocked: there is no default server");
    out_.Add(0, RouteLine("0/0", "via: block"));
  }

  ForeignConfig out_;
  unsigned number_ = 0;  // of the line that is read
  Section default_;
  std::vector<Section> paths_;
  Section* section_ = &default_;
  std::vector<Reach> locals_;
  AddressPattern pool_;
  unsigned pool_line_ = 0;
  bool fallback_ = false;
  unsigned fallback_line_ = 0;
  bool tordns_ = false;
  unsigned tordns_line_ = 0;
};

}  // namespace

ForeignConfig TranslateTsocks(std::string_view text, const ForeignHost& /*host*/) {
  return TsocksReader().Read(text);
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// Recognising a format: every line casts a vote for the formats in whose language its first words mean
// something. A single statement of our own language outvotes all, so that a mistake in a file of ours is
// reported in the terms of our language.
#include "routing/foreign_config.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/fixed_text.h"
#include "base/text.h"
#include "routing/config.h"
#include "routing/environment.h"
#include "routing/foreign_lines.h"
#include "routing/suggestion.h"

namespace socksify {
namespace {

// By their ConfigFormat.
constexpr auto kFormatNames = std::to_array<FixedText<11>>(
    {"socksify", "socks4.2", "nec", "hummingbird", "tsocks", "proxychains", "torsocks"});

constexpr unsigned kCertain = 100;  // a vote of what no other format has

struct Keyword {
  FixedText<22> word;  // in lower case
  ConfigFormat format;
  unsigned vote;
};

// First words that stand for themselves.
constexpr auto kKeywords = std::to_array<Keyword>({
    {"deny", ConfigFormat::kSocks42, 1},
    {"sockd", ConfigFormat::kSocks42, 2},
    {"noproxy", ConfigFormat::kNec, 2},
    {"sockd4", ConfigFormat::kHummingbird, 3},
    {"sockd5", ConfigFormat::kHummingbird, 3},
    {"balance", ConfigFormat::kHummingbird, 1},
    {"proxy_name", ConfigFormat::kHummingbird, 3},
    {"bind-module", ConfigFormat::kHummingbird, 3},
    {"exclude-module", ConfigFormat::kHummingbird, 3},
    {"[proxylist]", ConfigFormat::kProxychains, kCertain},
    {"strict_chain", ConfigFormat::kProxychains, 3},
    {"dynamic_chain", ConfigFormat::kProxychains, 3},
    {"random_chain", ConfigFormat::kProxychains, 3},
    {"round_robin_chain", ConfigFormat::kProxychains, 3},
    {"chain_len", ConfigFormat::kProxychains, 3},
    {"quiet_mode", ConfigFormat::kProxychains, 3},
    {"proxy_dns", ConfigFormat::kProxychains, 3},
    {"proxy_dns_old", ConfigFormat::kProxychains, 3},
    {"proxy_dns_daemon", ConfigFormat::kProxychains, 3},
    {"remote_dns_subnet", ConfigFormat::kProxychains, 3},
    {"tcp_read_time_out", ConfigFormat::kProxychains, 3},
    {"tcp_connect_time_out", ConfigFormat::kProxychains, 3},
    {"localnet", ConfigFormat::kProxychains, 1},
    {"dnat", ConfigFormat::kProxychains, 1},
    {"toraddress", ConfigFormat::kTorsocks, 3},
    {"torport", ConfigFormat::kTorsocks, 3},
    {"onionaddrrange", ConfigFormat::kTorsocks, 3},
    {"socks5username", ConfigFormat::kTorsocks, 3},
    {"socks5password", ConfigFormat::kTorsocks, 3},
    {"allowinbound", ConfigFormat::kTorsocks, 3},
    {"allowoutboundlocalhost", ConfigFormat::kTorsocks, 3},
    {"isolatepid", ConfigFormat::kTorsocks, 3},
    {"enableipv6", ConfigFormat::kTorsocks, 3},
});

// What stands before a '='.
constexpr auto kTsocksKeywords = std::to_array<FixedText<15>>({
    "server",
    "server_port",
    "server_type",
    "default_user",
    "default_pass",
    "local",
    "reaches",
    "fallback",
});

// Keywords of ours that may stand anywhere in a line, behind a first word that was mistyped.
constexpr auto kOwnKeywords =
    std::to_array<FixedText<15>>({"from:", "to:", "via:", "address:", "proxyprotocol:", "method:"});

class FormatElection {
 public:
  ConfigFormat Hold(std::string_view text) {
    // Our own files, which may be large, are told by their first lines and cost no memory.
    ForeignLineReader reader(text, CommentStart::kAnywhere);
    for (ForeignLine line; reader.Next(&line);) {
      if (line.content.empty()) continue;
      if (IsOurs(line.content)) return ConfigFormat::kOwn;
      line.fields = SplitFields(line);
      Count(line);
    }
    const auto most = std::ranges::max_element(votes_);  // the first of equals
    return *most == 0 ? ConfigFormat::kOwn : static_cast<ConfigFormat>(most - votes_.begin());
  }

  static bool IsOurs(std::string_view content) {
    const size_t colon = content.find(':');
    // `keyword:` or `keyword :`, but no URL, and no IPv6 address.
    if (colon != std::string_view::npos && colon > 0 && !content.substr(colon).starts_with("://") &&
        !content.substr(colon).starts_with("::") &&
        std::ranges::all_of(Trim(content.substr(0, colon)), IsOfKeyword)) {
      return true;
    }
    const bool has_brace = content.find('{') != std::string_view::npos;
    std::string_view word = TakeWord(&content);
    if (has_brace && (word.starts_with("route") || word == "server")) return true;
    for (; !word.empty(); word = TakeWord(&content)) {
      if (word == ":") return false;  // SOCKS 4.2: what follows is a command
      if (std::ranges::find(kOwnKeywords, word) != kOwnKeywords.end()) return true;
    }
    return false;
  }

 private:
  static bool IsOfKeyword(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
  }

  void Count(const ForeignLine& line) {
    const std::string first = ToLowerAscii(line.fields[0].text);
    if (const auto keyword = std::ranges::find(kKeywords, std::string_view(first), &Keyword::word);
        keyword != kKeywords.end())
      Vote(keyword->format, keyword->vote);
    // Hummingbird writes it in capitals.
    if (first == "direct" && line.fields.size() > 1)
      Vote(line.fields[0].text == "DIRECT" ? ConfigFormat::kHummingbird : ConfigFormat::kSocks42, 1);
    // proxychains has lines of `socks5 HOST PORT`, but never without its section.
    if ((first == "socks4" || first == "socks5") && line.fields.size() > 3) Vote(ConfigFormat::kNec, 2);
    const std::string_view word = Trim(std::string_view(first).substr(0, first.find_first_of("={")));
    const std::string_view rest = Trim(line.content.substr(word.size()));
    if (rest.starts_with('=') &&
        std::ranges::find(kTsocksKeywords, std::string_view(word)) != kTsocksKeywords.end())
      Vote(ConfigFormat::kTsocks, 2);
    if (word == "path" && rest.starts_with('{')) Vote(ConfigFormat::kTsocks, 2);
  }

  void Vote(ConfigFormat format, unsigned vote) { votes_[static_cast<size_t>(format)] += vote; }

  std::array<unsigned, kFormatNames.size()> votes_{};
};

// True for the keywords of passwords, and for what somebody may have typed in their place.
bool NamesAPassword(std::string_view word) {
  word = word.substr(0, word.find('='));
  if (ToLowerAscii(word).find("pass") != std::string::npos) return true;
  constexpr size_t kTypingErrors = 3;
  return std::ranges::any_of(
      std::to_array<std::string_view>({"default_pass", "socks5password"}),
      [&](auto known) { return EditDistance(word, known, kTypingErrors) <= kTypingErrors; });
}

// Where what may be a password begins, or the line's size.
size_t FindSecret(ConfigFormat format, const ForeignLine& line) {
  const auto field = [&](size_t i) {
    return i < line.fields.size() ? line.fields[i].column - size_t{1} : line.text.size();
  };
  if (line.fields.empty()) return line.text.size();
  if (NamesAPassword(line.fields[0].text)) {
    // `default_pass=secret` is one field.
    const size_t equals = line.text.find('=');
    return equals != std::string_view::npos ? std::min(equals + 1, field(1)) : field(1);
  }
  // TYPE HOST PORT USER PASSWORD, whatever the type was meant to be; the PORT may have been forgotten.
  return format == ConfigFormat::kProxychains && line.fields.size() > 3 ? field(3) : line.text.size();
}

}  // namespace

std::string_view FormatName(ConfigFormat format) {
  return kFormatNames[static_cast<size_t>(format)];
}

std::optional<ConfigFormat> FormatOfName(std::string_view name) {
  const auto* const found = std::ranges::find(kFormatNames, name);
  if (found == kFormatNames.end()) return std::nullopt;
  return static_cast<ConfigFormat>(found - kFormatNames.begin());
}

std::string FormatNames() {
  std::string text;
  for (const std::string_view name : kFormatNames) {
    text += text.empty() ? "use one of: " : ", ";
    text += name;
  }
  return text;
}

ConfigFormat RecognizeFormat(std::string_view text) {
  return FormatElection().Hold(text);
}

bool IsPlainlyOwn(std::string_view text) {
  ForeignLineReader reader(text, CommentStart::kAnywhere);
  for (ForeignLine line; reader.Next(&line);) {
    if (FormatElection::IsOurs(line.content)) return true;
  }
  return false;
}

ForeignHost MakeForeignHost(const ConfigHost& host) {
  constexpr size_t kMaxFileSize = size_t{64} << 10;
  return {.variable = [&host](const char* name) { return GetVariable(host, name); },
          .file = [&host](const std::string& path) -> std::optional<std::string> {
            std::expected<std::string, int> text = host.read_file(path, kMaxFileSize);
            return text ? std::optional(std::move(*text)) : std::nullopt;
          }};
}

std::string WithoutForeignSecrets(ConfigFormat format, std::string_view text) {
  std::string shown;
  for (const ForeignLine& line : SplitForeignLines(text, CommentStart::kLineStart)) {
    const size_t end = FindSecret(format, line);
    shown += line.text.substr(0, end);
    shown += end < line.text.size() ? "***\n" : "\n";
  }
  return shown;
}

ForeignConfig Translate(ConfigFormat format, std::string_view text, const ForeignHost& host) {
  switch (format) {
    case ConfigFormat::kSocks42: return TranslateSocks42(text, host);
    case ConfigFormat::kNec: return TranslateNec(text, host);
    case ConfigFormat::kHummingbird: return TranslateHummingbird(text, host);
    case ConfigFormat::kTsocks: return TranslateTsocks(text, host);
    case ConfigFormat::kProxychains: return TranslateProxychains(text, host);
    case ConfigFormat::kTorsocks: return TranslateTorsocks(text, host);
    case ConfigFormat::kOwn: break;
  }
  return {};
}

}  // namespace socksify

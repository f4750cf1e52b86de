// SPDX-License-Identifier: BSD-2-Clause
// Configurations of other clients, translated into our own language (docs/configuration.md), line for line.
//
// One translation serves everything: `-f` parses the text as if the user had written it, with places given in
// the user's own file, and `socksctl convert` prints it. Pure: a translator sees the text and what the
// ForeignHost tells it, and fails on no input. What cannot be said in our language is a warning with its
// line, and what cannot be understood an error; nothing is passed over in silence.
//
// Fail closed: where a line cannot be translated whole, what comes out must not send direct what the original
// would have sent to a proxy or denied.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socksify {

struct ConfigHost;

enum class ConfigFormat : uint8_t {
  kOwn,          // Dante's language and ours: socks.conf
  kSocks42,      // SOCKS 4.2, CSTC: socks.conf
  kNec,          // NEC socks5: libsocks5.conf
  kHummingbird,  // socks.cnf
  kTsocks,       // tsocks.conf
  kProxychains,  // proxychains.conf
  kTorsocks,     // torsocks.conf
};

// "socksify", "socks4.2", "nec", "hummingbird", "tsocks", "proxychains", "torsocks": as for --format.
std::string_view FormatName(ConfigFormat format);
std::optional<ConfigFormat> FormatOfName(std::string_view name);
// "use one of: socksify, socks4.2, ...".
std::string FormatNames();

// Which language `text` is in, by its content alone. kOwn where nothing speaks for another one.
ConfigFormat RecognizeFormat(std::string_view text);

// Whether some statement in `text` can only be ours, so that a file that goes by another client's name is in
// our language all the same.
bool IsPlainlyOwn(std::string_view text);

// `text` without the values of passwords, line for line: a password ends its line as '***'. For what is shown
// to people.
std::string WithoutForeignSecrets(ConfigFormat format, std::string_view text);

// What a translator may ask for.
struct ForeignHost {
  // Nothing for an unset variable.
  std::function<std::optional<std::string>(const char* name)> variable;
  // The first 64 KiB of a file, or nothing where it cannot be read.
  std::function<std::optional<std::string>(const std::string& path)> file;
};

// `host` must outlive it.
ForeignHost MakeForeignHost(const ConfigHost& host);

struct ForeignConfig {
  struct Line {
    std::string text;   // in our language, without the line feed; may be empty or a comment
    unsigned from = 0;  // the line of the original, 1-based; 0: of none in particular
  };
  struct Remark {
    unsigned line = 0;    // 1-based; 0: the whole file
    unsigned column = 0;  // 1-based; 0: the whole line
    std::string message;  // as in Diagnostic
    std::string remedy;
  };
  std::vector<Line> lines;
  std::vector<Remark> warnings;
  std::vector<Remark> errors;

  void Add(unsigned from, std::string text) { lines.push_back({std::move(text), from}); }
  void Warn(unsigned line, std::string message, std::string remedy = {}) {
    warnings.push_back({line, 0, std::move(message), std::move(remedy)});
  }
  void Fail(unsigned line, unsigned column, std::string message, std::string remedy = {}) {
    errors.push_back({line, column, std::move(message), std::move(remedy)});
  }
};

// `format` is not kOwn.
ForeignConfig Translate(ConfigFormat format, std::string_view text, const ForeignHost& host);

// One for each format, each in a file of its own (foreign_socks42.cc, ...).
ForeignConfig TranslateSocks42(std::string_view text, const ForeignHost& host);
ForeignConfig TranslateNec(std::string_view text, const ForeignHost& host);
ForeignConfig TranslateHummingbird(std::string_view text, const ForeignHost& host);
ForeignConfig TranslateTsocks(std::string_view text, const ForeignHost& host);
ForeignConfig TranslateProxychains(std::string_view text, const ForeignHost& host);
ForeignConfig TranslateTorsocks(std::string_view text, const ForeignHost& host);

}  // namespace socksify

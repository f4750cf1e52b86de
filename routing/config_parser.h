// SPDX-License-Identifier: BSD-2-Clause
// ConfigParser: reads one text in the language of docs/configuration.md into a ConfigDraft. One ParseX per
// keyword; each returns false after it has reported an error, and parsing goes on at the next statement.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fixed_text.h"
#include "routing/address_parser.h"
#include "routing/config_draft.h"
#include "routing/lexer.h"
#include "routing/reporter.h"

namespace socksify {

class ConfigParser {
 public:
  // All of them must outlive the parser; `source` must outlive the draft too.
  ConfigParser(const SourceText& source, const ConfigHost& host, InterfaceList* interfaces,
               Reporter* reporter, ConfigDraft* draft);

  void ParseFile();
  // The text holds what stands between the braces of one route block.
  void ParseRouteText();

 private:
  // What a keyword that comes twice in a file or block means.
  enum class Repeat : uint8_t {
    kAdds,        // its values are added
    kLastCounts,  // the last one counts; a warning
    kIsError,
  };
  struct Keyword {
    std::string_view name;
    bool (ConfigParser::*parse)() = nullptr;
    Repeat repeat = Repeat::kIsError;
  };
  // Those of a block. Filled by code: constant pointers are relocated in every process that has the library
  // (fixed_text.h).
  class Keywords {
   public:
    void Add(std::string_view name, bool (ConfigParser::*parse)(), Repeat repeat);
    const Keyword* begin() const { return keywords_.data(); }
    const Keyword* end() const { return begin() + size_; }

   private:
    std::array<Keyword, 24> keywords_{};
    size_t size_ = 0;
  };
  struct Choice {
    FixedText<15> name;
    uint8_t value = 0;
  };

  // config_parser.cc: statements and recovery.
  void ParseStatement();
  bool ParseKeyword(const Keywords& keywords, std::string_view kind, uint64_t* seen);
  bool ParseBlock(const Keywords& keywords, std::string_view kind);
  bool UnknownKeyword(const Token& word, const Keywords& keywords, std::string_view kind);
  bool AtBlockStart() const;
  void SkipStatement();
  void SkipBraces();

  // config_parser_values.cc: what several statements share.
  bool Fail(const Location& where, std::string message, std::string remedy = {});
  bool Fail(const Token& at, std::string message, std::string remedy = {});
  void Warn(const Token& at, std::string message, std::string remedy = {});
  bool ExpectColon(std::string_view keyword);
  bool AtListEnd(Words words) const;
  std::optional<uint64_t> ParseNumber(uint64_t least, uint64_t most);
  bool ParseCount(unsigned most, unsigned* count);
  std::optional<std::string> ParseText(std::string_view what);
  bool ParseChoices(std::string_view what, std::span<const Choice> choices, uint8_t* bits);
  std::optional<uint8_t> ParseChoice(std::string_view what, std::span<const Choice> choices);
  std::optional<uint16_t> ParsePortValue(const Token& token, uint16_t least);
  bool ParsePortBehind(HostPort* server);
  std::optional<uint16_t> ParseServerPort();
  bool ParsePortMatch(PortMatch* match);
  bool ParseProxyProtocols(uint8_t* protocols);
  bool ParseMethods(uint8_t* methods);
  bool ParseGssapiServiceName();
  bool ParseGssapiEncType();
  bool ParseClientCompatibility();
  bool ParseExtensions(uint8_t* extensions);
  bool ParseServerExtension();
  bool ParseRouteExtension();
  std::optional<ResolveProtocol> ParseWayToResolve();

  // config_parser_settings.cc
  static Keywords Settings();
  bool ParseLogOutput();
  bool ParseErrorLog();
  bool ParseLogTargets(std::vector<std::string>* targets);
  bool ParseDebug();
  bool ParseResolveProtocol();
  bool ParseNameServers();
  bool ParseAutoRoute();
  bool ParseFakeFamily();
  bool ParseFakeRange();
  bool ParseMaxFail();
  bool ParseBadExpire();
  bool ParseConnectTimeout();
  bool ParseNegotiateTimeout();
  bool ParseTimeout(unsigned* milliseconds);
  bool ParseUnusedTimeout();
  bool ParseLocalDomain();
  bool ParseUdpConnectDst();
  bool ParseCredentials();

  // config_parser_route.cc
  static Keywords RouteKeywords();
  bool ParseRoute(const Token& keyword);
  void FinishRoute(const Token& keyword);
  bool ParseFrom();
  bool ParseTo();
  bool ParsePatterns(std::vector<AddressPattern>* patterns, PortMatch* port);
  bool ParseRouteProtocol();
  bool ParseCommand();
  bool ParseRouteProxyProtocol();
  bool ParseRouteMethod();
  bool ParseProcess();
  bool ParseUser();
  void WarnOfUnknownUsers();
  bool ParseResolve();

  // config_parser_target.cc
  bool ParseBalance();
  bool ParseChain();
  bool ParseChainLength();
  bool CheckWeights();
  bool CheckChains();
  bool CheckChain(const TargetDraft& target);
  bool ParseVia();
  bool ParseFallback();
  bool ParseTargets(std::vector<TargetDraft>* targets);
  bool ParseTarget(TargetDraft* target);
  bool ParseHop(TargetDraft* target);
  bool ParseWeight(TargetDraft* target);
  bool ParseProxyAddress(const Token& token, HopDraft* hop);

  // config_parser_server.cc
  static Keywords ServerKeywords();
  bool ParseServer(const Token& keyword);
  void FinishServer(const Token& keyword);
  void JudgeEarlyData(const Token& keyword);
  bool ParseServerAddress();
  bool ParseServerProxyProtocol();
  bool ParseServerMethod();

  // config_parser_password.cc
  bool ParseHandshake();
  bool ParseEarlyData();
  bool ParseUserName();
  bool ParsePassword();
  bool ParsePasswordFile();
  bool ParsePasswordCommand();
  bool ParsePasswordPrompt();
  void SkipSecret();
  bool SetPassword(const Token& at, std::string password);
  bool CheckPasswordIsFirst(const Token& at);
  void NoteSecret(const Token& at);
  void CheckSecrecy();
  std::string PathFromHere(const std::string& path) const;

  const SourceText& source_;
  const ConfigHost& host_;
  InterfaceList& interfaces_;
  Reporter& reporter_;
  ConfigDraft& draft_;
  Lexer lexer_;
  const Keywords settings_ = Settings();
  const Keywords route_keywords_ = RouteKeywords();
  const Keywords server_keywords_ = ServerKeywords();

  std::optional<Location> secret_;  // the first password in this text
  Token keyword_;                   // of the statement that is being read
  uint64_t seen_settings_ = 0;
  // The block that is being read.
  RouteDraft route_;
  std::unique_ptr<Server> server_;
  Location methods_where_;
  ProxyUrl server_url_;
  uint64_t seen_in_block_ = 0;
  bool has_from_ = false;
  // Login names of the current route whose user ids are not known; 0: nobody has the name.
  struct UnknownUser {
    Token at;
    std::string name;
    int error = 0;
  };
  std::vector<UnknownUser> unknown_users_;
  bool has_to_ = false;
  bool has_via_ = false;
  bool has_address_ = false;
  bool has_broken_statement_ =
      false;  // something of this block was wrong: no complaint about what is missing
};

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// server NAME { address: HOST|URL [port = N]  proxyprotocol: ..  method: ..  username: ..  password: .. }
#include <algorithm>
#include <array>
#include <utility>

#include "routing/config_parser.h"
#include "routing/quoting.h"

namespace socksify {
namespace {

bool IsServerName(std::string_view name) {
  const auto is_good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  constexpr auto kReserved = std::to_array<FixedText<9>>({"direct", "block", "then", "port", "broadcast"});
  return std::ranges::all_of(name, is_good) && std::ranges::find(kReserved, name) == kReserved.end();
}

}  // namespace

ConfigParser::Keywords ConfigParser::ServerKeywords() {
  Keywords keywords;
  keywords.Add("address", &ConfigParser::ParseServerAddress, Repeat::kIsError);
  keywords.Add("proxyprotocol", &ConfigParser::ParseServerProxyProtocol, Repeat::kAdds);
  keywords.Add("method", &ConfigParser::ParseServerMethod, Repeat::kAdds);
  keywords.Add("socksmethod", &ConfigParser::ParseServerMethod, Repeat::kAdds);
  keywords.Add("handshake", &ConfigParser::ParseHandshake, Repeat::kIsError);
  keywords.Add("early-data", &ConfigParser::ParseEarlyData, Repeat::kIsError);
  keywords.Add("username", &ConfigParser::ParseUserName, Repeat::kIsError);
  keywords.Add("password", &ConfigParser::ParsePassword, Repeat::kIsError);
  keywords.Add("password.file", &ConfigParser::ParsePasswordFile, Repeat::kIsError);
  keywords.Add("password.command", &ConfigParser::ParsePasswordCommand, Repeat::kIsError);
  keywords.Add("password.prompt", &ConfigParser::ParsePasswordPrompt, Repeat::kIsError);
  keywords.Add("gssapi.servicename", &ConfigParser::ParseGssapiServiceName, Repeat::kIsError);
  keywords.Add("gssapi.enctype", &ConfigParser::ParseGssapiEncType, Repeat::kAdds);
  keywords.Add("clientcompatibility", &ConfigParser::ParseClientCompatibility, Repeat::kAdds);
  keywords.Add("extension", &ConfigParser::ParseServerExtension, Repeat::kAdds);
  return keywords;
}

bool ConfigParser::ParseServer(const Token& keyword) {
  const Token name = lexer_.Peek(Words::kPlain);
  if (!name.IsWord() || !IsServerName(name.value)) {
    return Fail(name, "expected a name for the server, found " + name.Describe(),
                "a name has letters, digits, '-', '_' and '.', and is no keyword of 'via'");
  }
  lexer_.Accept(name);
  server_ = std::make_unique<Server>();
  server_->name = name.value;
  server_url_ = ProxyUrl{};
  has_address_ = false;
  if (draft_.server_numbers.contains(name.value)) {
    Fail(name, "expected a new name for the server, found " + name.Describe() + " again",
         "rename one of them");
  }
  if (!ParseBlock(server_keywords_, "server")) return false;
  FinishServer(keyword);
  return true;
}

void ConfigParser::FinishServer(const Token& keyword) {
  if (!has_address_ && !has_broken_statement_) {
    Fail(keyword, "expected 'address:' in this server, found none", "write address: HOST port = 1080");
  }
  // A broken server is entered too, so that the routes that name it are not reported as well.
  server_->address = server_url_.address;
  if (!server_url_.has_port && server_->protocols == kServerHttp) server_->address.set_port(kHttpProxyPort);
  server_->where = source_.At(keyword.offset);
  if (server_->handshake == HandshakeMode::kPipelined && server_->protocols != 0 &&
      (server_->protocols & kServerSocks5) == 0 && !has_broken_statement_) {
    Fail(keyword, "expected proxyprotocol: socks_v5 beside 'handshake: pipelined', found another one",
         "the other protocols send everything in one flight anyway");
  }
  if (server_->takes_early_data && !has_broken_statement_) JudgeEarlyData(keyword);
  const bool has_password = server_->has_password || server_->password_source != PasswordSource::kNone;
  if (has_password && server_->username.empty() && !has_broken_statement_) {
    Fail(keyword, "expected 'username:' beside the password of this server, found none");
  }
  draft_.server_numbers.emplace(server_->name, draft_.servers.size());
  draft_.servers.push_back({&source_, std::move(server_), methods_where_});
}

void ConfigParser::JudgeEarlyData(const Token& keyword) {
  if ((server_->protocols & kServerHttp) != 0) {
    Fail(keyword, "expected a SOCKS server beside 'early-data: yes', found an HTTP proxy",
         "one that refuses a CONNECT would take the program's data for its next request");
  } else if (server_->handshake == HandshakeMode::kStrict) {
    Fail(keyword, "expected 'handshake: auto' or 'pipelined' beside 'early-data: yes', found 'strict'",
         "remove one of them");
  }
}

bool ConfigParser::ParseServerAddress() {
  has_address_ = true;
  const Token token = lexer_.Peek(Words::kAddress);
  if (!token.IsWord() || (token.text.ends_with(':') && lexer_.AtKeyword())) {
    return Fail(token, "expected a host name, an address or a URL, found " + token.Describe());
  }
  lexer_.Accept(token);
  HopDraft hop;
  if (!ParseProxyAddress(token, &hop)) return false;
  server_url_ = std::move(hop.proxy);
  if (server_url_.protocols != 0) {
    const bool is_upnp_url = server_->protocols == kServerUpnp && server_url_.protocols == kServerHttp;
    if (server_->protocols != 0 && !is_upnp_url) {
      return Fail(token, "expected an address without a scheme, because 'proxyprotocol' is given too",
                  "remove one of them");
    }
    if (!is_upnp_url) server_->protocols = server_url_.protocols;
  }
  if (server_url_.has_username) {
    if (!server_->username.empty())
      return Fail(token, "expected one user name, found another one in the URL");
    server_->username = server_url_.username;
  }
  return !server_url_.has_password || SetPassword(token, server_url_.password);
}

bool ConfigParser::ParseServerProxyProtocol() {
  uint8_t protocols = 0;
  if (!ParseProxyProtocols(&protocols)) return false;
  if (server_url_.protocols == kServerHttp && protocols == kServerUpnp) {
    server_->protocols = protocols;  // the URL of a UPnP device is no proxy's
    return true;
  }
  if (server_url_.protocols != 0) {
    return Fail(keyword_, "expected no 'proxyprotocol', because the URL's scheme says it",
                "remove one of them");
  }
  server_->protocols |= protocols;
  return true;
}

bool ConfigParser::ParseServerExtension() {
  uint8_t extensions = 0;
  if (!ParseExtensions(&extensions)) return false;
  server_->has_bind_extension = extensions != 0;
  return true;
}

bool ConfigParser::ParseHandshake() {
  static constexpr auto kChoices =
      std::to_array<Choice>({{"auto", static_cast<uint8_t>(HandshakeMode::kAuto)},
                             {"strict", static_cast<uint8_t>(HandshakeMode::kStrict)},
                             {"pipelined", static_cast<uint8_t>(HandshakeMode::kPipelined)}});
  const std::optional<uint8_t> choice = ParseChoice("a way to send the handshake", kChoices);
  if (choice) server_->handshake = static_cast<HandshakeMode>(*choice);
  return choice.has_value();
}

bool ConfigParser::ParseEarlyData() {
  static constexpr auto kChoices = std::to_array<Choice>({{"yes", 1}, {"no", 0}});
  const std::optional<uint8_t> choice = ParseChoice("yes or no", kChoices);
  if (choice) server_->takes_early_data = *choice != 0;
  return choice.has_value();
}

bool ConfigParser::ParseServerMethod() {
  methods_where_ = source_.At(keyword_.offset);
  return ParseMethods(&server_->methods);
}

}  // namespace socksify

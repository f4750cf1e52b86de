// SPDX-License-Identifier: BSD-2-Clause
// The statements that stand outside of blocks.
#include <array>

#include "routing/config_parser.h"
#include "routing/name_server.h"
#include "routing/quoting.h"
#include "routing/suggestion.h"

namespace socksify {
namespace {

// Dante's 0 leaves the time to the system, which gives up long before this.
constexpr unsigned kNoTimeoutMs = 3'600'000;
constexpr uint64_t kMaxTimeoutSeconds = 86'400;

}  // namespace

ConfigParser::Keywords ConfigParser::Settings() {
  Keywords keywords;
  keywords.Add("logoutput", &ConfigParser::ParseLogOutput, Repeat::kAdds);
  keywords.Add("errorlog", &ConfigParser::ParseErrorLog, Repeat::kAdds);
  keywords.Add("debug", &ConfigParser::ParseDebug, Repeat::kLastCounts);
  keywords.Add("resolveprotocol", &ConfigParser::ParseResolveProtocol, Repeat::kLastCounts);
  keywords.Add("nameserver", &ConfigParser::ParseNameServers, Repeat::kAdds);
  keywords.Add("autoroute", &ConfigParser::ParseAutoRoute, Repeat::kIsError);
  keywords.Add("fakefamily", &ConfigParser::ParseFakeFamily, Repeat::kLastCounts);
  keywords.Add("fakerange", &ConfigParser::ParseFakeRange, Repeat::kIsError);
  keywords.Add("route.maxfail", &ConfigParser::ParseMaxFail, Repeat::kLastCounts);
  keywords.Add("route.badexpire", &ConfigParser::ParseBadExpire, Repeat::kLastCounts);
  keywords.Add("timeout.connect", &ConfigParser::ParseConnectTimeout, Repeat::kLastCounts);
  keywords.Add("connecttimeout", &ConfigParser::ParseConnectTimeout, Repeat::kLastCounts);
  keywords.Add("timeout.negotiate", &ConfigParser::ParseNegotiateTimeout, Repeat::kLastCounts);
  keywords.Add("timeout.io", &ConfigParser::ParseUnusedTimeout, Repeat::kLastCounts);
  keywords.Add("timeout.io.tcp", &ConfigParser::ParseUnusedTimeout, Repeat::kLastCounts);
  keywords.Add("timeout.io.udp", &ConfigParser::ParseUnusedTimeout, Repeat::kLastCounts);
  keywords.Add("timeout.tcp_fin_wait", &ConfigParser::ParseUnusedTimeout, Repeat::kLastCounts);
  keywords.Add("iotimeout", &ConfigParser::ParseUnusedTimeout, Repeat::kLastCounts);
  keywords.Add("localdomain", &ConfigParser::ParseLocalDomain, Repeat::kLastCounts);
  keywords.Add("credentials", &ConfigParser::ParseCredentials, Repeat::kIsError);
  keywords.Add("udp.connectdst", &ConfigParser::ParseUdpConnectDst, Repeat::kLastCounts);
  return keywords;
}

bool ConfigParser::ParseLogOutput() {
  return ParseLogTargets(&draft_.settings.log_outputs);
}

bool ConfigParser::ParseErrorLog() {
  return ParseLogTargets(&draft_.settings.error_outputs);
}

bool ConfigParser::ParseLogTargets(std::vector<std::string>* targets) {
  do {
    const std::optional<std::string> target = ParseText("syslog, stdout, stderr or a file name");
    if (!target) return false;
    targets->push_back(*target);
  } while (!AtListEnd(Words::kText));
  return true;
}

bool ConfigParser::ParseDebug() {
  const std::optional<uint64_t> level = ParseNumber(0, 1'000'000);
  if (level) draft_.settings.debug = static_cast<int>(*level);
  return level.has_value();
}

bool ConfigParser::ParseResolveProtocol() {
  draft_.resolve_place = {&source_, source_.At(lexer_.Peek(Words::kPlain).offset)};
  const std::optional<ResolveProtocol> protocol = ParseWayToResolve();
  if (protocol) draft_.settings.resolve_protocol = *protocol;
  return protocol.has_value();
}

// ADDRESS [port = N] [, ...]
bool ConfigParser::ParseNameServers() {
  while (true) {
    const Token token = lexer_.Peek(Words::kAddress);
    const bool is_keyword = token.text.ends_with(':') && lexer_.AtKeyword();
    if (!token.IsWord() || is_keyword) {
      return Fail(token, "expected the IP address of a name server, found " + token.Describe());
    }
    lexer_.Accept(token);
    std::expected<HostPort, TextProblem> server = ParseNameServer(token.value);
    if (!server) return Fail(token, server.error().message, server.error().remedy);
    if (!ParsePortBehind(&*server)) return false;
    draft_.settings.name_servers.push_back(server->address);
    draft_.name_server_places.push_back({&source_, source_.At(token.offset)});
    const Token comma = lexer_.Peek(Words::kAddress);
    if (!comma.IsSymbol(",")) {
      if (AtListEnd(Words::kAddress)) return true;
      return Fail(comma, "expected a comma between two name servers, found " + comma.Describe());
    }
    lexer_.Accept(comma);
  }
}

bool ConfigParser::ParseAutoRoute() {
  static constexpr auto kChoices =
      std::to_array<Choice>({{"loopback", static_cast<uint8_t>(AutoRoute::kLoopback)},
                             {"lan", static_cast<uint8_t>(AutoRoute::kLan)},
                             {"none", static_cast<uint8_t>(AutoRoute::kNone)}});
  const std::optional<uint8_t> choice = ParseChoice("loopback, lan or none", kChoices);
  if (choice) draft_.settings.auto_route = static_cast<AutoRoute>(*choice);
  return choice.has_value();
}

bool ConfigParser::ParseFakeFamily() {
  static constexpr auto kChoices = std::to_array<Choice>({{"ipv4", static_cast<uint8_t>(FakeFamily::kIpv4)},
                                                          {"ipv6", static_cast<uint8_t>(FakeFamily::kIpv6)},
                                                          {"both", static_cast<uint8_t>(FakeFamily::kBoth)}});
  const std::optional<uint8_t> choice = ParseChoice("ipv4, ipv6 or both", kChoices);
  if (choice) draft_.settings.fake_family = static_cast<FakeFamily>(*choice);
  return choice.has_value();
}

bool ConfigParser::ParseFakeRange() {
  // Few names fit into less; more than the largest prefix length leaves no room at all.
  constexpr unsigned kLongestV4 = 24;
  constexpr unsigned kLongestV6 = 112;
  do {
    const Token token = lexer_.Next(Words::kAddress);
    if (!token.IsWord()) return Fail(token, "expected a network, found " + token.Describe());
    const std::expected<AddressPattern, TextProblem> range = ParseNetwork(token.text);
    if (!range) return Fail(token, range.error().message, range.error().remedy);
    const bool is_v4 = range->network.is_v4();
    const unsigned longest = is_v4 ? kLongestV4 : kLongestV6;
    if (range->prefix_bits < 8 || range->prefix_bits > longest) {
      return Fail(token, "expected a network of 8 to " + std::to_string(longest) + " bits, found " +
                             token.Describe());
    }
    (is_v4 ? draft_.settings.fake_v4 : draft_.settings.fake_v6) = range->network;
    (is_v4 ? draft_.settings.fake_v4_bits : draft_.settings.fake_v6_bits) = range->prefix_bits;
  } while (!AtListEnd(Words::kAddress));
  return true;
}

bool ConfigParser::ParseMaxFail() {
  const std::optional<uint64_t> count = ParseNumber(0, 1'000'000);
  if (count) draft_.settings.max_fail = static_cast<unsigned>(*count);
  return count.has_value();
}

bool ConfigParser::ParseBadExpire() {
  const std::optional<uint64_t> seconds = ParseNumber(0, 4'000'000'000);
  if (seconds) draft_.settings.bad_expire_s = static_cast<unsigned>(*seconds);
  return seconds.has_value();
}

bool ConfigParser::ParseConnectTimeout() {
  return ParseTimeout(&draft_.settings.connect_timeout_ms);
}

bool ConfigParser::ParseNegotiateTimeout() {
  return ParseTimeout(&draft_.settings.negotiate_timeout_ms);
}

bool ConfigParser::ParseTimeout(unsigned* milliseconds) {
  const std::optional<uint64_t> seconds = ParseNumber(0, kMaxTimeoutSeconds);
  if (seconds) *milliseconds = *seconds == 0 ? kNoTimeoutMs : static_cast<unsigned>(*seconds * 1000);
  return seconds.has_value();
}

// Timeouts of Dante's server, which its client reads and leaves at that.
bool ConfigParser::ParseUnusedTimeout() {
  const std::optional<uint64_t> seconds = ParseNumber(0, UINT32_MAX);
  if (seconds) Warn(keyword_, Quoted(keyword_.text) + " has no effect in a client, as in Dante");
  return seconds.has_value();
}

// Dante has long ceased to use it, and only warns.
bool ConfigParser::ParseLocalDomain() {
  if (!ParseText("a domain")) return false;
  Warn(keyword_, Quoted(keyword_.text) + " has no effect, as in Dante", "remove it");
  return true;
}

bool ConfigParser::ParseUdpConnectDst() {
  static constexpr auto kChoices = std::to_array<Choice>({{"yes", 1}, {"no", 0}});
  const std::optional<uint8_t> choice = ParseChoice("yes or no", kChoices);
  if (choice) Warn(keyword_, Quoted(keyword_.text) + " has no effect in a client");
  return choice.has_value();
}

bool ConfigParser::ParseCredentials() {
  const Token token = lexer_.Peek(Words::kText);
  const std::optional<std::string> path = ParseText("the name of a file");
  if (!path) return false;
  if (path->empty()) return Fail(token, "expected the name of a file, found nothing in the quotes");
  draft_.credentials_file = PathFromHere(*path);
  draft_.credentials_place = {&source_, source_.At(token.offset)};
  return true;
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/http_auth.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "base/text.h"
#include "tests/server/http_digest.h"

namespace socksify::testserver {
namespace {

using Kind = HttpVerdict::Kind;

constexpr std::string_view kRealm = "test server";
constexpr std::string_view kOpaque = "a, b=c";  // what stands between parameters, inside one

// RFC 4648 section 4, with its padding.
std::optional<std::string> DecodeBase64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) return std::nullopt;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  text.remove_suffix(padding);
  std::string bytes;
  uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  if ((bits & ((1U << count) - 1)) != 0) return std::nullopt;  // bits that say nothing
  return bytes;
}

struct Parameter {
  std::string value;
  bool quoted = false;
};
using Parameters = std::map<std::string, Parameter>;  // by lower-case name

// NAME=VALUE with commas in between, VALUE a token or a quoted string (RFC 9110 section 11.2).
std::optional<Parameters> ParseParameters(std::string_view text) {
  Parameters parameters;
  while (true) {
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string name = ToLowerAscii(Trim(text.substr(0, equals)));
    text.remove_prefix(equals + 1);
    Parameter parameter;
    if (text.starts_with('"')) {
      parameter.quoted = true;
      size_t at = 1;
      for (; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        parameter.value += text[at];
      }
      if (at >= text.size()) return std::nullopt;
      text.remove_prefix(at + 1);
    } else {
      parameter.value = text.substr(0, text.find_first_of(", \t"));
      text.remove_prefix(parameter.value.size());
    }
    if (!parameters.emplace(name, std::move(parameter)).second) return std::nullopt;
    text = Trim(text);
    if (text.empty()) return parameters;
    if (!text.starts_with(',')) return std::nullopt;
    text.remove_prefix(1);
  }
}

// One answer to a Digest challenge.
class DigestAnswer {
 public:
  explicit DigestAnswer(Parameters parameters) : parameters_(std::move(parameters)) {}

  // Empty where there is none of that name.
  const std::string& operator[](const char* name) const {
    static const std::string none;
    const auto found = parameters_.find(name);
    return found != parameters_.end() ? found->second.value : none;
  }
  bool Has(const char* name) const { return parameters_.contains(name); }
  std::string algorithm() const { return Has("algorithm") ? (*this)["algorithm"] : "MD5"; }

  // What is wrong with its form, or with what it says of the challenge; null for nothing.
  const char* FindFault(std::string_view target, const HttpScript& script) const;
  std::optional<uint32_t> count() const;

 private:
  Parameters parameters_;
};

std::optional<uint32_t> DigestAnswer::count() const {
  const std::string& digits = (*this)["nc"];
  uint32_t count = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count, 16);
  if (digits.size() != 8 || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return count;
}

const char* DigestAnswer::FindFault(std::string_view target, const HttpScript& script) const {
  for (const char* name : {"username", "realm", "nonce", "uri", "response", "cnonce", "opaque"}) {
    const auto found = parameters_.find(name);
    if (found != parameters_.end() && !found->second.quoted) return "a parameter without quotes";
    if (found == parameters_.end() && name != std::string_view("cnonce")) return "a parameter is missing";
  }
  for (const char* name : {"algorithm", "qop", "nc"}) {
    const auto found = parameters_.find(name);
    if (found != parameters_.end() && found->second.quoted) return "a parameter in quotes";
  }
  if ((*this)["realm"] != kRealm) return "another realm";
  if ((*this)["opaque"] != kOpaque) return "another opaque";
  if ((*this)["uri"] != target) return "another uri";
  if (std::ranges::count(script.algorithms, algorithm()) == 0) return "another algorithm";
  if (script.qop.empty()) {
    return Has("qop") || Has("nc") ? "a qop that was not offered" : nullptr;
  }
  const std::string& qop = (*this)["qop"];
  if (qop.empty() || !("," + script.qop + ",").contains("," + qop + ",")) return "another qop";
  if (!count()) return "a bad nc";
  return (*this)["cnonce"].empty() ? "no cnonce" : nullptr;
}

HttpVerdict CheckBasic(std::string_view value, const std::optional<Credentials>& wanted,
                       const HttpScript& script, RequestRecord* record) {
  const std::optional<std::string> pair = DecodeBase64(value);
  if (!pair || !pair->contains(':')) return {Kind::kBad, "not the base64 of USER:PASSWORD"};
  const size_t colon = pair->find(':');
  record->user = pair->substr(0, colon);
  record->password = pair->substr(colon + 1);
  if (!wanted) return {Kind::kGood, ""};
  if (!script.basic) return {Kind::kBad, "a scheme that was not offered"};
  const bool good = record->user == wanted->user && record->password == wanted->password;
  return good ? HttpVerdict{Kind::kGood, ""} : HttpVerdict{Kind::kBad, "another user name or password"};
}

HttpVerdict CheckDigest(std::string_view value, std::string_view method, std::string_view target,
                        const std::optional<Credentials>& wanted, const HttpScript& script,
                        HttpNonces* nonces, RequestRecord* record) {
  std::optional<Parameters> parameters = ParseParameters(value);
  if (!parameters) return {Kind::kBad, "not a list of parameters"};
  const DigestAnswer answer(*std::move(parameters));
  record->user = answer["username"];
  record->algorithm = answer.algorithm();
  if (!wanted) return {Kind::kGood, ""};
  if (!script.digest) return {Kind::kBad, "a scheme that was not offered"};
  if (const char* fault = answer.FindFault(target, script)) return {Kind::kBad, fault};
  if (record->user != wanted->user) return {Kind::kBad, "another user name or password"};
  const std::string& nonce = answer["nonce"];
  const std::string expected = DigestResponse({.algorithm = answer.algorithm(),
                                               .user = wanted->user,
                                               .realm = std::string(kRealm),
                                               .password = wanted->password,
                                               .nonce = nonce,
                                               .qop = answer["qop"],
                                               .count = answer["nc"],
                                               .client_nonce = answer["cnonce"],
                                               .method = std::string(method),
                                               .uri = std::string(target)});
  if (expected.empty() || expected != answer["response"]) {
    return {Kind::kBad, "another user name or password"};
  }
  const std::optional<uint32_t> generation = nonces->GenerationOf(nonce);
  if (!generation) return {Kind::kStale, "a nonce of another server"};
  if (*generation < script.stale) return {Kind::kStale, "a stale nonce", *generation + 1};
  const std::optional<uint32_t> count = answer.count();
  if (count && !nonces->Use(nonce, *count)) return {Kind::kStale, "a replay", *generation};
  return {Kind::kGood, ""};
}

}  // namespace

HttpVerdict CheckHttpCredentials(const std::string* value, std::string_view method, std::string_view target,
                                 const std::optional<Credentials>& wanted, const HttpScript& script,
                                 HttpNonces* nonces, RequestRecord* record) {
  if (value == nullptr) return {wanted ? Kind::kMissing : Kind::kGood, "no credentials"};
  const std::string_view text(*value);
  const size_t blank = std::min(text.find(' '), text.size());
  record->auth = ToLowerAscii(text.substr(0, blank));
  record->user.clear();
  record->password.clear();
  record->algorithm.clear();
  const std::string_view rest = Trim(text.substr(blank));
  if (record->auth == "basic") return CheckBasic(rest, wanted, script, record);
  if (record->auth == "digest") return CheckDigest(rest, method, target, wanted, script, nonces, record);
  return {wanted ? Kind::kBad : Kind::kGood, "a scheme that was not offered"};
}

std::vector<std::string> MakeHttpChallenges(const HttpVerdict& verdict, const HttpScript& script,
                                            HttpNonces* nonces) {
  const auto quoted = [](const char* name, std::string_view value) {
    return std::string(name) + "=\"" + std::string(value) + "\"";
  };
  std::vector<std::string> challenges;
  if (script.basic) challenges.push_back("Basic " + quoted("realm", kRealm) + ", charset=\"UTF-8\"");
  if (script.digest) {
    const std::string nonce = nonces->Issue(verdict.generation);
    for (const std::string& algorithm : script.algorithms) {
      std::string challenge = "Digest " + quoted("realm", kRealm);
      if (!script.qop.empty()) challenge += ", " + quoted("qop", script.qop);
      challenge +=
          ", algorithm=" + algorithm + ", " + quoted("nonce", nonce) + ", " + quoted("opaque", kOpaque);
      if (verdict.kind == Kind::kStale) challenge += ", stale=true";
      challenges.push_back(std::move(challenge));
    }
  }
  if (!script.joined) {
    for (std::string& challenge : challenges) challenge.insert(0, "Proxy-Authenticate: ");
    return challenges;
  }
  std::string line;
  for (const std::string& challenge : challenges) {
    line += (line.empty() ? "Proxy-Authenticate: " : ", ") + challenge;
  }
  if (line.empty()) return {};
  return {line};
}

}  // namespace socksify::testserver

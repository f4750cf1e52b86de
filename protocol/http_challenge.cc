// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/http_challenge.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"

namespace socksify {
namespace {

bool IsBlank(char c) {
  return c == ' ' || c == '\t';
}

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (ToLowerAscii(c) >= 'a' && ToLowerAscii(c) <= 'z');
}

// tchar (RFC 9110 section 5.6.2).
bool IsTokenByte(char c) {
  return IsAlphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

// token68 without the padding (RFC 9110 section 11.2).
bool IsToken68Byte(char c) {
  return IsAlphanumeric(c) || std::string_view("-._~+/").contains(c);
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool AtEnd() const { return rest_.empty(); }
  bool AtElementEnd() const { return rest_.empty() || rest_.front() == ','; }

  void SkipBlanks() {
    while (!rest_.empty() && IsBlank(rest_.front())) rest_.remove_prefix(1);
  }
  // List elements may be empty (RFC 9110 section 5.6.1).
  void SkipSeparators() {
    while (!rest_.empty() && (IsBlank(rest_.front()) || rest_.front() == ',')) rest_.remove_prefix(1);
  }
  bool Skip(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view Token() {
    const auto end = std::ranges::find_if_not(rest_, IsTokenByte);
    const std::string_view token(rest_.begin(), end);
    rest_.remove_prefix(token.size());
    return token;
  }
  // A token68 that is the whole rest of the element, as in "NTLM TlRMTVNT==".
  bool SkipToken68() {
    const auto letters_end = std::ranges::find_if_not(rest_, IsToken68Byte);
    if (letters_end == rest_.begin()) return false;
    auto end = std::find_if_not(letters_end, rest_.end(), [](char c) { return c == '='; });
    Scanner behind({end, rest_.end()});
    behind.SkipBlanks();
    if (!behind.AtElementEnd()) return false;
    *this = behind;
    return true;
  }
  // A token or a quoted-string, without its quotes but with its backslashes. False if it is broken.
  bool Value(std::string_view* value) {
    if (!Skip('"')) {
      *value = Token();
      return !value->empty();
    }
    for (size_t i = 0; i < rest_.size(); ++i) {
      if (rest_[i] == '\\') {
        ++i;
      } else if (rest_[i] == '"') {
        *value = rest_.substr(0, i);
        rest_.remove_prefix(i + 1);
        // Control bytes would be said to the proxy again (RFC 9110 section 5.6.4 allows the tab alone).
        return std::ranges::none_of(*value, [](char c) {
          const auto byte = static_cast<unsigned char>(c);
          return (byte < 0x20 && c != '\t') || byte == 0x7f;
        });
      }
    }
    rest_ = {};
    return false;
  }
  // To the comma or the end, past whatever is there.
  void SkipElement() { rest_.remove_prefix(std::min(rest_.find(','), rest_.size())); }

 private:
  std::string_view rest_;
};

// One challenge as it is read; the texts lie in the field's value.
struct Reading {
  enum class Scheme : uint8_t { kOther, kBasic, kDigest };

  Scheme scheme = Scheme::kOther;
  bool is_usable = true;
  bool has_realm = false;
  bool has_nonce = false;
  bool names_auth = false;  // among the values of qop
  std::string_view realm;
  std::string_view nonce;
  std::string_view opaque;
  DigestChallenge digest;
};

void ReadQop(std::string_view value, Reading* reading) {
  reading->digest.has_qop = true;
  Scanner scanner(value);
  for (scanner.SkipSeparators(); !scanner.AtEnd(); scanner.SkipSeparators()) {
    if (EqualsIgnoreCase(scanner.Token(), "auth")) reading->names_auth = true;
    scanner.SkipElement();
  }
}

void ReadAlgorithm(std::string_view value, Reading* reading) {
  constexpr struct {
    std::string_view name;
    DigestAlgorithm algorithm;
  } kAlgorithms[] = {
      {"MD5", DigestAlgorithm::kMd5},
      {"MD5-sess", DigestAlgorithm::kMd5Session},
      {"SHA-256", DigestAlgorithm::kSha256},
      {"SHA-256-sess", DigestAlgorithm::kSha256Session},
  };
  const auto* const entry = std::ranges::find_if(
      kAlgorithms, [&](const auto& known) { return EqualsIgnoreCase(known.name, value); });
  reading->digest.names_algorithm = true;
  if (entry == std::end(kAlgorithms)) {
    reading->is_usable = false;
  } else {
    reading->digest.algorithm = entry->algorithm;
  }
}

// RFC 7616 section 3.3. Others (domain, charset) are of no consequence here.
void ReadParameter(std::string_view name, std::string_view value, Reading* reading) {
  if (EqualsIgnoreCase(name, "realm")) {
    reading->realm = value;
    reading->has_realm = true;
  } else if (EqualsIgnoreCase(name, "nonce")) {
    reading->nonce = value;
    reading->has_nonce = true;
  } else if (EqualsIgnoreCase(name, "opaque")) {
    reading->opaque = value;
    reading->digest.has_opaque = true;
  } else if (EqualsIgnoreCase(name, "algorithm")) {
    ReadAlgorithm(value, reading);
  } else if (EqualsIgnoreCase(name, "qop")) {
    ReadQop(value, reading);
  } else if (EqualsIgnoreCase(name, "stale")) {
    reading->digest.is_stale = EqualsIgnoreCase(value, "true");
  } else if (EqualsIgnoreCase(name, "userhash")) {
    reading->digest.hashes_user = EqualsIgnoreCase(value, "true");
  }
}

bool IsSession(DigestAlgorithm algorithm) {
  return algorithm == DigestAlgorithm::kMd5Session || algorithm == DigestAlgorithm::kSha256Session;
}

void EndChallenge(Reading* reading, HttpChallenges* found) {
  if (reading->scheme == Reading::Scheme::kBasic) found->has_basic = true;
  if (reading->scheme != Reading::Scheme::kDigest) return;
  DigestChallenge& digest = reading->digest;
  if (!reading->is_usable || !reading->has_realm || !reading->has_nonce) return;
  // auth-int alone would hash the tunnel; a session has a cnonce, which RFC 2069 does not.
  if (digest.has_qop ? !reading->names_auth : IsSession(digest.algorithm)) return;
  if (found->has_digest && digest.algorithm <= found->digest.algorithm) return;
  if (!digest.SetTexts(reading->realm, reading->nonce, reading->opaque)) {
    found->is_too_long = true;
    return;
  }
  found->has_digest = true;
  found->digest = digest;
}

}  // namespace

bool DigestChallenge::SetTexts(std::string_view realm, std::string_view nonce, std::string_view opaque) {
  if (realm.size() + nonce.size() + opaque.size() > kMaxTextSize) return false;
  realm_size_ = static_cast<uint16_t>(realm.copy(text_.data(), realm.size()));
  nonce_size_ = static_cast<uint16_t>(nonce.copy(text_.data() + realm_size_, nonce.size()));
  opaque_size_ = static_cast<uint16_t>(opaque.copy(text_.data() + realm_size_ + nonce_size_, opaque.size()));
  return true;
}

// challenge = auth-scheme [ 1*SP ( token68 / #auth-param ) ], in a list (RFC 9110 section 11.6.1). The commas
// of the one list are those of the other: a token is a parameter's name if "=" follows, else a scheme.
void HttpChallenges::Add(std::string_view value) {
  Reading reading;
  Scanner scanner(value);
  for (scanner.SkipSeparators(); !scanner.AtEnd(); scanner.SkipSeparators()) {
    const std::string_view token = scanner.Token();
    scanner.SkipBlanks();
    if (token.empty()) {
      reading.is_usable = false;
      scanner.SkipElement();
    } else if (scanner.Skip('=')) {
      scanner.SkipBlanks();
      std::string_view text;
      if (scanner.Value(&text)) {
        ReadParameter(token, text, &reading);
      } else {
        reading.is_usable = false;
      }
      scanner.SkipBlanks();
      if (!scanner.AtElementEnd()) {
        reading.is_usable = false;
        scanner.SkipElement();
      }
    } else {
      EndChallenge(&reading, this);
      reading = Reading();
      if (EqualsIgnoreCase(token, "Basic")) reading.scheme = Reading::Scheme::kBasic;
      if (EqualsIgnoreCase(token, "Digest")) reading.scheme = Reading::Scheme::kDigest;
      scanner.SkipToken68();
    }
  }
  EndChallenge(&reading, this);
}

}  // namespace socksify

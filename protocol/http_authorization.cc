// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/http_authorization.h"

#include <string.h>

#include "protocol/md5.h"
#include "protocol/sha256.h"

namespace socksify {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

// Base64 (RFC 4648 section 4), fed byte by byte.
class Base64Writer {
 public:
  explicit Base64Writer(HttpRequest* request) : request_(request) {}

  void Put(std::string_view text) {
    for (const uint8_t byte : AsBytes(text)) {
      bits_ = bits_ << 8 | byte;
      if (++count_ == 3) Flush();
    }
  }
  void Finish() {
    if (count_ != 0) Flush();
    bits_ = 0;
  }

 private:
  void Flush() {
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bits_ <<= 8 * (3 - count_);
    for (size_t i = 0; i < 4; ++i) {
      const char digit = i <= count_ ? kAlphabet[bits_ >> (18 - 6 * i) & 0x3f] : '=';
      request_->AppendByte(static_cast<uint8_t>(digit));
    }
    bits_ = count_ = 0;
  }

  HttpRequest* request_;
  uint32_t bits_ = 0;
  uint32_t count_ = 0;
};

bool IsMd5(DigestAlgorithm algorithm) {
  return algorithm == DigestAlgorithm::kMd5 || algorithm == DigestAlgorithm::kMd5Session;
}

bool IsSession(DigestAlgorithm algorithm) {
  return algorithm == DigestAlgorithm::kMd5Session || algorithm == DigestAlgorithm::kSha256Session;
}

// The hash of an algorithm, fed with texts. One class and no template, which would be twice the size.
class TextHash {
 public:
  explicit TextHash(DigestAlgorithm algorithm) : is_md5_(IsMd5(algorithm)) {}

  void Update(std::string_view text);
  // Feeds the text between quotes without the backslashes of its quoted pairs.
  void UpdateUnquoted(std::string_view quoted);
  HexDigest Finish();

 private:
  bool is_md5_;
  Md5 md5_;
  Sha256 sha256_;
};

void TextHash::Update(std::string_view text) {
  if (is_md5_) {
    md5_.Update(AsBytes(text));
  } else {
    sha256_.Update(AsBytes(text));
  }
}

void TextHash::UpdateUnquoted(std::string_view quoted) {
  for (size_t i = 0; i < quoted.size(); ++i) {
    if (quoted[i] == '\\' && i + 1 < quoted.size()) ++i;
    Update(quoted.substr(i, 1));
  }
}

template <typename Digest>
HexDigest ToHex(Digest digest) {
  HexDigest hex;
  for (const uint8_t byte : digest) {
    hex.digits[hex.size++] = kHexDigits[byte >> 4];
    hex.digits[hex.size++] = kHexDigits[byte & 0xf];
  }
  explicit_bzero(digest.data(), digest.size());
  return hex;
}

HexDigest TextHash::Finish() {
  return is_md5_ ? ToHex(md5_.Finish()) : ToHex(sha256_.Finish());
}

// nc-value: eight hexadecimal digits.
struct NonceCount {
  explicit NonceCount(uint32_t count) {
    for (size_t i = 0; i < digits.size(); ++i) digits[i] = kHexDigits[count >> (28 - 4 * i) & 0xf];
  }
  std::string_view text() const { return {digits.data(), digits.size()}; }
  std::array<char, 8> digits{};
};

std::string_view AlgorithmName(DigestAlgorithm algorithm) {
  switch (algorithm) {
    case DigestAlgorithm::kMd5Session: return "MD5-sess";
    case DigestAlgorithm::kMd5: return "MD5";
    case DigestAlgorithm::kSha256Session: return "SHA-256-sess";
    case DigestAlgorithm::kSha256: break;
  }
  return "SHA-256";
}

// Not inline: its many callers would each have a copy.
[[gnu::noinline]] void AppendText(std::string_view text, HttpRequest* request) {
  request->Append(AsBytes(text));
}

// `quoted` is escaped already.
void AppendQuoted(std::string_view name, std::string_view quoted, HttpRequest* request) {
  AppendText(name, request);
  AppendText("=\"", request);
  AppendText(quoted, request);
  AppendText("\"", request);
}

void AppendEscapedUsername(std::string_view username, HttpRequest* request) {
  AppendText("username=\"", request);
  for (size_t i = 0; i < username.size(); ++i) {
    if (username[i] == '"' || username[i] == '\\') AppendText("\\", request);
    AppendText(username.substr(i, 1), request);
  }
  AppendText("\"", request);
}

}  // namespace

void HttpCredentials::Set(std::string_view username, std::string_view password) {
  username_size_ = static_cast<uint8_t>(username.copy(username_.data(), username_.size()));
  password_size_ = static_cast<uint8_t>(password.copy(password_.data(), password_.size()));
}

void HttpCredentials::Wipe() {
  explicit_bzero(username_.data(), username_.size());
  explicit_bzero(password_.data(), password_.size());
  username_size_ = password_size_ = 0;
}

void AppendBasic(std::string_view username, std::string_view password, HttpRequest* request) {
  AppendText("Basic ", request);
  Base64Writer writer(request);
  writer.Put(username);
  writer.Put(":");
  writer.Put(password);
  writer.Finish();
}

HexDigest DigestResponse(const DigestChallenge& challenge, std::string_view username,
                         std::string_view password, const DigestUse& use) {
  TextHash a1(challenge.algorithm);
  a1.Update(username);
  a1.Update(":");
  a1.UpdateUnquoted(challenge.realm());
  a1.Update(":");
  a1.Update(password);
  HexDigest secret = a1.Finish();
  if (IsSession(challenge.algorithm)) {
    // Hexadecimal digits, where RFC 2617 left open whether the bare digest was meant.
    TextHash session(challenge.algorithm);
    session.Update(secret.text());
    session.Update(":");
    session.UpdateUnquoted(challenge.nonce());
    session.Update(":");
    session.Update(use.cnonce);
    secret = session.Finish();
  }
  TextHash a2(challenge.algorithm);
  a2.Update(use.method);
  a2.Update(":");
  a2.Update(use.uri);

  TextHash response(challenge.algorithm);
  response.Update(secret.text());
  explicit_bzero(secret.digits.data(), secret.digits.size());
  response.Update(":");
  response.UpdateUnquoted(challenge.nonce());
  response.Update(":");
  if (challenge.has_qop) {
    response.Update(NonceCount(use.nonce_count).text());
    response.Update(":");
    response.Update(use.cnonce);
    response.Update(":auth:");
  }
  response.Update(a2.Finish().text());
  return response.Finish();
}

HexDigest HashedUsername(const DigestChallenge& challenge, std::string_view username) {
  TextHash hash(challenge.algorithm);
  hash.Update(username);
  hash.Update(":");
  hash.UpdateUnquoted(challenge.realm());
  return hash.Finish();
}

// RFC 7616 section 3.4 says which values stand between quotes.
void AppendDigest(const DigestChallenge& challenge, const HttpCredentials& credentials, const DigestUse& use,
                  HttpRequest* request) {
  AppendText("Digest ", request);
  if (challenge.hashes_user) {
    AppendQuoted("username", HashedUsername(challenge, credentials.username()).text(), request);
  } else {
    AppendEscapedUsername(credentials.username(), request);
  }
  AppendQuoted(", realm", challenge.realm(), request);
  AppendQuoted(", nonce", challenge.nonce(), request);
  AppendQuoted(", uri", use.uri, request);
  AppendQuoted(", response",
               DigestResponse(challenge, credentials.username(), credentials.password(), use).text(),
               request);
  if (challenge.names_algorithm) {
    AppendText(", algorithm=", request);
    AppendText(AlgorithmName(challenge.algorithm), request);
  }
  if (challenge.has_qop) {
    AppendText(", qop=auth, nc=", request);
    AppendText(NonceCount(use.nonce_count).text(), request);
    AppendQuoted(", cnonce", use.cnonce, request);
  }
  if (challenge.has_opaque) AppendQuoted(", opaque", challenge.opaque(), request);
  if (challenge.hashes_user) AppendText(", userhash=true", request);
}

}  // namespace socksify

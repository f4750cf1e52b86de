// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/http_authorization.h"

#include <string.h>

#include <algorithm>
#include <initializer_list>

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

// Feeds the text between quotes without the backslashes of its quoted pairs.
template <typename Hash>
void UpdateUnquoted(Hash* hash, std::string_view quoted) {
  for (size_t i = 0; i < quoted.size(); ++i) {
    if (quoted[i] == '\\' && i + 1 < quoted.size()) ++i;
    hash->Update(AsBytes(quoted.substr(i, 1)));
  }
}

template <typename Hash>
HexDigest FinishHex(Hash* hash) {
  typename Hash::Digest digest = hash->Finish();
  HexDigest hex;
  for (const uint8_t byte : digest) {
    hex.digits[hex.size++] = kHexDigits[byte >> 4];
    hex.digits[hex.size++] = kHexDigits[byte & 0xf];
  }
  explicit_bzero(digest.data(), digest.size());
  return hex;
}

template <typename Hash>
HexDigest HashTexts(std::initializer_list<std::string_view> texts) {
  Hash hash;
  for (const std::string_view text : texts) hash.Update(AsBytes(text));
  return FinishHex(&hash);
}

// nc-value: eight hexadecimal digits.
struct NonceCount {
  explicit NonceCount(uint32_t count) {
    for (size_t i = 0; i < digits.size(); ++i) digits[i] = kHexDigits[count >> (28 - 4 * i) & 0xf];
  }
  std::string_view text() const { return {digits.data(), digits.size()}; }
  std::array<char, 8> digits{};
};

bool IsSession(DigestAlgorithm algorithm) {
  return algorithm == DigestAlgorithm::kMd5Session || algorithm == DigestAlgorithm::kSha256Session;
}

bool IsMd5(DigestAlgorithm algorithm) {
  return algorithm == DigestAlgorithm::kMd5 || algorithm == DigestAlgorithm::kMd5Session;
}

template <typename Hash>
HexDigest Respond(const DigestChallenge& challenge, std::string_view username, std::string_view password,
                  const DigestUse& use) {
  Hash a1;
  a1.Update(AsBytes(username));
  a1.Update(AsBytes(":"));
  UpdateUnquoted(&a1, challenge.realm());
  a1.Update(AsBytes(":"));
  a1.Update(AsBytes(password));
  HexDigest secret = FinishHex(&a1);
  if (IsSession(challenge.algorithm)) {
    // Hexadecimal digits, where RFC 2617 left open whether the bare digest was meant.
    Hash session;
    session.Update(AsBytes(secret.text()));
    session.Update(AsBytes(":"));
    UpdateUnquoted(&session, challenge.nonce());
    session.Update(AsBytes(":"));
    session.Update(AsBytes(use.cnonce));
    secret = FinishHex(&session);
  }
  const HexDigest a2 = HashTexts<Hash>({use.method, ":", use.uri});

  Hash response;
  response.Update(AsBytes(secret.text()));
  explicit_bzero(secret.digits.data(), secret.digits.size());
  response.Update(AsBytes(":"));
  UpdateUnquoted(&response, challenge.nonce());
  response.Update(AsBytes(":"));
  if (challenge.has_qop) {
    response.Update(AsBytes(NonceCount(use.nonce_count).text()));
    response.Update(AsBytes(":"));
    response.Update(AsBytes(use.cnonce));
    response.Update(AsBytes(":auth:"));
  }
  response.Update(AsBytes(a2.text()));
  return FinishHex(&response);
}

template <typename Hash>
HexDigest HashUser(const DigestChallenge& challenge, std::string_view username) {
  Hash hash;
  hash.Update(AsBytes(username));
  hash.Update(AsBytes(":"));
  UpdateUnquoted(&hash, challenge.realm());
  return FinishHex(&hash);
}

std::string_view AlgorithmName(DigestAlgorithm algorithm) {
  switch (algorithm) {
    case DigestAlgorithm::kMd5Session: return "MD5-sess";
    case DigestAlgorithm::kMd5: return "MD5";
    case DigestAlgorithm::kSha256Session: return "SHA-256-sess";
    case DigestAlgorithm::kSha256: break;
  }
  return "SHA-256";
}

void AppendText(std::string_view text, HttpRequest* request) {
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
  return IsMd5(challenge.algorithm) ? Respond<Md5>(challenge, username, password, use)
                                    : Respond<Sha256>(challenge, username, password, use);
}

HexDigest HashedUsername(const DigestChallenge& challenge, std::string_view username) {
  return IsMd5(challenge.algorithm) ? HashUser<Md5>(challenge, username)
                                    : HashUser<Sha256>(challenge, username);
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

// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/http_authorization.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/protocol/scripted_socket.h"

namespace socksify {
namespace {

constexpr std::string_view kNonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
constexpr std::string_view kOpaque = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS";
// RFC 7616 section 3.9.1.
constexpr DigestUse kRfc7616Use = {.method = "GET",
                                   .uri = "/dir/index.html",
                                   .cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                                   .nonce_count = 1};

DigestChallenge Rfc7616Challenge(DigestAlgorithm algorithm) {
  DigestChallenge challenge;
  EXPECT_TRUE(challenge.SetTexts("http-auth@example.org", kNonce, kOpaque));
  challenge.algorithm = algorithm;
  challenge.names_algorithm = true;
  challenge.has_qop = true;
  challenge.has_opaque = true;
  return challenge;
}

std::string Text(const HttpRequest& request) {
  const auto bytes = request.pending();
  return {bytes.begin(), bytes.end()};
}

std::string Basic(std::string_view username, std::string_view password) {
  HttpRequest request;
  AppendBasic(username, password, &request);
  return Text(request);
}

std::string Digest(const DigestChallenge& challenge, std::string_view username, std::string_view password,
                   const DigestUse& use) {
  HttpCredentials credentials;
  credentials.Set(username, password);
  HttpRequest request;
  AppendDigest(challenge, credentials, use, &request);
  return Text(request);
}

// RFC 7617 sections 2 and 2.1; the others show every length of padding.
TEST(HttpAuthorizationTest, Basic) {
  EXPECT_EQ(Basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(Basic("test", "123\u00a3"), "Basic dGVzdDoxMjPCow==");
  EXPECT_EQ(Basic("a", "b"), "Basic YTpi");
  EXPECT_EQ(Basic("a", ""), "Basic YTo=");
  EXPECT_EQ(Basic("ab", "c"), "Basic YWI6Yw==");
  EXPECT_EQ(Basic("\xff\xfe", "\xfb"), "Basic //46+w==");
}

TEST(HttpAuthorizationTest, BasicAtFullLengthFitsARequest) {
  EXPECT_EQ(Basic(std::string(255, 'u'), std::string(255, 'p')).size(), 6U + (511 + 2) / 3 * 4);
}

// The first two are in the RFC, the sessions have no example there.
TEST(HttpAuthorizationTest, Rfc7616Responses) {
  const struct {
    DigestAlgorithm algorithm;
    const char* response;
  } kCases[] = {
      {DigestAlgorithm::kMd5, "8ca523f5e9506fed4657c9700eebdbec"},
      {DigestAlgorithm::kSha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
      {DigestAlgorithm::kMd5Session, "e783283f46242139c486a698fec7211d"},
      {DigestAlgorithm::kSha256Session, "2fd51b3a77ad75bad6afad6003e818d767133c46d9e2749e7f5232ae1ea3efd7"},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(
        DigestResponse(Rfc7616Challenge(test.algorithm), "Mufasa", "Circle of Life", kRfc7616Use).text(),
        test.response);
  }
}

// RFC 2617 section 3.5, and RFC 2069 section 2.4 with its erratum 749.
TEST(HttpAuthorizationTest, OlderResponses) {
  DigestChallenge challenge;
  ASSERT_TRUE(challenge.SetTexts("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093",
                                 "5ccc069c403ebaf9f0171e9517f40e41"));
  const DigestUse use = {.method = "GET", .uri = "/dir/index.html", .cnonce = "0a4f113b", .nonce_count = 1};
  challenge.has_qop = true;
  EXPECT_EQ(DigestResponse(challenge, "Mufasa", "Circle Of Life", use).text(),
            "6629fae49393a05397450978507c4ef1");
  challenge.has_qop = false;
  EXPECT_EQ(DigestResponse(challenge, "Mufasa", "CircleOfLife", use).text(),
            "1949323746fe6a43ef61f9606e7febea");
}

TEST(HttpAuthorizationTest, DigestHasAllParameters) {
  EXPECT_EQ(
      Digest(Rfc7616Challenge(DigestAlgorithm::kSha256), "Mufasa", "Circle of Life", kRfc7616Use),
      "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", "
      "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", uri=\"/dir/index.html\", "
      "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", algorithm=SHA-256, "
      "qop=auth, nc=00000001, cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", "
      "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"");
}

TEST(HttpAuthorizationTest, DigestRepeatsOnlyWhatTheChallengeHas) {
  DigestChallenge challenge;
  ASSERT_TRUE(challenge.SetTexts("wonderland", "abc", ""));
  EXPECT_EQ(
      Digest(challenge, "alice", "open sesame", {.method = "CONNECT", .uri = "web.test:80", .cnonce = "x"}),
      "Digest username=\"alice\", realm=\"wonderland\", nonce=\"abc\", uri=\"web.test:80\", "
      "response=\"1568dcf1473329893598b7f7639dde88\"");
  challenge.has_opaque = true;
  challenge.names_algorithm = true;
  EXPECT_EQ(
      Digest(challenge, "alice", "open sesame", {.method = "CONNECT", .uri = "web.test:80", .cnonce = "x"}),
      "Digest username=\"alice\", realm=\"wonderland\", nonce=\"abc\", uri=\"web.test:80\", "
      "response=\"1568dcf1473329893598b7f7639dde88\", algorithm=MD5, opaque=\"\"");
}

TEST(HttpAuthorizationTest, NamesEveryAlgorithm) {
  const struct {
    DigestAlgorithm algorithm;
    const char* name;
  } kCases[] = {
      {DigestAlgorithm::kMd5, "algorithm=MD5, "},
      {DigestAlgorithm::kMd5Session, "algorithm=MD5-sess, "},
      {DigestAlgorithm::kSha256, "algorithm=SHA-256, "},
      {DigestAlgorithm::kSha256Session, "algorithm=SHA-256-sess, "},
  };
  for (const auto& test : kCases) {
    EXPECT_TRUE(Digest(Rfc7616Challenge(test.algorithm), "Mufasa", "x", kRfc7616Use).contains(test.name));
  }
}

TEST(HttpAuthorizationTest, CountsTheUsesOfANonceInEightHexadecimalDigits) {
  DigestUse use = kRfc7616Use;
  use.nonce_count = 0x1f;
  const std::string text = Digest(Rfc7616Challenge(DigestAlgorithm::kMd5), "Mufasa", "Circle of Life", use);
  EXPECT_TRUE(text.contains("nc=0000001f, "));
  EXPECT_TRUE(text.contains("response=\"b73d3a33f555d3e92224325b96a4020c\""));
}

// What is escaped on the wire is hashed without the backslashes.
TEST(HttpAuthorizationTest, EscapesAndUnescapesQuotedPairs) {
  DigestChallenge challenge;
  ASSERT_TRUE(challenge.SetTexts(R"(wonder\"land\\)", R"(\a\bc)", R"(\")"));
  challenge.has_opaque = true;
  challenge.has_qop = true;
  EXPECT_EQ(Digest(challenge, R"(al"ice\)", "open sesame",
                   {.method = "CONNECT", .uri = "web.test:80", .cnonce = "0123456789abcdeffedcba9876543210"}),
            R"(Digest username="al\"ice\\", realm="wonder\"land\\", nonce="\a\bc", uri="web.test:80", )"
            R"(response="7c531a2765087b3ed718953777f17b51", qop=auth, nc=00000001, )"
            R"(cnonce="0123456789abcdeffedcba9876543210", opaque="\"")");
}

TEST(HttpAuthorizationTest, HashesTheUserNameWhereAsked) {
  DigestChallenge challenge;
  ASSERT_TRUE(challenge.SetTexts("wonderland", "abc", ""));
  challenge.hashes_user = true;
  EXPECT_EQ(HashedUsername(challenge, "alice").text(), "50becea50aa4ad0810518ae279143087");
  EXPECT_EQ(
      Digest(challenge, "alice", "open sesame", {.method = "CONNECT", .uri = "web.test:80", .cnonce = "x"}),
      "Digest username=\"50becea50aa4ad0810518ae279143087\", realm=\"wonderland\", nonce=\"abc\", "
      "uri=\"web.test:80\", response=\"1568dcf1473329893598b7f7639dde88\", userhash=true");
  challenge.algorithm = DigestAlgorithm::kSha256;
  EXPECT_EQ(HashedUsername(challenge, "alice").text(),
            "7534dfc5bb83f1334c1dd32ff8f46bea35e851686dbed7a695cd0cf659cf01d8");
}

TEST(HttpAuthorizationTest, CredentialsAreWiped) {
  HttpCredentials credentials;
  credentials.Set("alice", "open sesame");
  EXPECT_EQ(credentials.username(), "alice");
  EXPECT_EQ(credentials.password(), "open sesame");
  EXPECT_TRUE(Remembers(credentials, "sesame"));
  credentials.Wipe();
  EXPECT_EQ(credentials.username(), "");
  EXPECT_EQ(credentials.password(), "");
  EXPECT_FALSE(Remembers(credentials, "sesame"));
  EXPECT_FALSE(Remembers(credentials, "alice"));
}

}  // namespace
}  // namespace socksify

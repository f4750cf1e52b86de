// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/http_challenge.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace socksify {
namespace {

std::string Describe(const HttpChallenges& found) {
  std::string text = found.has_basic ? "basic" : "";
  if (found.is_too_long) text += " too-long";
  if (!found.has_digest) return text;
  const DigestChallenge& digest = found.digest;
  switch (digest.algorithm) {
    case DigestAlgorithm::kMd5: text += " md5"; break;
    case DigestAlgorithm::kMd5Session: text += " md5-sess"; break;
    case DigestAlgorithm::kSha256: text += " sha-256"; break;
    case DigestAlgorithm::kSha256Session: text += " sha-256-sess"; break;
  }
  if (!digest.names_algorithm) text += "?";
  text += " <" + std::string(digest.realm()) + "> <" + std::string(digest.nonce()) + ">";
  if (digest.has_opaque) text += " opaque <" + std::string(digest.opaque()) + ">";
  if (digest.has_qop) text += " qop";
  if (digest.is_stale) text += " stale";
  if (digest.hashes_user) text += " userhash";
  return text;
}

std::string Read(const std::vector<std::string>& values) {
  HttpChallenges found;
  for (const std::string& value : values) found.Add(value);
  return Describe(found);
}

TEST(HttpChallengeTest, ReadsWhatProxiesSend) {
  const struct {
    std::string value;
    const char* found;
  } kCases[] = {
      {R"(Basic realm="proxy")", "basic"},
      {"Basic", "basic"},
      {"bAsIc REALM=x", "basic"},
      // Squid.
      {R"(Digest realm="Squid", nonce="abc", qop="auth", stale=false)", " md5? <Squid> <abc> qop"},
      {R"(DIGEST REALM="r",NONCE="n",ALGORITHM=md5,QOP="AUTH",STALE=TRUE)", " md5 <r> <n> qop stale"},
      // Windows.
      {R"(Digest qop="auth",algorithm=MD5-sess,nonce="+Upgraded+v1",charset=utf-8,realm="AD")",
       " md5-sess <AD> <+Upgraded+v1> qop"},
      // RFC 7616 section 3.9.1.
      {R"(Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7y/v", opaque="FQ/S")",
       " sha-256 <http-auth@example.org> <7y/v> opaque <FQ/S> qop"},
      {R"(Digest realm=r, nonce=n, algorithm="SHA-256-sess", qop=auth, userhash=true)",
       " sha-256-sess <r> <n> qop userhash"},
      {R"(Digest realm="r", nonce="n", userhash="TRUE", stale="true", qop="auth-int,auth")",
       " md5? <r> <n> qop stale userhash"},
      {R"(Digest realm="r", nonce="n", userhash=false, stale=no, domain="/ /x")", " md5? <r> <n>"},
      {R"(Digest realm="", nonce="", opaque="")", " md5? <> <> opaque <>"},
      {R"(Digest realm="a, Basic b=\"c\", \\", nonce="n")", R"( md5? <a, Basic b=\"c\", \\> <n>)"},
      {"Digest realm = \"r\" ,\t,, nonce\t=\tn , ", " md5? <r> <n>"},
      {",, ,Digest   realm=\"a\tb\",nonce=n", " md5? <a\tb> <n>"},
  };
  for (const auto& test : kCases) EXPECT_EQ(Read({test.value}), test.found) << test.value;
}

TEST(HttpChallengeTest, TellsChallengesInOneFieldApart) {
  const struct {
    std::string value;
    const char* found;
  } kCases[] = {
      {R"(Basic realm="x", Digest realm="r", nonce="n")", "basic md5? <r> <n>"},
      {R"(Digest realm="r", nonce="n", Basic realm="x")", "basic md5? <r> <n>"},
      {R"(Digest realm="r", nonce="n", Basic)", "basic md5? <r> <n>"},
      {R"(Negotiate, NTLM, Basic realm="x")", "basic"},
      {R"(Negotiate YII/+a==, Digest realm="r", nonce="n")", " md5? <r> <n>"},
      {R"(NTLM TlRMTVNTUAACAAAA, Digest realm="r", nonce="n", NTLM Basic)", " md5? <r> <n>"},
      {"NTLM abc==\t , Digest realm=\"r\", nonce=\"n\"", " md5? <r> <n>"},
      {"Negotiate Basic/Digest \t, Digest realm=\"r\", nonce=\"n\"", " md5? <r> <n>"},
      {R"(Negotiate Basic/Digest=, Digest realm="r", nonce="n")", " md5? <r> <n>"},
      {R"(Bearer realm="x", nonce="b", Digest realm="r", nonce="n")", " md5? <r> <n>"},
      {R"(Unknown a="Digest realm=x, nonce=y", Basic realm=z)", "basic"},
  };
  for (const auto& test : kCases) EXPECT_EQ(Read({test.value}), test.found) << test.value;
}

TEST(HttpChallengeTest, TakesTheStrongestDigest) {
  const std::string kMd5 = R"(Digest realm="5", nonce="n", qop="auth", algorithm=MD5)";
  const std::string kMd5Session = R"(Digest realm="5s", nonce="n", qop="auth", algorithm=MD5-sess)";
  const std::string kSha = R"(Digest realm="256", nonce="n", qop="auth", algorithm=SHA-256)";
  const std::string kShaSession = R"(Digest realm="256s", nonce="n", qop="auth", algorithm=SHA-256-sess)";
  const std::string kUnknown = R"(Digest realm="512", nonce="n", qop="auth", algorithm=SHA-512-256)";
  EXPECT_EQ(Read({kMd5, kSha}), " sha-256 <256> <n> qop");
  EXPECT_EQ(Read({kSha, kMd5}), " sha-256 <256> <n> qop");
  EXPECT_EQ(Read({kSha + ", " + kMd5}), " sha-256 <256> <n> qop");
  EXPECT_EQ(Read({kMd5 + ", " + kSha}), " sha-256 <256> <n> qop");
  EXPECT_EQ(Read({kMd5Session, kShaSession, kMd5}), " sha-256-sess <256s> <n> qop");
  EXPECT_EQ(Read({kMd5Session, kMd5}), " md5 <5> <n> qop");
  EXPECT_EQ(Read({kUnknown, kMd5, kUnknown}), " md5 <5> <n> qop");
  // Of two equal ones the first.
  EXPECT_EQ(Read({R"(Digest realm=a, nonce=n)", R"(Digest realm=b, nonce=n)"}), " md5? <a> <n>");
}

TEST(HttpChallengeTest, PassesOverWhatCannotBeAnswered) {
  const std::string kCases[] = {
      "",
      ",",
      " \t",
      "=",
      "\"",
      "Digest",
      R"(Digest realm="r")",
      R"(Digest nonce="n")",
      R"(Digest realm="r", nonce)",
      R"(Digest realm="r", nonce=)",
      R"(Digest realm="r", nonce="n)",
      R"(Digest realm="r", nonce="n\")",
      R"(Digest realm="r", nonce="n" x)",
      R"(Digest realm="r" nonce="n")",
      R"(Digest realm="r", nonce="n", "q")",
      R"(Digest realm="r", nonce="n", opaque=@)",
      R"(Digest realm="r", nonce="n", qop="auth-int")",
      R"(Digest realm="r", nonce="n", qop="authentic")",
      R"(Digest realm="r", nonce="n", qop="")",
      R"(Digest realm="r", nonce="n", algorithm=SHA-512-256)",
      R"(Digest realm="r", nonce="n", algorithm=)",
      R"(Digest realm="r", nonce="n", algorithm=MD5-sess)",
      R"(Digest realm="r", nonce="n", algorithm=SHA-256-sess)",
      R"(Digestive realm="r", nonce="n")",
      "Digest realm=\"r\rX: y\", nonce=\"n\"",
      "Digest realm=\"r\", nonce=\"n\x7f\"",
      std::string("Digest realm=\"r\", nonce=\"n\0\"", 28),
  };
  for (const std::string& value : kCases) EXPECT_EQ(Read({value}), "") << value;
}

TEST(HttpChallengeTest, ABrokenChallengeDoesNotHideTheNext) {
  EXPECT_EQ(Read({R"(Digest realm="r", nonce=@, Digest realm="r", nonce="n")"}), " md5? <r> <n>");
  EXPECT_EQ(Read({R"(Digest realm="r", nonce="n)", "Basic"}), "basic");
}

TEST(HttpChallengeTest, BoundsTheTexts) {
  const std::string realm(256, 'r');
  const std::string nonce(512, 'n');
  const std::string fits = "Digest realm=\"" + realm + "\", nonce=\"" + nonce + "\"";
  EXPECT_EQ(Read({fits}), " md5? <" + realm + "> <" + nonce + ">");
  EXPECT_EQ(Read({fits + ", opaque=\"\""}), " md5? <" + realm + "> <" + nonce + "> opaque <>");
  EXPECT_EQ(Read({fits + ", opaque=\"o\""}), " too-long");
  EXPECT_EQ(Read({fits + ", opaque=\"o\"", "Digest realm=r, nonce=n"}), " too-long md5? <r> <n>");
}

}  // namespace
}  // namespace socksify

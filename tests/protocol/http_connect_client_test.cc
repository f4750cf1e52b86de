// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/http_connect_client.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/protocol/http_fixture.h"

namespace socksify {
namespace {

// The challenges of a proxy, and what alice answers to them in kSeed's words.
const std::string kMd5Field =
    "Proxy-Authenticate: Digest realm=\"wonderland\", nonce=\"abc\", qop=\"auth\"\r\n";
const std::string kShaField =
    "Proxy-Authenticate: Digest realm=\"wonderland\", nonce=\"abc\", qop=\"auth\", algorithm=SHA-256, "
    "opaque=\"o\"\r\n";
const std::string kStaleField =
    "Proxy-Authenticate: Digest realm=\"wonderland\", nonce=\"def\", qop=\"auth\", stale=true\r\n";

std::string Md5Answer(std::string_view nonce, std::string_view response, std::string_view count = "1") {
  return kConnect + "Proxy-Authorization: Digest username=\"alice\", realm=\"wonderland\", nonce=\"" +
         std::string(nonce) + "\", uri=\"web.test:80\", response=\"" + std::string(response) +
         "\", qop=auth, nc=0000000" + std::string(count) +
         ", cnonce=\"0123456789abcdeffedcba9876543210\"\r\n\r\n";
}
const std::string kMd5Answer = Md5Answer("abc", "435acf33e940345cfe0964a74d85b637");
const std::string kMd5AnswerAgain = Md5Answer("abc", "46df9721578604f4d93a0392793ed59c", "2");
const std::string kStaleAnswer = Md5Answer("def", "09089159053989c48cded09df1a5b4d2");
const std::string kShaAnswer =
    kConnect +
    "Proxy-Authorization: Digest username=\"alice\", realm=\"wonderland\", nonce=\"abc\", "
    "uri=\"web.test:80\", "
    "response=\"1d5177f514edb7e7191203edbc031e268f812e033ffa6c9acab98a5fc3644982\", algorithm=SHA-256, "
    "qop=auth, nc=00000001, cnonce=\"0123456789abcdeffedcba9876543210\", opaque=\"o\"\r\n\r\n";

const std::string kEmptyBody = "Content-Length: 0\r\n";

TEST(HttpConnectClientTest, ConnectsWithoutAuthentication) {
  ExpectHttpDone(kHttpAnonymous, {kEstablished}, {kPlainRequest});
}

TEST(HttpConnectClientTest, SendsBasicAtOnce) {
  ExpectHttpDone(kHttpAliceBasic, {kEstablished}, {kBasicRequest});
  ExpectHttpDone(kHttpAlice, {kEstablished}, {kBasicRequest});
}

TEST(HttpConnectClientTest, SendsNothingOfTheUserWhereDigestAloneIsAllowed) {
  ExpectHttpDone(kHttpAliceDigest, {kEstablished}, {kPlainRequest});
}

TEST(HttpConnectClientTest, HasNoUseForAPasswordWithoutAUser) {
  ExpectHttpDone({.username = "", .password = "open sesame"}, {kEstablished}, {kPlainRequest});
  ExpectHttpDone({.username = "alice", .password = "open sesame", .basic = false, .digest = false},
                 {kEstablished}, {kPlainRequest});
}

TEST(HttpConnectClientTest, TakesEverySuccess) {
  for (const char* const reply :
       {"HTTP/1.0 200\n\n", "HTTP/1.1 299 ?\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 17\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\nVia: a,\r\n b\r\nX: y\n\r\n"}) {
    SCOPED_TRACE(reply);
    ExpectHttpDone(kHttpAnonymous, {reply}, {kPlainRequest});
  }
}

TEST(HttpConnectClientTest, NamesEveryTypeOfDestination) {
  const std::string longest(255, 'n');
  const struct {
    Endpoint destination;
    std::string target;
  } kCases[] = {
      {Endpoint::FromHost("10.1.2.3", 8080).value(), "10.1.2.3:8080"},
      {Endpoint::FromHost("255.255.255.255", 65535).value(), "255.255.255.255:65535"},
      {Endpoint::FromHost("2001:db8::7", 53).value(), "[2001:db8::7]:53"},
      {Endpoint::FromIp(IpAddress::Parse("fe80::1%3").value(), 1), "[fe80::1]:1"},
      {Endpoint::FromHost("2001:db8:1111:2222:3333:4444:5555:6666", 65535).value(),
       "[2001:db8:1111:2222:3333:4444:5555:6666]:65535"},
      {Endpoint::FromName("x", 0).value(), "x:0"},
      {Endpoint::FromName("Web-1._tcp.test.", 443).value(), "Web-1._tcp.test.:443"},
      {Endpoint::FromName(longest, 65535).value(), longest + ":65535"},
  };
  for (const auto& test : kCases) {
    HttpConnectClient client;
    client.Start(test.destination, kHttpAnonymous);
    const HttpOutcome outcome = DriveHttp(client, {kEstablished}, {});
    EXPECT_EQ(outcome.sent[0], "CONNECT " + test.target + " HTTP/1.1\r\nHost: " + test.target +
                                   "\r\nProxy-Connection: keep-alive\r\n\r\n");
    EXPECT_EQ(outcome.state, HandshakeState::kDone);
    EXPECT_EQ(client.bound(), Endpoint());
  }
}

TEST(HttpConnectClientTest, RefusesAtOnceWhatCannotBeSaid) {
  for (int byte = 1; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool may_stand = (byte < 128 && isalnum(byte) != 0) || strchr("-._~!$&'()*+,;=", byte) != nullptr;
    SCOPED_TRACE(byte);
    HttpConnectClient client;
    client.Start(Endpoint::FromName(std::string("a") + c + "b", 80).value(), kHttpAlice);
    if (may_stand) {
      EXPECT_EQ(client.state(), HandshakeState::kWrite);
      continue;
    }
    ASSERT_EQ(client.state(), HandshakeState::kFailed);
    EXPECT_TRUE(client.output().empty());
    ExpectFailure(client.failure(), Fault::kServer, EAFNOSUPPORT, -1,
                  "the name has characters that an HTTP request cannot say");
  }
}

TEST(HttpConnectClientTest, RefusesAtOnceCredentialsThatCannotBeSaid) {
  const std::string too_long(256, 'x');
  const struct {
    HttpAuth auth;
    const char* reason;
  } kCases[] = {
      {{.username = too_long, .password = "x"}, "the HTTP username is longer than 255 bytes"},
      {{.username = "alice", .password = too_long}, "the HTTP password is longer than 255 bytes"},
      {{.username = "al\nice", .password = "x"}, "the HTTP username or password has a control character"},
      {{.username = "alice", .password = "x\r"}, "the HTTP username or password has a control character"},
      {{.username = "alice", .password = "x\x7f"}, "the HTTP username or password has a control character"},
      {{.username = "al:ice", .password = "x", .basic = true, .digest = false},
       "Basic authentication cannot say a username with a colon"},
  };
  for (const auto& test : kCases) {
    HttpConnectClient client = StartedHttp(test.auth);
    ASSERT_EQ(client.state(), HandshakeState::kFailed);
    EXPECT_TRUE(client.output().empty());
    ExpectFailure(client.failure(), Fault::kServer, EACCES, -1, test.reason);
  }
}

TEST(HttpConnectClientTest, AUserNameWithAColonIsForDigestAlone) {
  const HttpAuth auth = {.username = "al:ice", .password = "open sesame"};
  ExpectHttpDone(auth, {kEstablished}, {kPlainRequest});
}

TEST(HttpConnectClientTest, CredentialsMayHaveTheirFullLength) {
  // Every byte escaped, with the longest name and the longest challenge there is.
  const std::string username(255, '"');
  const std::string password(255, '\\');
  const std::string name(255, 'n');
  const std::string opaque(DigestChallenge::kMaxTextSize - 2, 'o');
  HttpConnectClient client;
  client.Start(Endpoint::FromName(name, 65535).value(),
               {.username = username, .password = password, .basic = false, .cnonce_seed = kSeed});
  const HttpOutcome outcome = DriveHttp(
      client,
      {Challenge("Proxy-Authenticate: Digest realm=r, nonce=n, qop=auth, algorithm=SHA-256-sess, opaque=\"" +
                 opaque + "\"\r\n" + kEmptyBody) +
       kEstablished},
      {});
  EXPECT_EQ(outcome.state, HandshakeState::kDone);
  EXPECT_TRUE(outcome.sent[0].ends_with("\", opaque=\"" + opaque + "\"\r\n\r\n"));
}

TEST(HttpConnectClientTest, AnswersOnTheSameConnection) {
  for (const std::string& challenge :
       {Challenge(kMd5Field + kEmptyBody), Challenge(kMd5Field + "Content-Length: 5\r\n", "hello"),
        Challenge(kMd5Field + "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n1;x\n!\n0\r\nA: b\r\n\r\n"),
        "HTTP/1.1 100 Continue\r\n\r\n" + Challenge(kMd5Field + kEmptyBody)}) {
    SCOPED_TRACE(challenge);
    ExpectHttpDone(kHttpAliceDigest, {challenge + kEstablished}, {kPlainRequest + kMd5Answer});
    ExpectHttpDone(kHttpAlice, {challenge + kEstablished}, {kBasicRequest + kMd5Answer});
  }
}

TEST(HttpConnectClientTest, AnswersOnANewConnection) {
  for (const std::string& challenge :
       {Challenge(kMd5Field), Challenge(kMd5Field + "Connection: close\r\nContent-Length: 5\r\n", "hello"),
        Challenge(kMd5Field + "Proxy-Connection: Close\r\nContent-Length: 0\r\n"),
        Challenge(kMd5Field + "Content-Length: 65537\r\n", "hello"),
        "HTTP/1.0 407 Who?\r\n" + kMd5Field + "Content-Length: 0\r\n\r\n"}) {
    SCOPED_TRACE(challenge);
    ExpectHttpDone(kHttpAliceDigest, {challenge, kEstablished}, {kPlainRequest, kMd5Answer});
    ExpectHttpDone(kHttpAlice, {challenge, kEstablished}, {kBasicRequest, kMd5Answer});
  }
}

TEST(HttpConnectClientTest, ABodyThatEndsEarlyOrIsBrokenCostsTheConnection) {
  const std::string long_body(HttpBodySkipper::kMaxSize, 'x');
  for (const std::string& challenge : {
           Challenge(kMd5Field + "Content-Length: 5\r\n", "hell"),
           Challenge(kMd5Field + "Content-Length: 5\r\n"),
           Challenge(kMd5Field + "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n"),
           Challenge(kMd5Field + "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\nx"),
           Challenge(kMd5Field + "Transfer-Encoding: chunked\r\n", "0\r\n" + long_body),
       }) {
    ExpectHttpDone(kHttpAliceDigest, {challenge, kEstablished}, {kPlainRequest, kMd5Answer});
  }
}

// Some proxies promise to keep the connection and end it. Their nonce has been used once then.
TEST(HttpConnectClientTest, AConnectionThatEndsBeforeTheAnswerIsMadeAnew) {
  ExpectHttpDone(kHttpAliceDigest, {Challenge(kMd5Field + kEmptyBody), kEstablished},
                 {kPlainRequest + kMd5Answer, kMd5AnswerAgain});
  HttpConnectClient client = StartedHttp(kHttpAliceDigest);
  client.OutputSent(1000);
  client.Input(AsBytes(Challenge(kMd5Field + kEmptyBody)));
  client.OutputSent(10);
  client.InputClosed();
  EXPECT_EQ(client.state(), HandshakeState::kReconnect);
}

TEST(HttpConnectClientTest, TakesTheStrongestChallenge) {
  const std::string fields = "Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: Basic realm=\"x\"\r\n" +
                             kMd5Field + kShaField + kMd5Field + kEmptyBody;
  ExpectHttpDone(kHttpAliceDigest, {Challenge(fields) + kEstablished}, {kPlainRequest + kShaAnswer});
  ExpectHttpDone(kHttpAlice, {Challenge(fields) + kEstablished}, {kBasicRequest + kShaAnswer});
}

TEST(HttpConnectClientTest, AnswersAStaleNonceOnce) {
  ExpectHttpDone(kHttpAliceDigest,
                 {Challenge(kMd5Field + kEmptyBody) + Challenge(kStaleField + kEmptyBody) + kEstablished},
                 {kPlainRequest + kMd5Answer + kStaleAnswer});
  ExpectHttpDone(kHttpAlice, {Challenge(kMd5Field), Challenge(kStaleField), kEstablished},
                 {kBasicRequest, kMd5Answer, kStaleAnswer});
  ExpectDenied(
      kHttpAliceDigest,
      {Challenge(kMd5Field + kEmptyBody) + Challenge(kStaleField + kEmptyBody) + Challenge(kStaleField)},
      "the proxy rejected the username and password");
}

TEST(HttpConnectClientTest, WrongCredentialsAreTheServersRefusal) {
  constexpr std::string_view kRejected = "the proxy rejected the username and password";
  const std::string basic = "Proxy-Authenticate: Basic realm=\"x\"\r\n";
  ExpectDenied(kHttpAliceBasic, {Challenge(basic)}, kRejected);
  ExpectDenied(kHttpAliceBasic, {Challenge(basic + kMd5Field)}, kRejected);
  ExpectDenied(kHttpAlice, {Challenge(basic)}, kRejected);
  ExpectDenied(kHttpAliceDigest, {Challenge(kMd5Field + kEmptyBody) + Challenge(kMd5Field)}, kRejected);
  ExpectDenied(kHttpAliceDigest, {Challenge(kMd5Field), Challenge(kMd5Field)}, kRejected);
  ExpectDenied(kHttpAlice, {Challenge(kMd5Field), Challenge(basic)}, kRejected);
  ExpectDenied(kHttpAliceDigest, {Challenge(kMd5Field), Challenge("")}, kRejected);
}

TEST(HttpConnectClientTest, NeverBasicWhereDigestAloneIsAllowed) {
  ExpectDenied(kHttpAliceDigest, {Challenge("Proxy-Authenticate: Basic realm=\"x\"\r\n")},
               "the proxy asks for an authentication method that is not allowed or not known");
}

TEST(HttpConnectClientTest, SaysWhyAChallengeCannotBeAnswered) {
  constexpr std::string_view kUnknown =
      "the proxy asks for an authentication method that is not allowed or not known";
  constexpr std::string_view kAnonymousDenied =
      "the proxy accepts no anonymous clients; give a username and a password";
  ExpectDenied(kHttpAnonymous, {Challenge(kMd5Field)}, kAnonymousDenied);
  ExpectDenied(kHttpAnonymous, {Challenge("")}, kAnonymousDenied);
  ExpectDenied(kHttpAlice, {Challenge("Proxy-Authenticate: Negotiate\r\n")}, kUnknown);
  ExpectDenied(kHttpAlice, {Challenge("")}, kUnknown);
  ExpectDenied(kHttpAliceBasic, {Challenge(kMd5Field)}, kUnknown);
  // RFC 7616 section 3.9.2 is for an algorithm that is not known here.
  ExpectDenied(kHttpAliceDigest,
               {Challenge("Proxy-Authenticate: Digest realm=\"api@example.org\", qop=\"auth\", "
                          "algorithm=SHA-512-256, nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", "
                          "opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS\", charset=UTF-8, "
                          "userhash=true\r\n")},
               kUnknown);
  for (const size_t size : {769, 2000, 4000}) {
    ExpectDenied(
        kHttpAliceDigest,
        {Challenge("Proxy-Authenticate: Digest realm=r, nonce=\"" + std::string(size, 'n') + "\"\r\n")},
        "the proxy's challenge is too long to be answered");
  }
}

TEST(HttpConnectClientTest, EveryStatusHasItsMeaning) {
  const struct {
    int status;
    Fault fault;
    int error;
    const char* reason;
  } kKnown[] = {
      {400, Fault::kServer, EOPNOTSUPP, "the proxy does not do CONNECT: 400 Bad Request"},
      {401, Fault::kServer, EACCES, "the proxy refused: 401 Unauthorized"},
      {403, Fault::kDestination, EACCES, "the proxy refused: 403 Forbidden"},
      {404, Fault::kDestination, EHOSTUNREACH, "the proxy refused: 404 Not Found"},
      {405, Fault::kServer, EOPNOTSUPP, "the proxy does not do CONNECT: 405 Method Not Allowed"},
      {408, Fault::kServer, ETIMEDOUT, "the proxy refused: 408 Request Timeout"},
      {429, Fault::kServer, EACCES, "the proxy refused: 429 Too Many Requests"},
      {451, Fault::kDestination, EACCES, "the proxy refused: 451 Unavailable For Legal Reasons"},
      {500, Fault::kServer, EHOSTUNREACH, "the proxy failed: 500 Internal Server Error"},
      {501, Fault::kServer, EOPNOTSUPP, "the proxy does not do CONNECT: 501 Not Implemented"},
      {502, Fault::kDestination, EHOSTUNREACH, "the proxy refused: 502 Bad Gateway"},
      {503, Fault::kServer, EHOSTUNREACH, "the proxy refused: 503 Service Unavailable"},
      {504, Fault::kDestination, ETIMEDOUT, "the proxy refused: 504 Gateway Timeout"},
      {505, Fault::kServer, EOPNOTSUPP, "the proxy does not do HTTP/1.1: 505 HTTP Version Not Supported"},
  };
  for (int status = 300; status < 1000; ++status) {
    if (status == 407) continue;
    SCOPED_TRACE(status);
    auto expected = status < 400 ? kKnown[0] : kKnown[1];
    if (status < 400) {
      expected = {status, Fault::kServer, EACCES, "the proxy redirects instead of connecting"};
    } else if (status < 500) {
      expected = {status, Fault::kDestination, EACCES, "the proxy refused with a 4xx status"};
    } else {
      expected = {status, Fault::kServer, EHOSTUNREACH, "the proxy failed with a 5xx status"};
    }
    for (const auto& known : kKnown) {
      if (known.status == status) expected = known;
    }
    HttpConnectClient client = StartedHttp(kHttpAlice);
    const std::string reply = "HTTP/1.1 " + std::to_string(status) + " Because\r\n\r\n";
    const HttpOutcome outcome = DriveHttp(client, {reply}, {});
    ASSERT_EQ(outcome.state, HandshakeState::kFailed);
    ExpectFailure(outcome.failure, expected.fault, expected.error, status, expected.reason);
  }
  ExpectHttpRefused(kHttpAlice, {"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nForbidden"},
                    Fault::kDestination, EACCES, 403, "the proxy refused: 403 Forbidden");
}

TEST(HttpConnectClientTest, PeekingTakesFewCalls) {
  HttpConnectClient client = StartedHttp(kHttpAliceDigest);
  const std::string body = "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
  const HttpOutcome outcome =
      DriveHttp(client, {Challenge(kMd5Field + "Transfer-Encoding: chunked\r\n", body) + kEstablished},
                {.peeks = true, .chunk = 1024});
  EXPECT_EQ(outcome.state, HandshakeState::kDone);
  // The header, the body, the second header.
  EXPECT_EQ(outcome.receives, 3U);
}

TEST(HttpConnectClientTest, ForgetsTheCredentialsWhenTheyHaveBeenSent) {
  const InCleanMemory<HttpConnectClient> memory([&] { return StartedHttp(kHttpAliceBasic); });
  HttpConnectClient& client = *memory;
  EXPECT_TRUE(Remembers(client, "YWxpY2U6b3BlbiBzZXNhbWU="));
  EXPECT_FALSE(Remembers(client, "sesame"));
  client.OutputSent(client.output().size());
  EXPECT_FALSE(Remembers(client, "YWxpY2U6b3BlbiBzZXNhbWU="));
}

TEST(HttpConnectClientTest, BeginsAnew) {
  HttpConnectClient client = StartedHttp(kHttpAliceDigest);
  EXPECT_EQ(DriveHttp(client, {Challenge(kMd5Field), Challenge(kMd5Field)}, {}).state,
            HandshakeState::kFailed);
  client.Start(Endpoint::FromName("web.test", 80).value(), kHttpAliceDigest);
  const HttpOutcome outcome = DriveHttp(client, {Challenge(kMd5Field), kEstablished}, {});
  EXPECT_EQ(outcome.state, HandshakeState::kDone);
  EXPECT_EQ(outcome.sent[1], kMd5Answer);
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// What the server demands of HTTP clients, and what it takes for an answer.
#include <gtest/gtest.h>

#include <string>

#include "tests/server/raw_http.h"
#include "tests/server/test_server.h"

namespace socksify::testserver {
namespace {

const std::string kTarget = "echo.test:7";
const std::string kBasic = "Proxy-Authenticate: Basic realm=\"test server\", charset=\"UTF-8\"\r\n";

Endpoint Here(const TestServer& server) {
  return server.endpoints().front();
}

// A server that demands alice's credentials, as `script` has it.
struct Guarded {
  explicit Guarded(std::string_view script) {
    server.AddEcho("echo.test");
    server.SetCredentials("alice", "secret");
    server.SetScript(script);
  }
  TestServer server;
};

std::string Demand(const std::string& challenges, const std::string& why) {
  return "HTTP/1.1 407 Proxy Authentication Required\r\n" + challenges +
         "Content-Length: " + std::to_string(why.size() + 1) + "\r\n\r\n" + why + "\n";
}

std::string DigestChallenge(const std::string& answer, const std::string& more = "") {
  return "Proxy-Authenticate: Digest realm=\"test server\", qop=\"auth\", algorithm=MD5, nonce=\"" +
         NonceOf(answer) + "\", opaque=\"a, b=c\"" + more + "\r\n";
}

std::string Ask(RawClient* client, std::string_view headers = "") {
  EXPECT_TRUE(client->Send(ConnectRequest(kTarget, headers)));
  return ReadAnswer(client);
}

TEST(HttpAuthTest, TakesTheAnswerOnTheSameConnection) {
  Guarded guarded("");
  RawClient client(Here(guarded.server));
  const std::string demand = Ask(&client);
  EXPECT_EQ(NonceOf(demand).size(), 34U);
  EXPECT_EQ(demand, Demand(kBasic + DigestChallenge(demand), "no credentials"));
  EXPECT_EQ(guarded.server.requests()[0].outcome, "no credentials");
  EXPECT_EQ(guarded.server.requests()[0].reply_code, 407);

  const std::string line = DigestLine(AnswerOfAlice(NonceOf(demand), kTarget));
  ASSERT_TRUE(client.Send(ConnectRequest(kTarget, line) + "hello"));
  EXPECT_EQ(client.Read(kEstablished.size() + 5), std::string(kEstablished) + "hello");
  const RequestRecord record = guarded.server.requests()[0];
  EXPECT_EQ(record.outcome, "connected");
  EXPECT_EQ(record.auth, "digest");
  EXPECT_EQ(record.algorithm, "MD5");
  EXPECT_EQ(record.user, "alice");
  EXPECT_EQ(record.password, "");
  EXPECT_EQ(record.requests, 2U);
  EXPECT_EQ(record.reply_code, 200);
  EXPECT_EQ(record.raw, ConnectRequest(kTarget) + ConnectRequest(kTarget, line));
}

TEST(HttpAuthTest, TakesTheAnswerOnAnotherConnection) {
  Guarded guarded("http.keep=0");
  RawClient first(Here(guarded.server));
  ASSERT_TRUE(first.Send(ConnectRequest(kTarget)));
  const std::string demand = first.ReadToEnd();
  EXPECT_EQ(demand, Demand(kBasic + DigestChallenge(demand) + "Connection: close\r\n", "no credentials"));
  RawClient second(Here(guarded.server));
  EXPECT_EQ(Ask(&second, DigestLine(AnswerOfAlice(NonceOf(demand), kTarget))), kEstablished);
}

TEST(HttpAuthTest, OfBasic) {
  Guarded guarded("http.auth=basic");
  RawClient client(Here(guarded.server));
  EXPECT_EQ(Ask(&client), Demand(kBasic, "no credentials"));
  const struct {
    const char* value;
    const char* why;
  } table[] = {
      {"Basic YWxpY2U6d3Jvbmc=", "another user name or password"},  // alice:wrong
      {"Basic Ym9iOnNlY3JldA==", "another user name or password"},  // bob:secret
      {"Basic YWxpY2U=", "not the base64 of USER:PASSWORD"},        // alice
      {"Basic YWxpY2U6c2VjcmV", "not the base64 of USER:PASSWORD"},
      {"Basic YWxpY2U6c2VjcmV*", "not the base64 of USER:PASSWORD"},
      {"Basic YWxpY2U6d3Jvbmd=", "not the base64 of USER:PASSWORD"},  // a bit too many
      {"Basic", "not the base64 of USER:PASSWORD"},
      {"Digest username=\"alice\"", "a scheme that was not offered"},
      {"Bearer YWxpY2U6c2VjcmV0", "a scheme that was not offered"},
  };
  for (const auto& one : table) {
    EXPECT_EQ(Ask(&client, "Proxy-Authorization: " + std::string(one.value) + "\r\n"),
              Demand(kBasic, one.why))
        << one.value;
    EXPECT_EQ(guarded.server.requests()[0].outcome, "bad credentials");
  }
  EXPECT_EQ(guarded.server.requests()[0].auth, "bearer");
  EXPECT_EQ(Ask(&client, kBasicOfAlice), kEstablished);
  const RequestRecord record = guarded.server.requests()[0];
  EXPECT_EQ(record.auth, "basic");
  EXPECT_EQ(record.user, "alice");
  EXPECT_EQ(record.password, "secret");
  EXPECT_EQ(record.requests, 11U);
}

TEST(HttpAuthTest, TakesNoBasicWhereDigestIsDemanded) {
  Guarded guarded("http.auth=digest");
  {
    RawClient client(Here(guarded.server));
    const std::string answer = Ask(&client, kBasicOfAlice);
    EXPECT_EQ(answer, Demand(DigestChallenge(answer), "a scheme that was not offered"));
  }
  // A client that leaves after a 407 leaves its outcome.
  ASSERT_TRUE(guarded.server.WaitForFinished(1));
  EXPECT_EQ(guarded.server.requests()[0].outcome, "bad credentials");
}

TEST(HttpAuthTest, OfEveryKindOfDigest) {
  const struct {
    const char* script;
    const char* algorithm;
    const char* qop;
  } table[] = {
      {"http.algorithm=MD5", "MD5", "auth"},
      {"http.algorithm=SHA-256", "SHA-256", "auth"},
      {"http.algorithm=MD5-sess", "MD5-sess", "auth"},
      {"http.algorithm=SHA-256-sess", "SHA-256-sess", "auth"},
      {"http.algorithm=SHA-256,MD5", "MD5", "auth"},
      {"http.algorithm=SHA-256,MD5", "SHA-256", "auth"},
      {"http.qop=none", "MD5", ""},
      {"http.qop=auth-int,auth", "MD5", "auth"},
      {"http.qop=auth-int,auth", "MD5", "auth-int"},
  };
  for (const auto& one : table) {
    Guarded guarded("http.auth=digest " + std::string(one.script));
    RawClient client(Here(guarded.server));
    DigestInput input = AnswerOfAlice(NonceOf(Ask(&client)), kTarget);
    input.algorithm = one.algorithm;
    input.qop = one.qop;
    EXPECT_EQ(Ask(&client, DigestLine(input)), kEstablished) << one.script;
    EXPECT_EQ(guarded.server.requests()[0].algorithm, one.algorithm);
  }
}

TEST(HttpAuthTest, OffersWhatTheScriptSays) {
  const struct {
    const char* script;
    const char* challenges;  // NONCE stands for the nonce
  } table[] = {
      {"http.auth=digest http.qop=none",
       "Proxy-Authenticate: Digest realm=\"test server\", algorithm=MD5, nonce=\"NONCE\", opaque=\"a, "
       "b=c\"\r\n"},
      {"http.auth=digest http.algorithm=SHA-512-256,MD5-sess http.qop=auth-int,auth",
       "Proxy-Authenticate: Digest realm=\"test server\", qop=\"auth-int,auth\", algorithm=SHA-512-256, "
       "nonce=\"NONCE\", opaque=\"a, b=c\"\r\n"
       "Proxy-Authenticate: Digest realm=\"test server\", qop=\"auth-int,auth\", algorithm=MD5-sess, "
       "nonce=\"NONCE\", opaque=\"a, b=c\"\r\n"},
      {"http.joined=1",
       "Proxy-Authenticate: Basic realm=\"test server\", charset=\"UTF-8\", Digest realm=\"test server\", "
       "qop=\"auth\", algorithm=MD5, nonce=\"NONCE\", opaque=\"a, b=c\"\r\n"},
      {"http.auth=none", ""},
      {"http.auth=none http.joined=1", ""},
      {"http.auth=none http.headers=Proxy-Authenticate:%20NTLM", "Proxy-Authenticate: NTLM\r\n"},
  };
  for (const auto& one : table) {
    Guarded guarded(one.script);
    RawClient client(Here(guarded.server));
    const std::string answer = Ask(&client);
    std::string challenges = one.challenges;
    for (size_t at = 0; (at = challenges.find("NONCE")) != std::string::npos;) {
      challenges.replace(at, 5, NonceOf(answer));
    }
    EXPECT_EQ(answer, Demand(challenges, "no credentials")) << one.script;
  }
}

TEST(HttpAuthTest, SaysWhatIsWrongWithADigest) {
  const struct {
    const char* script;
    const char* old_text;  // in the right line
    const char* new_text;
    const char* why;
  } table[] = {
      {"", "\"alice\"", "alice", "a parameter without quotes"},
      {"", "\"abc\"", "abc", "a parameter without quotes"},
      {"", "algorithm=MD5", "algorithm=\"MD5\"", "a parameter in quotes"},
      {"", "qop=auth", "qop=\"auth\"", "a parameter in quotes"},
      {"", "nc=00000001", "nc=\"00000001\"", "a parameter in quotes"},
      {"", "opaque=", "opake=", "a parameter is missing"},
      {"", "uri=", "url=", "a parameter is missing"},
      {"", "cnonce=", "conce=", "no cnonce"},
      {"", "nc=00000001", "nc=1", "a bad nc"},
      {"", "nc=00000001", "nc=0000000g", "a bad nc"},
      {"", "nc=00000001, ", "", "a bad nc"},
      {"", "test server", "Test server", "another realm"},
      {"", "a, b=c", "a", "another opaque"},
      {"", "uri=\"echo.test", "uri=\"/", "another uri"},
      {"", "algorithm=MD5", "algorithm=SHA-256", "another algorithm"},
      {"", "qop=auth", "qop=auth-int", "another qop"},
      {"", "qop=auth, ", "", "another qop"},
      {"http.qop=none", "qop=auth", "qop=auth", "a qop that was not offered"},
      {"http.algorithm=SHA-1", "algorithm=MD5", "algorithm=SHA-1", "another user name or password"},
      {"", "\"alice\"", "\"bob\"", "another user name or password"},
      {"", "nc=00000001", "nc=00000002", "another user name or password"},
      {"", "response=\"", "response=\"0", "another user name or password"},
      {"", "uri=", "nonce=\"\", uri=", "not a list of parameters"},
      {"", ", uri=", "; uri=", "not a list of parameters"},
      {"", "\"a, b=c\"", "\"a, b=c", "not a list of parameters"},
      {"http.auth=basic", "", "", "a scheme that was not offered"},
  };
  for (const auto& one : table) {
    Guarded guarded(one.script);
    RawClient client(Here(guarded.server));
    std::string line = DigestLine(AnswerOfAlice(NonceOf(Ask(&client)), kTarget));
    const size_t at = line.find(one.old_text);
    ASSERT_NE(at, std::string::npos) << one.old_text;
    line.replace(at, std::string_view(one.old_text).size(), one.new_text);
    const std::string answer = Ask(&client, line);
    EXPECT_TRUE(answer.ends_with("\r\n\r\n" + std::string(one.why) + "\n")) << line << answer;
    EXPECT_EQ(guarded.server.requests()[0].outcome, "bad credentials") << line;
  }
}

TEST(HttpAuthTest, UnderstandsQuotedCharacters) {
  TestServer server;
  server.AddEcho("echo.test");
  server.SetCredentials("al\"i\\ce", "secret");
  RawClient client(Here(server));
  DigestInput input = AnswerOfAlice(NonceOf(Ask(&client)), kTarget);
  input.user = "al\"i\\ce";
  std::string line = DigestLine(input);
  line.replace(line.find(input.user), input.user.size(), "al\\\"i\\\\ce");
  EXPECT_EQ(Ask(&client, line), kEstablished);
  EXPECT_EQ(server.requests()[0].user, input.user);
}

TEST(HttpAuthTest, CallsTheFirstRightAnswersStale) {
  Guarded guarded("http.auth=digest http.stale=2");
  RawClient client(Here(guarded.server));
  std::string answer = Ask(&client);
  // A wrong answer is no stale one.
  DigestInput wrong = AnswerOfAlice(NonceOf(answer), kTarget);
  wrong.password = "wrong";
  answer = Ask(&client, DigestLine(wrong));
  EXPECT_EQ(answer, Demand(DigestChallenge(answer), "another user name or password"));
  for (int i = 0; i < 2; ++i) {
    const std::string old = NonceOf(answer);
    answer = Ask(&client, DigestLine(AnswerOfAlice(old, kTarget)));
    EXPECT_EQ(answer, Demand(DigestChallenge(answer, ", stale=true"), "a stale nonce"));
    EXPECT_NE(NonceOf(answer), old);
    EXPECT_EQ(guarded.server.requests()[0].outcome, "stale credentials");
  }
  EXPECT_EQ(Ask(&client, DigestLine(AnswerOfAlice(NonceOf(answer), kTarget))), kEstablished);
  EXPECT_EQ(guarded.server.requests()[0].requests, 5U);
}

TEST(HttpAuthTest, TakesANonceAgainButNoReplay) {
  Guarded guarded("http.auth=digest");
  RawClient first(Here(guarded.server));
  DigestInput input = AnswerOfAlice(NonceOf(Ask(&first)), kTarget);
  EXPECT_EQ(Ask(&first, DigestLine(input)), kEstablished);
  RawClient replaying(Here(guarded.server));
  const std::string answer = Ask(&replaying, DigestLine(input));
  EXPECT_EQ(answer, Demand(DigestChallenge(answer, ", stale=true"), "a replay"));
  RawClient counting(Here(guarded.server));
  input.count = "00000002";
  EXPECT_EQ(Ask(&counting, DigestLine(input)), kEstablished);

  // Without a count there is nothing to tell a replay by.
  guarded.server.SetScript("http.auth=digest http.qop=none");
  input.qop = "";
  for (int i = 0; i < 2; ++i) {
    RawClient old(Here(guarded.server));
    EXPECT_EQ(Ask(&old, DigestLine(input)), kEstablished);
  }
}

TEST(HttpAuthTest, TakesNoOtherServersNonce) {
  Guarded guarded("http.auth=digest");
  RawClient client(Here(guarded.server));
  const std::string answer = Ask(&client, DigestLine(AnswerOfAlice("other", kTarget)));
  EXPECT_EQ(answer, Demand(DigestChallenge(answer, ", stale=true"), "a nonce of another server"));
}

TEST(HttpAuthTest, TakesEverythingWhereNothingIsDemanded) {
  const std::string digest = DigestLine(AnswerOfAlice("any", kTarget));
  for (const std::string& line : {std::string(kBasicOfAlice), digest}) {
    TestServer server;
    server.AddEcho("echo.test");
    RawClient client(Here(server));
    EXPECT_EQ(Ask(&client, line), kEstablished);
    EXPECT_EQ(server.requests()[0].user, "alice");
    EXPECT_EQ(server.requests()[0].auth, line == digest ? "digest" : "basic");
  }
}

// Whether the connection goes on is the client's wish unless the script says it.
TEST(HttpAuthTest, KeepsTheConnectionAsAsked) {
  const std::string new_request = ConnectRequest(kTarget);
  const std::string old_request = "CONNECT echo.test:7 HTTP/1.0\r\n\r\n";
  const std::string closing = "Connection: close\r\n";
  const std::string keeping = "Connection: keep-alive\r\n";
  const struct {
    const char* script;
    std::string request;
    std::string header;
    bool kept;
  } table[] = {
      {"", new_request, "", true},
      {"", old_request, closing, false},
      {"", ConnectRequest(kTarget, "Connection: Close\r\n"), closing, false},
      {"", ConnectRequest(kTarget, "Proxy-Connection: close\r\n"), closing, false},
      {"", "CONNECT echo.test:7 HTTP/1.0\r\nProxy-Connection: Keep-Alive\r\n\r\n", keeping, true},
      {"http.keep=1", old_request, keeping, true},
      {"http.keep=1", ConnectRequest(kTarget, "Connection: close\r\n"), "", true},
      {"http.keep=0", ConnectRequest(kTarget, "Connection: keep-alive\r\n"), closing, false},
  };
  for (const auto& one : table) {
    Guarded guarded("http.auth=basic " + std::string(one.script));
    RawClient client(Here(guarded.server));
    ASSERT_TRUE(client.Send(one.request));
    EXPECT_EQ(ReadAnswer(&client), Demand(kBasic + one.header, "no credentials")) << one.request;
    if (!one.kept) {
      EXPECT_EQ(client.ReadToEnd(), "") << one.request;
      EXPECT_EQ(client.error(), 0);
      continue;
    }
    EXPECT_EQ(Ask(&client, kBasicOfAlice), kEstablished) << one.request;
  }
}

}  // namespace
}  // namespace socksify::testserver

// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/origin.h"

#include <gtest/gtest.h>

namespace socksify::testserver {
namespace {

constexpr char kPage[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\n\r\nhello\n";
constexpr char kPageAndClose[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\n"
    "Connection: close\r\n\r\nhello\n";

BuiltInOrigin MakePage() {
  return BuiltInOrigin({.kind = OriginKind::kPage, .text = "hello\n"});
}

TEST(OriginTest, AnswersEveryRequestOfAConnection) {
  BuiltInOrigin page = MakePage();
  EXPECT_EQ(page.Receive("GET / HTTP/1.1\r\nHost: web.test\r\n\r\n"), kPage);
  EXPECT_EQ(page.Receive("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"), std::string(kPage) + kPage);
  EXPECT_FALSE(page.wants_close());
}

TEST(OriginTest, WaitsForTheWholeHead) {
  BuiltInOrigin page = MakePage();
  const std::string request = "GET / HTTP/1.1\r\nHost: web.test\r\n\r\n";
  for (const char c : request.substr(0, request.size() - 1)) EXPECT_EQ(page.Receive({&c, 1}), "");
  EXPECT_EQ(page.Receive("\n"), kPage);
}

TEST(OriginTest, ClosesWhenAsked) {
  BuiltInOrigin page = MakePage();
  EXPECT_EQ(page.Receive("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n"), kPageAndClose);
  EXPECT_TRUE(page.wants_close());
  EXPECT_EQ(page.Receive("GET / HTTP/1.1\r\n\r\n"), "");
  BuiltInOrigin old = MakePage();
  EXPECT_EQ(old.Receive("GET / HTTP/1.0\r\n\r\n"), kPageAndClose);
  EXPECT_TRUE(old.wants_close());
}

TEST(OriginTest, AnswersHeadWithoutABody) {
  BuiltInOrigin page = MakePage();
  EXPECT_EQ(page.Receive("HEAD / HTTP/1.1\r\n\r\n"), std::string(kPage).substr(0, sizeof kPage - 1 - 6));
}

TEST(OriginTest, RefusesOtherMethodsAndEndlessHeads) {
  BuiltInOrigin page = MakePage();
  EXPECT_TRUE(page.Receive("POST / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
  EXPECT_TRUE(page.wants_close());
  BuiltInOrigin endless = MakePage();
  EXPECT_TRUE(endless.Receive(std::string(70'000, 'x')).starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(endless.wants_close());
}

TEST(OriginTest, EchoesAndDiscards) {
  BuiltInOrigin echo({.kind = OriginKind::kEcho});
  EXPECT_EQ(echo.Receive("abc"), "abc");
  BuiltInOrigin discard({.kind = OriginKind::kDiscard});
  EXPECT_EQ(discard.Receive("abc"), "");
}

}  // namespace
}  // namespace socksify::testserver

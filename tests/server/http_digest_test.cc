// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/http_digest.h"

#include <gtest/gtest.h>

namespace socksify::testserver {
namespace {

// RFC 7616 section 3.9.1.
const DigestInput kExample{.algorithm = "MD5",
                           .user = "Mufasa",
                           .realm = "http-auth@example.org",
                           .password = "Circle of Life",
                           .nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                           .qop = "auth",
                           .count = "00000001",
                           .client_nonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                           .method = "GET",
                           .uri = "/dir/index.html"};

TEST(HttpDigestTest, AsInTheRfcs) {
  DigestInput input = kExample;
  EXPECT_EQ(DigestResponse(input), "8ca523f5e9506fed4657c9700eebdbec");
  input.algorithm = "SHA-256";
  EXPECT_EQ(DigestResponse(input), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");

  // RFC 2069 section 2.4, with the response of its erratum 749.
  DigestInput old = kExample;
  old.realm = "testrealm@host.com";
  old.password = "CircleOfLife";
  old.nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
  old.qop = old.count = old.client_nonce = "";
  EXPECT_EQ(DigestResponse(old), "1949323746fe6a43ef61f9606e7febea");
}

// The values are those of a few lines of Python.
TEST(HttpDigestTest, OfSessionsAndWithIntegrity) {
  const struct {
    const char* algorithm;
    const char* qop;
    const char* response;
  } table[] = {
      {"MD5-sess", "auth", "27579e514c53d58d7fb462f960a87fd7"},
      {"SHA-256-sess", "auth", "d1a4bd7a7d68a79c9bcb505842e7137b5db95c9f447110aed6b3cb05c73a988c"},
      {"MD5", "auth-int", "ccb0ac9722436a74b5abfbe6ca8f2911"},
      {"SHA-256", "auth-int", "3ee37677ce78205245ff8082a1334caea04b6f41c800e58d2cd9141d3cd5bda3"},
      {"SHA-1", "auth", ""},
      {"SHA-1-sess", "auth", ""},
  };
  for (const auto& one : table) {
    DigestInput input = kExample;
    input.algorithm = one.algorithm;
    input.qop = one.qop;
    input.method = "CONNECT";
    input.uri = "web.test:80";
    EXPECT_EQ(DigestResponse(input), one.response) << one.algorithm << " " << one.qop;
  }
}

}  // namespace
}  // namespace socksify::testserver

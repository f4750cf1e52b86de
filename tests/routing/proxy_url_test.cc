// SPDX-License-Identifier: BSD-2-Clause
#include "routing/proxy_url.h"

#include <gtest/gtest.h>

namespace socksify {
namespace {

struct GoodUrl {
  const char* text;
  const char* address;
  unsigned protocols;
  const char* username = "";
  const char* password = "";
};

TEST(ProxyUrlTest, ReadsGoodUrls) {
  constexpr GoodUrl kGood[] = {
      {"socks5://proxy.test:1081", "proxy.test:1081", kServerSocks5},
      {"SOCKS5://proxy.test", "proxy.test:1080", kServerSocks5},
      {"socks5h://10.0.0.1:1/", "10.0.0.1:1", kServerSocks5},
      {"socks://10.0.0.1:65535", "10.0.0.1:65535", kServerSocks5},
      {"socks4://10.0.0.1", "10.0.0.1:1080", kServerSocks4},
      {"socks4a://user@10.0.0.1", "10.0.0.1:1080", kServerSocks4a, "user"},
      {"http://proxy.test", "proxy.test:8080", kServerHttp},
      {"http://proxy.test:3128/", "proxy.test:3128", kServerHttp},
      {"socks5://[2001:db8::1]:99", "[2001:db8::1]:99", kServerSocks5},
      {"socks5://[::1]", "[::1]:1080", kServerSocks5},
      {"socks5://a:b@h.test:1", "h.test:1", kServerSocks5, "a", "b"},
      {"socks5://a%3Ab:p%40%2f%25@h.test", "h.test:1080", kServerSocks5, "a:b", "p@/%"},
      {"socks5://a:p@ss/w#?:@h.test:7", "h.test:7", kServerSocks5, "a", "p@ss/w#?:"},
      {"socks5://a:@h.test", "h.test:1080", kServerSocks5, "a", ""},
      {"proxy.test", "proxy.test:1080", 0},
      {"10.0.0.1:1081", "10.0.0.1:1081", 0},
      {"[::1]:1081", "[::1]:1081", 0},
  };
  for (const GoodUrl& good : kGood) {
    const auto url = ParseProxyUrl(good.text);
    ASSERT_TRUE(url.has_value()) << good.text << ": " << url.error().message;
    EXPECT_EQ(url->address.ToString(), good.address) << good.text;
    EXPECT_EQ(url->protocols, good.protocols) << good.text;
    EXPECT_EQ(url->username, good.username) << good.text;
    EXPECT_EQ(url->password, good.password) << good.text;
  }
}

TEST(ProxyUrlTest, TellsAnEmptyPasswordFromNone) {
  EXPECT_TRUE(ParseProxyUrl("socks5://a:@h.test")->has_password);
  EXPECT_FALSE(ParseProxyUrl("socks5://a@h.test")->has_password);
  EXPECT_FALSE(ParseProxyUrl("socks5://h.test")->has_username);
}

struct BadUrl {
  const char* text;
  const char* message;
};

TEST(ProxyUrlTest, RefusesBadUrls) {
  constexpr BadUrl kBad[] = {
      {"", "expected a host name or an address, found nothing"},
      {"socks5://", "expected a host name or an address, found nothing"},
      {"socks5://:1080", "expected a host name or an address, found nothing"},
      {"socks5://h.test:99999", "expected a port number from 1 to 65535, found '99999'"},
      {"socks5://h.test:0", "expected a port number from 1 to 65535, found '0'"},
      {"socks5://h.test:-1", "expected a port number from 1 to 65535, found '-1'"},
      {"socks5://h.test:", "expected a port number from 1 to 65535, found ''"},
      {"socks5://h.test:80x", "expected a port number from 1 to 65535, found '80x'"},
      {"socks5://h.test:4294967297", "expected a port number from 1 to 65535, found '4294967297'"},
      {"socks5://::1:1080", "expected HOST:PORT, found '::1:1080'"},
      {"socks5://[::1", "expected ']' after the IPv6 address"},
      {"socks5://[::1]1080", "expected ':' and a port after ']', found '1080'"},
      {"socks5://[10.0.0.1]:1080", "expected an IP address, found '[10.0.0.1]'"},
      {"socks5://10.0.0.256", "expected an IP address, found '10.0.0.256'"},
      {"socks5://h.test/path", "expected the end of the proxy's address, found '/path'"},
      {"h.test/", "expected the end of the proxy's address, found '/'"},
      {"socks5://h test", "expected a host name or an address, found 'h test'"},
      {"socks6://h.test", "expected a proxy's scheme, found 'socks6'"},
      {"https://h.test",
       "expected a proxy's scheme, found 'https': TLS to the proxy is not supported by this version"},
      {"socks5://localhost:1080/x", "expected the end of the proxy's address, found '/x'"},
      {"localhost/run/x", "expected the end of the proxy's address, found '/run/x'"},
      {"socks5://a:geheim%2@h.test", "expected two hexadecimal digits after '%' in the password"},
      {"socks5://geheim%zz@h.test", "expected two hexadecimal digits after '%' in the user name"},
      {"socks5://:geheim@h.test", "expected a user name before '@'"},
      {"socks4://a:geheim@h.test", "expected no password: SOCKS4 has only a user name"},
      {"a:geheim@h.test", "expected a URL, found a user name without a scheme"},
  };
  for (const BadUrl& bad : kBad) {
    const auto url = ParseProxyUrl(bad.text);
    ASSERT_FALSE(url.has_value()) << bad.text;
    EXPECT_EQ(url.error().message, bad.message) << bad.text;
    EXPECT_EQ(url.error().message.find("geheim"), std::string::npos);
    EXPECT_EQ(url.error().remedy.find("geheim"), std::string::npos);
  }
}

TEST(ProxyUrlTest, SaysWhyThereAreNoUnixSockets) {
  constexpr std::pair<const char*, const char*> kUrls[] = {
      {"unix:/run/socks", "unix:/run/socks"},
      {"unix:///run/socks", "unix:///run/socks"},
      {"Unix://run:1080", "Unix://run:1080"},
      {"unix:socks", "unix:socks"},
      {"socks5://unix:/run/socks", "unix:/run/socks"},
      {"socks5h://unix:/run/socks/", "unix:/run/socks/"},
      {"http://alice:geheim@unix:/run/socks", "unix:/run/socks"},
      {"socks5h://localhost/run/tor/socks", "localhost/run/tor/socks"},
      {"socks5://a:geheim@LOCALHOST/run", "LOCALHOST/run"},
  };
  for (const auto& [text, found] : kUrls) {
    const auto url = ParseProxyUrl(text);
    ASSERT_FALSE(url.has_value()) << text;
    EXPECT_EQ(url.error().message, "expected a host and a port, found '" + std::string(found) +
                                       "': a proxy behind a UNIX socket cannot be reached on the program's "
                                       "own internet socket");
    EXPECT_EQ(url.error().remedy,
              "let it listen on 127.0.0.1: ssh -D 1080, tor's SocksPort 9050, or socat "
              "TCP-LISTEN:1080,bind=127.0.0.1,fork UNIX-CONNECT:/path");
  }
  EXPECT_TRUE(ParseProxyUrl("socks5://unix").has_value());
  EXPECT_TRUE(ParseProxyUrl("socks5://localhost/").has_value());
}

TEST(ProxyUrlTest, AcceptsTheLongestNamesAndCredentials) {
  const std::string longest(255, 'a');
  const auto good = ParseProxyUrl("socks5://" + longest + ":" + longest + "@" + longest);
  ASSERT_TRUE(good.has_value()) << good.error().message;
  EXPECT_EQ(good->username, longest);
  EXPECT_EQ(good->password, longest);
  EXPECT_EQ(good->address.name(), longest);
  EXPECT_EQ(ParseProxyUrl("socks5://" + longest + "a@h.test").error().message,
            "expected a user name of at most 255 bytes, found 256");
  EXPECT_EQ(ParseProxyUrl("socks5://u:" + longest + "a@h.test").error().message,
            "expected a password of at most 255 bytes, found 256");
  EXPECT_EQ(ParseProxyUrl("socks5://" + longest + "a").error().message,
            "expected a host name of at most 255 bytes, found 256");
}

}  // namespace
}  // namespace socksify

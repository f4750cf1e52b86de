// SPDX-License-Identifier: BSD-2-Clause
#include "routing/netrc.h"

#include <gtest/gtest.h>

namespace socksify {
namespace {

// "MACHINE:PORT LOGIN PASSWORD", one entry a line; "-" for what is not there, "*" for the default.
std::string Read(std::string_view text) {
  const auto entries = ParseNetrc(text);
  if (!entries) {
    return std::to_string(entries.error().line) + ": " + entries.error().message +
           (entries.error().remedy.empty() ? "" : " | " + entries.error().remedy);
  }
  std::string result;
  for (const NetrcEntry& entry : *entries) {
    result += (entry.is_default ? "*" : entry.machine) + ":" + std::to_string(entry.port) + " " +
              (entry.has_login ? entry.login : "-") + " " + (entry.has_password ? entry.password : "-") +
              "\n";
  }
  return result;
}

TEST(NetrcTest, ReadsEntries) {
  struct {
    const char* text;
    const char* entries;
  } const cases[] = {
      {"", ""},
      {" \n\t\r\n", ""},
      {"machine a login b password c", "a:0 b c\n"},
      {"machine a port 1080 login b password c\n", "a:1080 b c\n"},
      {"machine a\r\n  login b\r\n  password\r\n  c\r\n", "a:0 b c\n"},
      {"machine a password c machine b login d default login e passwd f", "a:0 - c\nb:0 d -\n*:0 e f\n"},
      {"# first\nmachine a # second\nlogin b #third login x\npassword #c # fourth", "a:0 b #c\n"},
      {"machine a login \"b \\\"c\\\\ d\" password \"#\\t\\n\\r\\x\"", "a:0 b \"c\\ d #\t\n\rx\n"},
      {"machine a login \"\" password \"\"", "a:0  \n"},
      {"machine a login login password password", "a:0 login password\n"},
      {"machine a account x login b", "a:0 b -\n"},
      {"macdef init\ncd /x\nmachine no\n\nmachine a password c", "a:0 - c\n"},
      {"macdef init\r\ncd /x\r\n\r\nmachine a password c", "a:0 - c\n"},
      {"machine a password c macdef init\nmachine no\n", "a:0 - c\n"},
      {"macdef", ""},
      {"machine \xc3\xa4 password \xff", "\xc3\xa4:0 - \xff\n"},
  };
  for (const auto& c : cases) EXPECT_EQ(Read(c.text), c.entries) << c.text;
}

TEST(NetrcTest, SaysWhatIsWrongWithoutTheSecret) {
  const std::string longest(255, 'x');
  const std::string words =
      "expected machine, port, login, password, account, default or macdef, found another word | write a "
      "name "
      "or password with blanks in quotes: \"...\"";
  const std::pair<std::string, std::string> cases[] = {
      {"machine a login b password ge heim\n", "1: " + words},
      {"\n\nmachine a\nlogin b\n password ge\nheim", "6: " + words},
      {"machine a Login b", "1: " + words},
      {"machine", "1: expected a word behind 'machine', found the end of the text"},
      {"machine a\nlogin\n\n", "2: expected a word behind 'login', found the end of the text"},
      {"machine a password ", "1: expected a word behind 'password', found the end of the text"},
      {"machine a\naccount", "2: expected a word behind 'account', found the end of the text"},
      {"machine a port", "1: expected a word behind 'port', found the end of the text"},
      {"\nlogin b", "2: expected 'machine' or 'default' before 'login', found none"},
      {"password geheim", "1: expected 'machine' or 'default' before 'password', found none"},
      {"port 1", "1: expected 'machine' or 'default' before 'port', found none"},
      {"machine a login b\nlogin c", "2: expected 'login' once for a machine, found it again"},
      {"machine a password geheim password c", "1: expected 'password' once for a machine, found it again"},
      {"machine a\nport 0", "2: expected a port number from 1 to 65535 behind 'port'"},
      {"machine a port 65536", "1: expected a port number from 1 to 65535 behind 'port'"},
      {"machine a port socks", "1: expected a port number from 1 to 65535 behind 'port'"},
      {"machine a password \"geheim\n\"",
       "1: expected '\"' at the end of the word, found none | close the quote on the same line"},
      {"machine a password \"geheim\\",
       "1: expected '\"' at the end of the word, found none | close the quote on the same line"},
      {"machine a\nlogin " + longest + "y", "2: expected a user name of at most 255 bytes, found 256"},
      {"machine a\npassword\n" + longest + "y", "3: expected a password of at most 255 bytes, found 256"},
      {std::string("machine a\n\0", 11), "2: expected text, found a NUL byte"},
  };
  for (const auto& [text, problem] : cases) {
    EXPECT_EQ(Read(text), problem) << text;
    EXPECT_EQ(Read(text).find("geheim"), std::string::npos);
  }
  EXPECT_EQ(Read("machine a login " + longest + " password " + longest),
            "a:0 " + longest + " " + longest + "\n");
}

// The password for a server, "-" for none; with the login where the server has no name.
std::string Find(std::string_view text, const char* host, uint16_t port, const char* name,
                 const char* username) {
  const auto entries = ParseNetrc(text);
  if (!entries) return "bad";
  const NetrcEntry* const entry = FindNetrcEntry(*entries, *Endpoint::FromHost(host, port), name, username);
  if (entry == nullptr) return "-";
  return *username == '\0' ? entry->login + ":" + entry->password : entry->password;
}

TEST(NetrcTest, FindsTheFirstEntryThatFits) {
  constexpr char kText[] = R"(
    machine proxy.test port 1081 login alice password 1
    machine PROXY.test login bob password 2
    machine proxy.test login alice password 3
    machine proxy.test login carol
    machine 10.0.0.1 password 4
    machine [2001:db8:0::1] login alice password 5
    machine office login alice password 6
    machine edge login "" password 7
    default login dave password 8
    machine late.test login erin password 9
  )";
  EXPECT_EQ(Find(kText, "proxy.test", 1081, "", "alice"), "1");
  EXPECT_EQ(Find(kText, "Proxy.Test", 1080, "", "alice"), "3");
  EXPECT_EQ(Find(kText, "proxy.test", 1080, "", "bob"), "2");
  EXPECT_EQ(Find(kText, "proxy.test", 1080, "", ""), "bob:2");
  EXPECT_EQ(Find(kText, "proxy.test", 1081, "", ""), "alice:1");
  EXPECT_EQ(Find(kText, "proxy.test", 1080, "", "carol"), "-") << "no password";
  EXPECT_EQ(Find(kText, "proxy.test", 1080, "", "Alice"), "-");
  EXPECT_EQ(Find(kText, "10.0.0.1", 1080, "", "anybody"), "4");
  EXPECT_EQ(Find(kText, "10.0.0.1", 1080, "", ""), "dave:8") << "a password for nobody";
  EXPECT_EQ(Find(kText, "2001:db8::1", 1080, "", "alice"), "5");
  EXPECT_EQ(Find(kText, "h.test", 1080, "office", "alice"), "6");
  EXPECT_EQ(Find(kText, "h.test", 1080, "Office", "alice"), "-") << "names of servers are exact";
  EXPECT_EQ(Find(kText, "h.test", 1080, "edge", ""), "dave:8");
  EXPECT_EQ(Find(kText, "h.test", 1080, "", "dave"), "8");
  EXPECT_EQ(Find(kText, "h.test", 1080, "", "erin"), "-");
  EXPECT_EQ(Find(kText, "late.test", 1080, "", "erin"), "9");
  EXPECT_EQ(Find("", "h.test", 1080, "", "erin"), "-");
  EXPECT_EQ(Find("machine \"\" login a password b", "h.test", 1080, "", "a"), "-");
}

}  // namespace
}  // namespace socksify

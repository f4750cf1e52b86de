// SPDX-License-Identifier: BSD-2-Clause
// Where user names and passwords come from.
#include <gtest/gtest.h>

#include "tests/routing/fake_machine.h"

namespace socksify {
namespace {

constexpr char kRoute[] = "route { to: 0/0 via: direct }\n";

// "NAME USER PASSWORD", one server a line; "-" for no password, "?" and "$ COMMAND" for one that is to be
// had; and why it cannot be used.
std::string Describe(const std::expected<Config, std::vector<Diagnostic>>& config) {
  if (!config) return FakeMachine::Join(config);
  std::string text;
  for (const auto& server : config->routes.servers()) {
    text += (server->name.empty() ? server->address.ToString() : server->name) + " " + server->username + " ";
    text += server->has_password                                  ? server->password
            : server->password_source == PasswordSource::kPrompt  ? "?"
            : server->password_source == PasswordSource::kCommand ? "$ " + server->password_command
                                                                  : "-";
    text += (server->unusable.empty() ? "" : ": " + server->unusable) + "\n";
  }
  return text + FakeMachine::Join(config->warnings);
}

TEST(CredentialsTest, ReadsWhereAPasswordComesFrom) {
  FakeMachine machine;
  machine.is_preload = false;
  EXPECT_EQ(Describe(machine.LoadText(std::string(R"(
server a { address: 10.0.0.1 username: u password.command: "pass show 'a b' | head -1" }
server b { address: 10.0.0.1 username: u password.command: pass show "a b" method: username }
server c { address: 10.0.0.1 username: u
  password.command: secret-tool lookup proxy c   # the keyring
}
server d { address: 10.0.0.1 username: u password.prompt: yes }
server e { address: 10.0.0.1 username: u password.prompt: no }
server f { address: 10.0.0.1 username: u password.prompt: no password: p }
)") + kRoute)),
            "a u $ pass show 'a b' | head -1\n"
            "b u $ pass show \"a b\"\n"
            "c u $ secret-tool lookup proxy c\n"
            "d u ?\n"
            "e u -\n"
            "f u p\n");
}

TEST(CredentialsTest, TakesWhatTheLauncherHandsOn) {
  FakeMachine machine;
  machine.handed_passwords = {
      {"10.0.0.1:1080 u", "one"}, {"10.0.0.2:1081 u", "two"}, {"10.0.0.5:1080 u", "no"}};
  machine.variables["SOCKS_PASSWORD"] = "of the environment";
  EXPECT_EQ(
      Describe(machine.LoadText(std::string(R"(
server a { address: 10.0.0.1 username: u password.command: x }
server b { address: 10.0.0.2 port = 1081 username: u password.prompt: yes }
server c { address: 10.0.0.1 username: v password.command: x }
server d { address: 10.0.0.2 username: u password.prompt: yes }
server e { address: 10.0.0.5 username: u password: own }
server f { address: 10.0.0.6 username: u method: gssapi password.prompt: yes }
)") + kRoute)),
      "a u one\n"
      "b u two\n"
      "c v $ x: its password comes from a command, which the launcher runs: start the program by `socksify`\n"
      "d u ?: its password is asked for by the launcher: start the program by `socksify`\n"
      "e u own\n"
      "f u ?: gssapi is not supported yet; use method: username\n");
}

TEST(CredentialsTest, AsksForThePasswordOfAProxyOnTheCommandLine) {
  FakeMachine machine;
  machine.is_preload = false;
  const ConfigSources sources = {
      "",
      {"socks5://a@10.0.0.1,http://b@10.0.0.2", "socks5://c:p@10.0.0.3", "socks4://d@10.0.0.4", "10.0.0.5"}};
  EXPECT_EQ(Describe(machine.Load(sources)),
            "10.0.0.1:1080 a ?\n10.0.0.2:8080 b ?\n10.0.0.3:1080 c p\n10.0.0.4:1080 d -\n10.0.0.5:1080  -\n");
  machine.is_preload = true;
  machine.handed_passwords["10.0.0.1:1080 a"] = "one";
  EXPECT_EQ(
      Describe(machine.Load(sources)),
      "10.0.0.1:1080 a one\n10.0.0.2:8080 b ?\n10.0.0.3:1080 c p\n10.0.0.4:1080 d -\n10.0.0.5:1080  -\n");
  machine.variables["SOCKS_USERNAME"] = "b";
  machine.variables["SOCKS_PASSWORD"] = "env";
  machine.variables["HOME"] = "/home/u";
  machine.files["/home/u/.config/socksify/credentials"] = "machine 10.0.0.1 login a password file";
  EXPECT_EQ(Describe(machine.Load(sources)),
            "10.0.0.1:1080 a file\n10.0.0.2:8080 b env\n10.0.0.3:1080 c p\n10.0.0.4:1080 d -\n10.0.0.5:1080 "
            "b env\n");
  machine.variables.erase("SOCKS_PASSWORD");
  EXPECT_EQ(Describe(machine.Load({"", {"10.0.0.5"}})), "10.0.0.5:1080 b -\n") << "nobody named a user there";
  machine.variables["SOCKS5_SERVER"] = "socks5://a@10.0.0.7";
  EXPECT_EQ(Describe(machine.Load({})), "10.0.0.7:1080 a -\n");
}

TEST(CredentialsTest, LooksIntoTheFileOfCredentials) {
  FakeMachine machine;
  machine.is_preload = false;
  machine.variables["HOME"] = "/home/u";
  machine.files["/home/u/.config/socksify/credentials"] = "default login wrong password file";
  machine.files["/etc/app/creds"] =
      "machine 10.0.0.1 login alice password one\n"
      "machine 10.0.0.2 port 1081 login alice password two\n"
      "machine c login carol password three\n"
      "default login dave password four\n";
  machine.files["/etc/app/socks.conf"] = std::string(R"(
server a { address: 10.0.0.1 }
server b1 { address: 10.0.0.2 username: alice }
server b2 { address: 10.0.0.2 port = 1081 username: alice }
server c { address: c.test username: carol }
server d { address: http://10.0.0.1 username: dave }
server e { address: 10.0.0.1 username: alice password: own }
server f { address: 10.0.0.1 username: alice password.command: x }
server g { address: socks4://10.0.0.1 }
server h { address: 10.0.0.1 method: none }
credentials: creds
)") + kRoute;
  EXPECT_EQ(Describe(machine.Load({"/etc/app/socks.conf", {}})),
            "a alice one\nb1 alice -\nb2 alice two\nc carol three\nd dave four\ne alice own\nf alice $ x\n"
            "g  -\nh  -\n");
  machine.variables["SOCKS_USERNAME"] = "dave";
  machine.files["test.conf"] =
      std::string("credentials: \"/etc/app/creds\" server a { address: 10.0.0.1 }") + kRoute;
  EXPECT_EQ(Describe(machine.Load({"test.conf", {}})), "a dave four\n") << "the environment says who";
}

TEST(CredentialsTest, LooksIntoTheUsersOwnFile) {
  FakeMachine machine;
  machine.is_preload = false;
  const std::string text = std::string("server a { address: 10.0.0.1 }\n") + kRoute;
  EXPECT_EQ(Describe(machine.LoadText(text)), "a  -\n");
  machine.variables["HOME"] = "/home/u";
  EXPECT_EQ(Describe(machine.LoadText(text)), "a  -\n");
  machine.files["/home/u/.config/socksify/credentials"] = "default login alice password one";
  EXPECT_EQ(Describe(machine.LoadText(text)), "a alice one\n");
  machine.variables["XDG_CONFIG_HOME"] = "/xdg";
  EXPECT_EQ(Describe(machine.LoadText(text)), "a  -\n");
  machine.files["/xdg/socksify/credentials"] = "default login alice password two";
  EXPECT_EQ(Describe(machine.LoadText(text)), "a alice two\n");
}

TEST(CredentialsTest, RefusesFilesThatAreNotSecret) {
  FakeMachine machine;
  machine.variables["HOME"] = "/home/u";
  const std::string own = "/home/u/.config/socksify/credentials";
  const std::string server = "server a { address: 10.0.0.1 username: u }\n";
  machine.files[own] = "default login alice password geheim";
  machine.secret_errors[own] = EPERM;
  EXPECT_EQ(Describe(machine.LoadText(server + kRoute)),
            own + ": the credentials file can be read by others\n  chmod 600 " + own + "\n");
  EXPECT_EQ(Describe(machine.LoadText(kRoute)), "") << "nobody needs it";
  machine.secret_errors[own] = EIO;
  EXPECT_EQ(Describe(machine.LoadText(server + kRoute)), own + ": cannot read the credentials file: EIO\n");
  // The first two: in the home of somebody else, as under sudo.
  for (const int error : {kOfAnotherUser, EACCES, ENOTDIR, ENOENT}) {
    machine.secret_errors[own] = error;
    EXPECT_EQ(Describe(machine.LoadText(server + kRoute)), "a u -\n") << error;
  }

  machine.files["creds"] = "default login alice password geheim";
  machine.secret_errors["creds"] = EPERM;
  EXPECT_EQ(Describe(machine.LoadText(std::string("credentials: creds\n") + kRoute)),
            "test.conf:1:14: the credentials file 'creds' can be read by others\n"
            "  credentials: creds\n"
            "               ^\n"
            "  chmod 600 creds\n");
  machine.secret_errors["pw"] = EPERM;
  EXPECT_EQ(Describe(machine.LoadText(
                std::string("server a { address: h.test username: u password.file: pw }\n") + kRoute)),
            "test.conf:1:55: the password file 'pw' can be read by others\n"
            "  server a { address: h.test username: u password.file: pw }\n"
            "                                                        ^\n"
            "  chmod 600 pw\n");
}

TEST(CredentialsTest, RefusesFilesOfAnotherUser) {
  FakeMachine machine;
  machine.secret_errors["creds"] = kOfAnotherUser;
  EXPECT_EQ(Describe(machine.LoadText(std::string("credentials: creds\n") + kRoute)),
            "test.conf:1:14: the credentials file 'creds' belongs to another user\n"
            "  credentials: creds\n"
            "               ^\n"
            "  it must belong to the user or to root: make a copy of your own\n");
  machine.secret_errors["pw"] = kOfAnotherUser;
  EXPECT_EQ(Describe(machine.LoadText(
                std::string("server a { address: h.test username: u password.file: pw }\n") + kRoute)),
            "test.conf:1:55: the password file 'pw' belongs to another user\n"
            "  server a { address: h.test username: u password.file: pw }\n"
            "                                                        ^\n"
            "  it must belong to the user or to root: make a copy of your own\n");
}

TEST(CredentialsTest, SaysWhatIsWrongWithTheFile) {
  FakeMachine machine;
  const std::string text = std::string("credentials: creds\n") + kRoute;
  EXPECT_EQ(Describe(machine.LoadText(text)),
            "test.conf:1:14: cannot read the credentials file 'creds': ENOENT\n"
            "  credentials: creds\n"
            "               ^\n");
  machine.files["creds"] = "machine a\nlogin b password ge heim\n";
  EXPECT_EQ(
      Describe(machine.LoadText(text)),
      "creds:2: expected machine, port, login, password, account, default or macdef, found another word\n"
      "  write a name or password with blanks in quotes: \"...\"\n");
}

TEST(CredentialsTest, WarnsOncePerFileOfPasswordsThatOthersCanRead) {
  FakeMachine machine;
  machine.is_preload = false;
  const std::string text =
      "route { to: 10.0.0.0/8 via: socks5://u:geheim@10.0.0.1 }\n"
      "server a { address: 10.0.0.1 username: u password: geheim }\n";
  EXPECT_EQ(Describe(machine.LoadText(text)), "10.0.0.1:1080 u geheim\na u geheim\n") << "the file is closed";
  machine.secret_errors["test.conf"] = EPERM;
  EXPECT_EQ(Describe(machine.LoadText(text)),
            "10.0.0.1:1080 u geheim\na u geheim\n"
            "test.conf:1:29: warning: a password stands in this file, which others can read\n"
            "  route { to: 10.0.0.0/8 via: socks5://***\n"
            "                              ^\n"
            "  chmod 600 test.conf, or write it elsewhere: password.file, credentials\n");
  machine.secret_errors["test.conf"] = kOfAnotherUser;
  EXPECT_EQ(Describe(machine.LoadText("route { to: 0/0 via: socks5://u:geheim@10.0.0.1 }\n")),
            "10.0.0.1:1080 u geheim\n"
            "test.conf:1:22: warning: a password stands in this file, which belongs to another user\n"
            "  route { to: 0/0 via: socks5://***\n"
            "                       ^\n"
            "  write it elsewhere: password.file, credentials\n");
  machine.secret_errors["test.conf"] = EPERM;
  EXPECT_EQ(Describe(machine.LoadText("server a { address: h.test username: u\npassword: geheim }\n")),
            "a u geheim\n"
            "test.conf:2:1: warning: a password stands in this file, which others can read\n"
            "  password:***\n"
            "  ^\n"
            "  chmod 600 test.conf, or write it elsewhere: password.file, credentials\n"
            "test.conf: warning: there is no route: every connection but those to this machine will fail\n"
            "  add a route: route { from: 0/0 to: 0/0 via: SERVER }\n");
  EXPECT_EQ(Describe(machine.LoadText("route { to: 0/0 via: socks5://u@10.0.0.1 }\n")),
            "10.0.0.1:1080 u -\n");
  EXPECT_EQ(Describe(machine.Load({"", {"socks5://u:geheim@10.0.0.1"}})), "10.0.0.1:1080 u geheim\n");
}

}  // namespace
}  // namespace socksify

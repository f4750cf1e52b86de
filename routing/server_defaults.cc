// SPDX-License-Identifier: BSD-2-Clause
#include "routing/server_defaults.h"

#include <cerrno>
#include <memory>
#include <utility>

#include "base/failure.h"
#include "routing/environment.h"
#include "routing/quoting.h"

namespace socksify {
namespace {

constexpr size_t kMaxCredentialsFileSize = size_t{1} << 20;

// SOCKS 4 knows no password, and a server that is asked without a method for one gets none.
bool TakesPassword(const Server& server) {
  return (server.protocols & (kServerSocks5 | kServerHttp)) != 0 &&
         (server.methods & (kMethodUsername | kMethodDigest)) != 0;
}

void SetPassword(Server* server, std::string password) {
  server->has_password = true;
  server->password = std::move(password);
}

}  // namespace

ServerDefaults::ServerDefaults(const ConfigHost& host, const ConfigDraft& draft, Credentials environment,
                               Reporter* reporter)
    : host_(host), environment_(std::move(environment)), reporter_(*reporter) {
  if (!draft.credentials_file.empty()) ReadNamedFile(draft);
}

void ServerDefaults::Fill(Server* server, Unknown password) {
  if (server->protocols == 0) server->protocols = kServerSocks4a | kServerSocks5;
  if (server->methods == 0) server->methods = kMethodNone | kMethodUsername;
  if (server->password_source == PasswordSource::kNone) {
    TakeFromEnvironment(server);
    TakeFromFile(server);
  }
  FindWhyUnusable(server);
  TakeHanded(server, password);
}

void ServerDefaults::TakeFromEnvironment(Server* server) const {
  const bool is_for_it =
      server->username.empty() || server->username == environment_.username || environment_.username.empty();
  if (server->username.empty()) server->username = environment_.username;
  if (server->has_password || !is_for_it || !environment_.has_password || server->username.empty()) return;
  SetPassword(server, environment_.password);
}

void ServerDefaults::TakeFromFile(Server* server) {
  if (server->has_password || !TakesPassword(*server)) return;
  if (!has_looked_) ReadOwnFile();
  const NetrcEntry* const entry = FindNetrcEntry(entries_, server->address, server->name, server->username);
  if (entry == nullptr) return;
  if (server->username.empty()) server->username = entry->login;
  SetPassword(server, entry->password);
}

void ServerDefaults::TakeHanded(Server* server, Unknown password) const {
  if (server->has_password) return;
  const bool is_required = server->password_source != PasswordSource::kNone;
  if (!is_required) {
    if (password == Unknown::kLeftAlone || server->username.empty() || !TakesPassword(*server)) return;
    server->password_source = PasswordSource::kPrompt;
  }
  if (host_.handed_password == nullptr) return;
  if (std::optional<std::string> handed = host_.handed_password(PasswordKey(*server))) {
    SetPassword(server, std::move(*handed));
  } else if (is_required && server->unusable.empty()) {
    server->unusable =
        server->password_source == PasswordSource::kCommand
            ? "its password comes from a command, which the launcher runs: start the program by "
              "`socksify`"
            : "its password is asked for by the launcher: start the program by `socksify`";
  }
}

void ServerDefaults::ReadNamedFile(const ConfigDraft& draft) {
  has_looked_ = true;
  const std::string& path = draft.credentials_file;
  const Place& place = draft.credentials_place;
  const auto text = host_.read_secret(path, kMaxCredentialsFileSize);
  if (text) return Parse(path, *text);
  if (text.error() == EPERM) {
    reporter_.Error(*place.source, place.where,
                    "the credentials file " + Quoted(path) + " can be read by others", "chmod 600 " + path);
  } else if (text.error() == kOfAnotherUser) {
    reporter_.Error(*place.source, place.where,
                    "the credentials file " + Quoted(path) + " belongs to another user",
                    "it must belong to the user or to root: make a copy of your own");
  } else {
    reporter_.Error(*place.source, place.where,
                    "cannot read the credentials file " + Quoted(path) + ": " + ErrnoName(text.error()));
  }
}

void ServerDefaults::ReadOwnFile() {
  has_looked_ = true;
  const std::optional<std::string> directory = OwnConfigDirectory(host_);
  if (!directory) return;
  const std::string path = *directory + "/credentials";
  const auto text = host_.read_secret(path, kMaxCredentialsFileSize);
  if (text) return Parse(path, *text);
  // The last two: in the home of somebody else, as under sudo.
  const int error = text.error();
  if (error == ENOENT || error == ENOTDIR || error == EACCES || error == kOfAnotherUser) return;
  if (text.error() == EPERM) {
    reporter_.Error(path, "the credentials file can be read by others", "chmod 600 " + path);
  } else {
    reporter_.Error(path, std::string("cannot read the credentials file: ") + ErrnoName(text.error()));
  }
}

void ServerDefaults::Parse(const std::string& path, const std::string& text) {
  std::expected<std::vector<NetrcEntry>, NetrcProblem> entries = ParseNetrc(text);
  if (entries) {
    entries_ = std::move(*entries);
    return;
  }
  NetrcProblem& problem = entries.error();
  reporter_.Error(Location{std::make_shared<const std::string>(path), problem.line, 0},
                  std::move(problem.message), std::move(problem.remedy));
}

}  // namespace socksify

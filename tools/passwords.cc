// SPDX-License-Identifier: BSD-2-Clause
#include "tools/passwords.h"

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/failure.h"
#include "base/text.h"
#include "base/wipe.h"
#include "dialer/path_text.h"
#include "resolver/handed_passwords.h"
#include "resolver/state_directory.h"
#include "tools/first_line.h"
#include "tools/terminal_prompt.h"

namespace socksify {
namespace {

// "server office (socks.conf:3): MESSAGE"
Trouble TroubleOf(const Server& server, const std::string& message, const std::string& remedy) {
  const std::string name = server.name.empty() ? DescribeServer(server) : server.name;
  return {"server " + name + " (" + server.where.ToString() + "): " + message, remedy};
}

std::string PromptFor(const Server& server) {
  std::string prompt = "Password for ";
  if (!server.username.empty()) {
    AppendEscaped(&prompt, server.username);
    prompt += " at ";
  }
  return prompt + DescribeServer(server) + ": ";
}

class PasswordProvider {
 public:
  PasswordProvider(AskPassword ask, const char* (*get_env)(const char*))
      : ask_(ask), directory_(StateDirectory(get_env)) {
    const char* const program = get_env("SOCKSIFY_ASKPASS");
    ask_program_ = program != nullptr ? program : "";
  }
  ~PasswordProvider() {
    for (auto* texts : {&by_key_, &by_command_}) {
      for (auto& [key, password] : *texts) Wipe(&password);
    }
  }
  PasswordProvider(const PasswordProvider&) = delete;
  PasswordProvider& operator=(const PasswordProvider&) = delete;

  std::optional<Trouble> Get(const Server& server) {
    if (server.has_password || !server.unusable.empty()) return std::nullopt;
    switch (server.password_source) {
      case PasswordSource::kNone: return std::nullopt;
      case PasswordSource::kCommand: return GetByCommand(server);
      case PasswordSource::kPrompt: return GetByPrompt(server);
    }
    return std::nullopt;
  }

  std::optional<Trouble> HandOn() const {
    if (by_key_.empty()) return std::nullopt;
    const std::string message = "the passwords cannot be handed to the program: ";
    const std::string remedy = "set SOCKSIFY_STATE_DIR to a directory of your own, with mode 0700";
    if (!directory_)
      return Trouble{message + "no state directory can be used (" + ErrnoName(directory_.error()) + ")",
                     remedy};
    std::vector<HandedPassword> passwords;
    passwords.reserve(by_key_.size());
    for (const auto& [key, password] : by_key_) passwords.push_back({key, password});
    const int error = HandPasswords(*directory_, passwords);
    if (error == 0) return std::nullopt;
    return Trouble{message + "cannot write to '" + *directory_ + "' (" + ErrnoName(error) + ")", remedy};
  }

 private:
  std::optional<Trouble> GetByCommand(const Server& server) {
    auto found = by_command_.find(server.password_command);
    if (found == by_command_.end()) {
      auto line = FirstLineOf({"/bin/sh", "-c", server.password_command}, kMaxHandedPasswordSize);
      if (!line) {
        return TroubleOf(server, "its password.command " + line.error(),
                         "try the command by itself; its first line has to be the password");
      }
      found = by_command_.emplace(server.password_command, *std::move(line)).first;
    }
    by_key_[PasswordKey(server)] = found->second;
    return std::nullopt;
  }

  std::optional<Trouble> GetByPrompt(const Server& server) {
    const std::string key = PasswordKey(server);
    if (by_key_.contains(key) || (ask_ == AskPassword::kIfUnknown && IsKnown(key))) return std::nullopt;
    if (!ask_program_.empty()) {
      auto line = FirstLineOf({ask_program_, PromptFor(server)}, kMaxHandedPasswordSize);
      if (!line) {
        return TroubleOf(server, "'" + ask_program_ + "' " + line.error(),
                         "SOCKSIFY_ASKPASS names a program that writes the password to standard output");
      }
      by_key_[key] = *std::move(line);
      return std::nullopt;
    }
    auto line = AskOnTerminal(PromptFor(server), kMaxHandedPasswordSize);
    if (line) {
      by_key_[key] = *std::move(line);
      return std::nullopt;
    }
    return PromptTrouble(server, line.error());
  }

  bool IsKnown(const std::string& key) const {
    if (!directory_) return false;
    std::optional<std::string> password = FindHandedPassword(*directory_, key);
    if (password) Wipe(&*password);
    return password.has_value();
  }

  static std::optional<Trouble> PromptTrouble(const Server& server, PromptFailure failure) {
    const bool is_optional = server.where.source != nullptr && *server.where.source == "-p";
    if (is_optional && failure != PromptFailure::kTooLong) return std::nullopt;
    switch (failure) {
      case PromptFailure::kNoTerminal:
        return TroubleOf(server, "its password is to be asked for, and there is no terminal",
                         "start any program by socksify once from a terminal, which keeps the password; or "
                         "name a program that asks in SOCKSIFY_ASKPASS; or use password.file or "
                         "password.command");
      case PromptFailure::kNothing: return TroubleOf(server, "expected a password, found an empty line", "");
      case PromptFailure::kTooLong:
        return TroubleOf(server, "expected a password of at most 255 bytes, found a longer one", "");
    }
    return std::nullopt;
  }

  const AskPassword ask_;
  const std::expected<std::string, int> directory_;
  std::string ask_program_;
  std::map<std::string, std::string> by_key_;
  std::map<std::string, std::string> by_command_;
};

}  // namespace

std::optional<Trouble> ProvidePasswords(std::span<const std::unique_ptr<const Server>> servers,
                                        AskPassword ask, const char* (*get_env)(const char* name)) {
  std::optional<PasswordProvider> provider;
  for (const auto& server : servers) {
    if (server->password_source == PasswordSource::kNone) continue;
    if (!provider) provider.emplace(ask, get_env);
    if (auto trouble = provider->Get(*server)) return trouble;
  }
  return provider ? provider->HandOn() : std::nullopt;
}

}  // namespace socksify

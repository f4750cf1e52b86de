// SPDX-License-Identifier: BSD-2-Clause
// FakeMachine: a ConfigHost whose environment, files, services and interfaces a test writes down. One at a
// time.
#pragma once

#include <cerrno>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "routing/config.h"

namespace socksify {

class FakeMachine {
 public:
  FakeMachine() { current_ = this; }
  ~FakeMachine() { current_ = nullptr; }
  FakeMachine(const FakeMachine&) = delete;
  FakeMachine& operator=(const FakeMachine&) = delete;

  std::map<std::string, std::string> variables;
  std::map<std::string, std::string> files;
  std::map<std::string, int> file_errors;
  std::map<std::string, int> secret_errors;  // of read_secret alone
  std::map<std::string, uint32_t> users;
  std::map<std::string, int> user_errors;  // look-ups that fail
  std::map<std::string, std::string> handed_passwords;
  bool is_preload = true;  // false: a tool, to which nobody hands passwords
  std::map<std::pair<std::string, std::string>, uint16_t> services;
  std::vector<InterfaceAddress> interface_addresses;
  int interface_calls = 0;

  ConfigHost host() {
    return {GetEnv,      ReadFile,  ReadSecret, UserId, is_preload ? HandedPassword : nullptr,
            ServicePort, Interfaces};
  }

  std::expected<Config, std::vector<Diagnostic>> Load(const ConfigSources& sources) {
    return LoadConfig(sources, host());
  }
  // Loads `text` as the file test.conf.
  std::expected<Config, std::vector<Diagnostic>> LoadText(const std::string& text) {
    files["test.conf"] = text;
    return Load({"test.conf", {}});
  }
  // All errors of `text` as people see them; empty when it loads.
  std::string ErrorsOf(const std::string& text) { return Join(LoadText(text)); }

  static std::string Join(const std::expected<Config, std::vector<Diagnostic>>& config) {
    return config ? std::string() : Join(config.error());
  }
  static std::string Join(const std::vector<Diagnostic>& diagnostics) {
    std::string text;
    for (const Diagnostic& diagnostic : diagnostics) text += diagnostic.ToString();
    return text;
  }

 private:
  static const char* GetEnv(const char* name) {
    const auto found = current_->variables.find(name);
    return found == current_->variables.end() ? nullptr : found->second.c_str();
  }
  static std::expected<std::string, int> ReadSecret(const std::string& path, size_t max_size) {
    if (const auto error = current_->secret_errors.find(path); error != current_->secret_errors.end()) {
      return std::unexpected(error->second);
    }
    return ReadFile(path, max_size);
  }
  static std::expected<std::optional<uint32_t>, int> UserId(const std::string& name) {
    if (const auto error = current_->user_errors.find(name); error != current_->user_errors.end()) {
      return std::unexpected(error->second);
    }
    const auto found = current_->users.find(name);
    return found == current_->users.end() ? std::nullopt : std::optional(found->second);
  }
  static std::optional<std::string> HandedPassword(const std::string& key) {
    const auto found = current_->handed_passwords.find(key);
    return found == current_->handed_passwords.end() ? std::nullopt : std::optional(found->second);
  }
  static std::expected<std::string, int> ReadFile(const std::string& path, size_t max_size) {
    if (const auto error = current_->file_errors.find(path); error != current_->file_errors.end()) {
      return std::unexpected(error->second);
    }
    const auto found = current_->files.find(path);
    if (found == current_->files.end()) return std::unexpected(ENOENT);
    if (found->second.size() > max_size) return std::unexpected(EFBIG);
    return found->second;
  }
  static std::optional<uint16_t> ServicePort(const std::string& name, const char* transport) {
    const auto found = current_->services.find({name, transport});
    if (found == current_->services.end()) return std::nullopt;
    return found->second;
  }
  static std::vector<InterfaceAddress> Interfaces() {
    ++current_->interface_calls;
    return current_->interface_addresses;
  }

  static inline FakeMachine* current_ = nullptr;
};

}  // namespace socksify

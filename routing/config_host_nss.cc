// SPDX-License-Identifier: BSD-2-Clause
// A file of its own, because a statically linked program must have nothing of it: tools/launcher_host.h.
#include <arpa/inet.h>
#include <netdb.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "routing/config_host.h"

namespace socksify {
namespace {

// The user id of the entry that `look_up`, one of getpwnam_r(3) and its kin, finds.
template <typename LookUp>
std::expected<std::optional<uint32_t>, int> FindUser(const LookUp& look_up) {
  constexpr size_t kMaxEntrySize = size_t{1} << 20;
  passwd entry = {};
  passwd* found = nullptr;
  std::vector<char> buffer(1024);
  int error = look_up(&entry, &buffer, &found);
  while (error == EINTR || (error == ERANGE && buffer.size() < kMaxEntrySize)) {
    if (error == ERANGE) buffer.resize(buffer.size() * 4);
    error = look_up(&entry, &buffer, &found);
  }
  if (error != 0) return std::unexpected(error);
  if (found == nullptr) return std::nullopt;
  return found->pw_uid;
}

// Where not even this program's own user is known (chroot, a container), that a name is not says nothing.
std::expected<std::optional<uint32_t>, int> UserId(const std::string& name) {
  const auto id = FindUser([&](passwd* entry, std::vector<char>* buffer, passwd** found) {
    return getpwnam_r(name.c_str(), entry, buffer->data(), buffer->size(), found);
  });
  if (!id || *id) return id;
  const auto own = FindUser([](passwd* entry, std::vector<char>* buffer, passwd** found) {
    return getpwuid_r(getuid(), entry, buffer->data(), buffer->size(), found);
  });
  if (own && *own) return std::nullopt;
  return std::unexpected(own ? ENOENT : own.error());
}

std::optional<uint16_t> ServicePort(const std::string& name, const char* transport) {
  servent entry = {};
  servent* found = nullptr;
  std::array<char, 2048> buffer{};
  const int error = getservbyname_r(name.c_str(), transport, &entry, buffer.data(), buffer.size(), &found);
  if (error != 0 || found == nullptr) return std::nullopt;
  return ntohs(static_cast<uint16_t>(found->s_port));
}

}  // namespace

ConfigHost LocalConfigHost() {
  ConfigHost host = ConfigHostWithoutNss();
  host.user_id = UserId;
  host.service_port = ServicePort;
  return host;
}

}  // namespace socksify

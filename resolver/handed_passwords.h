// SPDX-License-Identifier: BSD-2-Clause
// Passwords on their way from the launcher, which asked for them, to the preload in the programs that it
// starts: the file "passwords-1" in the state directory (state_directory.h), of mode 0600.
//
// A reader sees the file as it was before or after a writer, never between. Nothing here puts a password, or
// a part of one, into a message; what is read on the way is wiped from memory.
//
//   0       8      12     16                                 offsets in bytes; numbers in the machine's order
//   +-------+------+------+-------------------------------+
//   | magic | size | sum  | key \0 password \0  ...       |  oldest first; size and sum (FNV-1a) are those
//   +-------+------+------+-------------------------------+  of what stands behind them
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace socksify {

// What a password is kept under says PasswordKey() of routing/server.h.
struct HandedPassword {
  std::string_view key;       // 1 to kMaxHandedKeySize bytes, none of them NUL
  std::string_view password;  // 1 to kMaxHandedPasswordSize bytes, none of them NUL
};

inline constexpr size_t kMaxHandedPasswords = 256;
inline constexpr size_t kMaxHandedKeySize = 1024;
inline constexpr size_t kMaxHandedPasswordSize = 255;  // RFC 1929 section 2

// Adds `passwords` to those in `directory`, which must exist. Of two with the same key the later one counts;
// past kMaxHandedPasswords those that were handed on longest ago are dropped. What is at the file's path and
// is not a sound file of ours is replaced. Returns 0 or an errno value; EINVAL for a key or password of
// another size than above, or with a NUL in it.
int HandPasswords(const std::string& directory, std::span<const HandedPassword> passwords);

// The password for `key`. Nothing where there is none, or no file that can be trusted: one that is no regular
// file with a single name, belongs to another user, is open to others, or is damaged. Takes no lock.
std::optional<std::string> FindHandedPassword(const std::string& directory, std::string_view key);

}  // namespace socksify

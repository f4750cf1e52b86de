// SPDX-License-Identifier: BSD-2-Clause
// ProgramInspector: whether a preload reaches a program, and if not, why and what to do instead.
//
// A program that a preload cannot reach would run as if nothing had been asked of it, straight to the
// network; so it is refused before it starts. The inspector itself opens nothing: it asks ProgramFiles, and
// is tested with one made of bytes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tools/elf_image.h"

namespace socksify {

// What is known of one file before it is executed.
struct ProgramFile {
  std::span<const uint8_t>
      bytes;  // the content, for as long as the process lives; empty if it cannot be read
  bool is_readable = true;
  mode_t mode = 0;
  uid_t owner = 0;
  gid_t group = 0;
  bool has_capabilities = false;  // security.capability (capabilities(7))
  bool is_nosuid = false;         // on a file system mounted nosuid; only told of what would gain privileges
};

class ProgramFiles {
 public:
  virtual ~ProgramFiles() = default;
  // Fails with the errno of stat(2).
  virtual std::expected<ProgramFile, int> Open(const std::string& path) const = 0;
  // The file that execvp(3) would run for a name without a slash.
  virtual std::optional<std::string> FindInPath(const std::string& name) const = 0;
  // The path of the libsocksify.so for programs of `identity`, or, if there is none, the places looked at, as
  // text for people.
  virtual std::expected<std::string, std::string> FindLibrary(const ElfIdentity& identity) const = 0;
};

// Who executes.
struct Caller {
  uid_t uid = 0;
  gid_t gid = 0;
  bool no_new_privileges = false;  // PR_SET_NO_NEW_PRIVS (prctl(2))
};

struct Refusal {
  std::string reason;  // "is statically linked"
  std::string remedy;  // what to do instead; may be empty
};

class ProgramInspector {
 public:
  // Scripts whose interpreters are scripts are followed so far.
  static constexpr int kMaxScriptDepth = 4;

  ProgramInspector(const ProgramFiles& files, const Caller& caller) : files_(files), caller_(caller) {}

  // The ELF program that will run in the end for `path`: itself, or the interpreter of a script. Nothing for
  // a file that is neither ELF nor has an interpreter line: execvp(3) gives it to sh. A file that is not
  // there is not refused either: exec says so better.
  std::expected<std::optional<ElfImage>, Refusal> Inspect(const std::string& path) const;

 private:
  std::expected<std::optional<ElfImage>, Refusal> InspectAt(const std::string& path, int depth) const;
  // Whether it is a program, and no script.
  bool IsElf(const std::string& path) const;
  std::optional<Refusal> CheckPrivileges(const std::string& path, const ProgramFile& file) const;
  std::optional<Refusal> CheckImage(const std::string& path, const ElfImage& image) const;

  const ProgramFiles& files_;
  const Caller caller_;
};

}  // namespace socksify

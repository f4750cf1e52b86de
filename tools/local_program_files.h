// SPDX-License-Identifier: BSD-2-Clause
// LocalProgramFiles: ProgramFiles of this machine.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "tools/library_location.h"
#include "tools/program_inspector.h"

namespace socksify {

// Not thread-safe.
class LocalProgramFiles final : public ProgramFiles {
 public:
  // Keeps a reference to `location`.
  explicit LocalProgramFiles(const LibraryLocation& location) : location_(location) {}

  std::expected<ProgramFile, int> Open(const std::string& path) const override;
  std::optional<std::string> FindInPath(const std::string& name) const override;
  std::expected<std::string, std::string> FindLibrary(const ElfIdentity& identity) const override;

 private:
  struct FoundLibrary {
    ElfIdentity identity;
    std::string path;
  };

  const LibraryLocation& location_;
  // The library that was found last: the launcher asks for that of its own architecture, of the program's,
  // and once more for the path, which is nearly always the same one.
  mutable std::optional<FoundLibrary> found_;
};

// This process, as the kernel will see it at exec.
Caller LocalCaller();

// The file that execvp(3) would run for `program`: itself if it has a slash, else the first that may be
// executed in PATH. Fails with ENOENT, or EACCES where files were found that may not be executed.
std::expected<std::string, int> FindProgram(const std::string& program);

}  // namespace socksify

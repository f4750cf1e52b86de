// SPDX-License-Identifier: BSD-2-Clause
#include "tools/preload_entry.h"

#include <optional>

#include "tools/layout.h"
#include "tools/library_location.h"
#include "tools/local_program_files.h"
#include "tools/program_inspector.h"

namespace socksify {
namespace {

// Whether $LIB stands for the directory of the library at `path`. Where it does not, LD_PRELOAD gets the full
// path, or the loader would not find the library and the program would run without it.
//
// Of the system's own loader, below /lib, the build has learnt what $LIB means. Others are asked: those of
// another architecture (lib/i386-linux-gnu or lib32, as the distribution has it) and those built apart (Nix,
// Guix).
bool IsDollarLib(const std::optional<ElfImage>& image, const std::string& path,
                 const LibraryLocation& location, const ProgramFiles& files) {
  if (!image) return kLibraryDirectoryIsDollarLib;
  const bool is_ours = image->identity == OwnElfIdentity() && image->interpreter.starts_with("/lib");
  if (is_ours) return kLibraryDirectoryIsDollarLib;
  const auto loader = files.Open(image->interpreter);
  return loader && IsDollarLibOf(loader->bytes, path, location.prefix());
}

std::expected<LibraryLocation, Trouble> OwnLocation() {
  auto location = LibraryLocation::OfThisProgram();
  if (!location) return std::unexpected(Trouble{location.error(), ""});
  if (const auto trouble = location->Unspeakable()) {
    return std::unexpected(Trouble{*trouble, "install socksify elsewhere, for example below /usr/local"});
  }
  return *std::move(location);
}

// The path of the library for this process's own architecture.
std::expected<std::string, Trouble> OwnLibrary(const LocalProgramFiles& files) {
  auto library = files.FindLibrary(OwnElfIdentity());
  if (library) return *std::move(library);
  return std::unexpected(Trouble{"libsocksify.so is missing; looked for " + library.error(),
                                 "install socksify anew; its tools find the library relative to themselves"});
}

}  // namespace

std::expected<std::string, Trouble> PreloadEntryFor(const std::string& name, const std::string& path) {
  const auto location = OwnLocation();
  if (!location) return std::unexpected(location.error());
  const LocalProgramFiles files(*location);
  if (const auto library = OwnLibrary(files); !library) return library;

  const auto inspected = ProgramInspector(files, LocalCaller()).Inspect(path);
  if (!inspected) {
    return std::unexpected(Trouble{name + ": " + inspected.error().reason, inspected.error().remedy});
  }
  const std::optional<ElfImage>& image = *inspected;
  const auto library = files.FindLibrary(image ? image->identity : OwnElfIdentity());
  if (!library) {
    return std::unexpected(Trouble{"libsocksify.so is missing; looked for " + library.error(), ""});
  }
  return location->PreloadEntry(*library, IsDollarLib(image, *library, *location, files));
}

std::expected<std::string, Trouble> OwnPreloadEntry() {
  const auto location = OwnLocation();
  if (!location) return std::unexpected(location.error());
  const LocalProgramFiles files(*location);
  const auto library = OwnLibrary(files);
  if (!library) return library;
  return location->PreloadEntry(*library, kLibraryDirectoryIsDollarLib);
}

}  // namespace socksify

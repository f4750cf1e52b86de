// SPDX-License-Identifier: BSD-2-Clause
#include "tools/library_location.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/unique_fd.h"
#include "tools/layout.h"

// The linker's name for where the program itself is loaded.
extern "C" {
// NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
[[gnu::weak, gnu::visibility("hidden")]] extern const char __ehdr_start[];
}

namespace socksify {
namespace {

struct Multiarch {
  ElfIdentity identity;
  const char* directory = nullptr;
};

// The directories of Debian's multiarch, https://wiki.debian.org/Multiarch/Tuples.
constexpr std::array<Multiarch, 9> kMultiarch = {{
    {{true, EM_X86_64}, "lib/x86_64-linux-gnu"},
    {{false, EM_X86_64}, "lib/x86_64-linux-gnux32"},
    {{false, EM_386}, "lib/i386-linux-gnu"},
    {{true, EM_AARCH64}, "lib/aarch64-linux-gnu"},
    {{false, EM_ARM}, "lib/arm-linux-gnueabihf"},
    {{false, EM_ARM}, "lib/arm-linux-gnueabi"},
    {{true, EM_RISCV}, "lib/riscv64-linux-gnu"},
    {{true, EM_PPC64}, "lib/powerpc64le-linux-gnu"},
    {{true, EM_S390}, "lib/s390x-linux-gnu"},
}};

bool IsDirectory(const std::string& path) {
  struct stat status = {};
  return lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// Whether the file at `path`, which must not be a link, begins with the ELF header that this program was
// loaded with, which tells its build by where its sections lie.
bool IsThisProgram(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  std::array<char, sizeof(ElfW(Ehdr))> head{};
  return fd.valid() && __ehdr_start != nullptr &&
         read(fd.get(), head.data(), head.size()) == static_cast<ssize_t>(head.size()) &&
         std::memcmp(head.data(), __ehdr_start, head.size()) == 0;
}

// The path that this program was executed by, where that is plainly its own, free of links as far as bin/:
// what /proc/self/exe would say. (The interpreter of a script gets the path of the script.) To ask /proc
// takes longer than everything else that is asked before the program starts: the kernel makes files there for
// it, which have to go again with the process.
std::optional<std::string> PlainPathOfThisProgram() {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): getauxval(3) has one type for all.
  const auto* const name = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
  if (name == nullptr || name[0] != '/') return std::nullopt;
  std::string path = name;
  if (path.find("/.") != std::string::npos || path.find("//") != std::string::npos) return std::nullopt;
  const size_t slash = path.rfind('/');
  if (!IsDirectory(path.substr(0, slash)) || !IsThisProgram(path)) return std::nullopt;
  return path;
}

}  // namespace

std::expected<LibraryLocation, std::string> LibraryLocation::OfThisProgram() {
  if (const auto path = PlainPathOfThisProgram()) return OfProgram(*path);
  std::string path(PATH_MAX, '\0');
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  if (size <= 0) return std::unexpected("cannot read /proc/self/exe, which tells where libsocksify.so lies");
  path.resize(static_cast<size_t>(size));
  return OfProgram(path);
}

std::expected<LibraryLocation, std::string> LibraryLocation::OfProgram(std::string_view path) {
  const size_t program = path.rfind('/');
  const size_t directory = program == 0 ? std::string_view::npos : path.rfind('/', program - 1);
  if (directory == std::string_view::npos) {
    return std::unexpected("expected to be installed as PREFIX/bin/socksify, found " + std::string(path));
  }
  return LibraryLocation(std::string(path.substr(0, directory)), kLibraryDirectory, OwnElfIdentity());
}

std::optional<std::string> LibraryLocation::Unspeakable() const {
  if (prefix_.find_first_of(" \t\n:$") == std::string::npos) return std::nullopt;
  return "the installation path '" + prefix_ + "' holds a blank, ':' or '$', which LD_PRELOAD cannot express";
}

std::vector<std::string> LibraryLocation::Candidates(const ElfIdentity& identity) const {
  std::vector<std::string> paths;
  const auto add = [&](std::string_view directory) {
    paths.push_back(prefix_ + "/" + std::string(directory) + "/" + std::string(kLibraryName));
  };
  if (identity == own_) {
    add(own_directory_);
    return paths;
  }
  for (const Multiarch& entry : kMultiarch) {
    if (entry.identity == identity && own_directory_ != entry.directory) add(entry.directory);
  }
  // Elsewhere than on Debian: lib64 beside lib, or lib beside lib32.
  if (own_directory_ != "lib") add("lib");
  if (identity.is_64_bit && own_directory_ != "lib64") add("lib64");
  if (!identity.is_64_bit && own_directory_ != "lib32") add("lib32");
  return paths;
}

std::string LibraryLocation::PreloadEntry(const std::string& path, bool dollar_lib) const {
  return dollar_lib ? prefix_ + "/$LIB/" + std::string(kLibraryName) : path;
}

// The loader's search path holds the same directory with a slash at its end, so what ends in a NUL is what we
// are after. "lib" alone is also the end of other words, and has to be a string of its own.
bool IsDollarLibOf(std::span<const uint8_t> loader, std::string_view path, std::string_view prefix) {
  if (path.size() < prefix.size() + kLibraryName.size() + 2) return false;
  const std::string_view directory =
      path.substr(prefix.size() + 1, path.size() - prefix.size() - kLibraryName.size() - 2);
  std::string text(directory);
  text += '\0';
  if (directory == "lib") text.insert(text.begin(), '\0');
  return memmem(loader.data(), loader.size(), text.data(), text.size()) != nullptr;
}

std::string ReducePreload(std::string_view inherited) {
  std::string value;
  while (!inherited.empty()) {
    const size_t end = std::min(inherited.find_first_of(" :"), inherited.size());
    const std::string_view item = inherited.substr(0, end);
    if (!item.empty() && item.substr(item.rfind('/') + 1) != kLibraryName) {
      if (!value.empty()) value += ':';
      value += item;
    }
    inherited.remove_prefix(std::min(end + 1, inherited.size()));
  }
  return value;
}

std::string ExtendPreload(std::string_view inherited, std::string_view entry) {
  std::string value = ReducePreload(inherited);
  if (!value.empty()) value += ':';
  return value += entry;
}

}  // namespace socksify

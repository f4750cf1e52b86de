// SPDX-License-Identifier: BSD-2-Clause
#include "tools/local_program_files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/unique_fd.h"

namespace socksify {
namespace {

// Maps the file, so that a program of any size costs only the pages that are looked at. The mapping stays: of
// all that is done about a program, taking it back would take the longest, and exec(2) does so anyway.
void MapContent(const UniqueFd& fd, size_t size, ProgramFile* file) {
  if (size == 0) return;
  void* const address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (address == MAP_FAILED) {
    file->is_readable = false;
    return;
  }
  file->bytes = {static_cast<const uint8_t*>(address), size};
}

std::optional<ElfIdentity> ReadElfIdentity(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::array<uint8_t, 64> head{};  // the header of either class
  const ssize_t size = fd.valid() ? read(fd.get(), head.data(), head.size()) : 0;
  if (size <= 0) return std::nullopt;
  return ParseElfIdentity(std::span(head).first(static_cast<size_t>(size)));
}

bool IsExecutableFile(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::expected<ProgramFile, int> LocalProgramFiles::Open(const std::string& path) const {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0) return std::unexpected(errno);
  if (!S_ISREG(status.st_mode)) return std::unexpected(EACCES);

  ProgramFile file;
  file.mode = status.st_mode;
  file.owner = status.st_uid;
  file.group = status.st_gid;
  file.has_capabilities = getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
  const bool has_privileges = file.has_capabilities || (status.st_mode & (S_ISUID | S_ISGID)) != 0;
  if (struct statvfs volume = {}; has_privileges && statvfs(path.c_str(), &volume) == 0) {
    file.is_nosuid = (volume.f_flag & ST_NOSUID) != 0;
  }
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  file.is_readable = fd.valid();
  if (fd.valid()) MapContent(fd, static_cast<size_t>(status.st_size), &file);
  return file;
}

std::optional<std::string> LocalProgramFiles::FindInPath(const std::string& name) const {
  std::expected<std::string, int> path = FindProgram(name);
  if (!path) return std::nullopt;
  return std::move(*path);
}

std::expected<std::string, std::string> LocalProgramFiles::FindLibrary(const ElfIdentity& identity) const {
  if (found_ && found_->identity == identity) return found_->path;
  std::string places;
  for (const std::string& path : location_.Candidates(identity)) {
    if (ReadElfIdentity(path) == identity) {
      found_ = {identity, path};
      return path;
    }
    if (!places.empty()) places += ", ";
    places += path;
  }
  return std::unexpected(std::move(places));
}

Caller LocalCaller() {
  return {.uid = getuid(), .gid = getgid(), .no_new_privileges = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1};
}

std::expected<std::string, int> FindProgram(const std::string& program) {
  if (program.empty()) return std::unexpected(ENOENT);
  if (program.find('/') != std::string::npos) return program;
  // What execvp(3) of glibc takes for an unset PATH.
  const char* const variable = getenv("PATH");
  std::string_view path = variable != nullptr ? variable : "/bin:/usr/bin";
  int error = ENOENT;
  while (true) {
    const size_t end = std::min(path.find(':'), path.size());
    std::string candidate(path.substr(0, end));
    if (!candidate.empty()) candidate += '/';  // an empty entry is the working directory
    candidate += program;
    if (IsExecutableFile(candidate)) {
      // With a slash, so that nobody searches for it again.
      return candidate.find('/') == std::string::npos ? "./" + candidate : candidate;
    }
    if (access(candidate.c_str(), F_OK) == 0) error = EACCES;
    if (end == path.size()) return std::unexpected(error);
    path.remove_prefix(end + 1);
  }
}

}  // namespace socksify

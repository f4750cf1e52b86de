// SPDX-License-Identifier: BSD-2-Clause
#include "tools/program_inspector.h"

#include <sys/stat.h>

#include <array>

#include "tools/script_line.h"

namespace socksify {
namespace {

std::string_view BaseName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// glibc's loader goes by these names; musl's is ld-musl-ARCH.so.1, Android's linker64.
bool IsGlibcLoader(std::string_view path) {
  const std::string_view name = BaseName(path);
  return name.starts_with("ld-linux") || name.starts_with("ld64.so.") || name == "ld.so.1" || name == "ld.so";
}

// The usual gates to other privileges, which run a command of ours: socksify can stand behind them.
bool RunsCommandAsOther(std::string_view path) {
  constexpr std::array<std::string_view, 4> kNames = {"sudo", "doas", "pkexec", "runuser"};
  for (const std::string_view name : kNames) {
    if (BaseName(path) == name) return true;
  }
  return false;
}

std::string PrivilegeRemedy(const std::string& path) {
  const std::string name(BaseName(path));
  if (RunsCommandAsOther(path)) return "run `" + name + " socksify ... PROGRAM` instead";
  if (name == "su") return "run `su -c 'socksify ... PROGRAM'` instead";
  return "run socksify as the user that the program changes to, as in `sudo socksify ... " + name + "`";
}

}  // namespace

std::expected<std::optional<ElfImage>, Refusal> ProgramInspector::Inspect(const std::string& path) const {
  return InspectAt(path, 0);
}

std::expected<std::optional<ElfImage>, Refusal> ProgramInspector::InspectAt(const std::string& path,
                                                                            int depth) const {
  const std::expected<ProgramFile, int> file = files_.Open(path);
  if (!file) return std::nullopt;
  // A reason about an interpreter names it; one about the program itself has its name in front already.
  const auto refuse = [&](Refusal refusal) {
    if (depth > 0) refusal.reason = "its interpreter " + path + " " + refusal.reason;
    return std::unexpected(std::move(refusal));
  };

  if (!file->is_readable) {
    if (std::optional<Refusal> refusal = CheckPrivileges(path, *file)) return refuse(std::move(*refusal));
    return refuse({"cannot be read, so there is no telling whether a preload reaches it",
                   "make it readable with `chmod +r`, or run socksify as its owner"});
  }
  if (std::optional<ElfImage> image = ParseElf(file->bytes)) {
    if (std::optional<Refusal> refusal = CheckPrivileges(path, *file)) return refuse(std::move(*refusal));
    if (std::optional<Refusal> refusal = CheckImage(path, *image)) return refuse(std::move(*refusal));
    return image;
  }
  const std::optional<ScriptLine> script = ParseScriptLine(file->bytes);
  if (!script) return std::nullopt;
  if (depth == kMaxScriptDepth) {
    return refuse(
        {"is a script whose interpreters are scripts, more than " + std::to_string(kMaxScriptDepth) + " deep",
         "run the last interpreter by name"});
  }

  std::expected<std::optional<ElfImage>, Refusal> end = InspectAt(script->interpreter, depth + 1);
  // The kernel hands the launcher the script as the program to start.
  const bool names_program = !script->argument.empty() && !script->argument.starts_with('-');
  const std::optional<ElfImage> image = end.value_or(std::nullopt);
  if (image && image->is_launcher && !names_program && IsElf(script->interpreter)) {
    return refuse(
        {"names socksify in its first line, and no program that reads the rest: it would start "
         "itself without end",
         "write `#!/usr/bin/env -S socksify ... sh`, or the program that it is for in place of sh"});
  }
  if (!end || BaseName(script->interpreter) != "env") return end;
  const EnvCommand command = ParseEnvArgument(script->argument);
  if (command.clears_environment) {
    return refuse({"clears the environment in its first line, and LD_PRELOAD with it",
                   "run `socksify ... " + command.program + " " + path + "` instead"});
  }
  const bool has_slash = command.program.find('/') != std::string::npos;
  const std::optional<std::string> program = has_slash || command.program.empty()
                                                 ? std::optional(command.program)
                                                 : files_.FindInPath(command.program);
  // What env cannot find either is its to report.
  if (!program || program->empty()) return end;
  return InspectAt(*program, depth + 1);
}

bool ProgramInspector::IsElf(const std::string& path) const {
  const std::expected<ProgramFile, int> file = files_.Open(path);
  return file && ParseElfIdentity(file->bytes).has_value();
}

// The kernel sets AT_SECURE, and the loader then ignores LD_PRELOAD, when exec changes the effective user or
// group, or gives capabilities to one who is not root (cap_bprm_creds_from_file in security/commoncap.c).
std::optional<Refusal> ProgramInspector::CheckPrivileges(const std::string& path,
                                                         const ProgramFile& file) const {
  if (file.is_nosuid || caller_.no_new_privileges) return std::nullopt;
  if ((file.mode & S_ISUID) != 0 && file.owner != caller_.uid) {
    return Refusal{"is setuid, and a preload does not cross a change of user", PrivilegeRemedy(path)};
  }
  // Without group execution the bit means mandatory locking, not setgid (inode(7)).
  const bool is_setgid = (file.mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
  if (is_setgid && file.group != caller_.gid) {
    return Refusal{"is setgid, and a preload does not cross a change of group", PrivilegeRemedy(path)};
  }
  if (file.has_capabilities && caller_.uid != 0) {
    return Refusal{"has file capabilities, and a preload does not cross a gain of privileges",
                   "run `sudo socksify ... " + std::string(BaseName(path)) +
                       "`, or a copy of the program without capabilities"};
  }
  return std::nullopt;
}

std::optional<Refusal> ProgramInspector::CheckImage(const std::string& path, const ElfImage& image) const {
  // The loader run as a program honours LD_PRELOAD, though it has no loader itself. A launcher hands it on to
  // the program that it starts, and connects to nothing.
  if (image.interpreter.empty() && !image.is_launcher && !IsGlibcLoader(path)) {
    if (image.is_go) {
      return Refusal{"is a static Go program, and a preload cannot reach it",
                     "use the program's own proxy setting; most Go programs heed HTTPS_PROXY and ALL_PROXY"};
    }
    return Refusal{"is statically linked, and a preload cannot reach it",
                   "use a dynamically linked build of it, or its own proxy setting"};
  }
  if (image.is_go) {
    return Refusal{
        "is a Go program: it makes its system calls without libc, where a preload cannot reach them",
        "use the program's own proxy setting; most Go programs heed HTTPS_PROXY and ALL_PROXY"};
  }
  if (!image.interpreter.empty() && !IsGlibcLoader(image.interpreter)) {
    return Refusal{"is not made for glibc (its loader is " + image.interpreter + ")",
                   "use a build of it for glibc; libsocksify.so cannot be loaded elsewhere"};
  }
  const std::expected<std::string, std::string> library = files_.FindLibrary(image.identity);
  if (!library) {
    return Refusal{"is a " + ToString(image.identity) +
                       " program, for which no libsocksify.so is installed; looked for " + library.error(),
                   "install socksify for that architecture under the same prefix"};
  }
  return std::nullopt;
}

}  // namespace socksify

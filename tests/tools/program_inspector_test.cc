// SPDX-License-Identifier: BSD-2-Clause
#include "tools/program_inspector.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <map>
#include <vector>

#include "tests/tools/elf_bytes.h"

namespace socksify {
namespace {

using testing::ElfParts;
using testing::kGlibcLoader;
using testing::MakeElf;

// A machine of a few files, with the library for 64-bit x86-64 alone.
class FakeFiles final : public ProgramFiles {
 public:
  ProgramFile& Add(const std::string& path, std::vector<uint8_t> bytes) {
    Entry& entry = entries_[path];
    entry.bytes = std::move(bytes);
    entry.file.bytes = entry.bytes;
    entry.file.mode = S_IFREG | 0755;
    return entry.file;
  }
  ProgramFile& AddScript(const std::string& path, const std::string& text) {
    return Add(path, {text.begin(), text.end()});
  }
  ProgramFile& AddProgram(const std::string& path) {
    return Add(path, MakeElf({.interpreter = kGlibcLoader, .note_owner = ""}));
  }
  ProgramFile& AddStatic(const std::string& path) {
    return Add(path, MakeElf({.interpreter = "", .note_owner = ""}));
  }

  std::expected<ProgramFile, int> Open(const std::string& path) const override {
    const auto entry = entries_.find(path);
    if (entry == entries_.end()) return std::unexpected(ENOENT);
    return entry->second.file;
  }
  std::optional<std::string> FindInPath(const std::string& name) const override {
    const std::string path = "/usr/bin/" + name;
    return entries_.contains(path) ? std::optional(path) : std::nullopt;
  }
  std::expected<std::string, std::string> FindLibrary(const ElfIdentity& identity) const override {
    if (identity == ElfIdentity{true, EM_X86_64}) return "/opt/lib/libsocksify.so";
    return std::unexpected("/opt/lib32/libsocksify.so");
  }

 private:
  struct Entry {
    std::vector<uint8_t> bytes;
    ProgramFile file;
  };
  std::map<std::string, Entry> entries_;
};

class ProgramInspectorTest : public ::testing::Test {
 protected:
  // "REASON|REMEDY", or "ok".
  std::string Inspect(const std::string& path) const {
    const auto result = ProgramInspector(files_, caller_).Inspect(path);
    return result ? "ok" : result.error().reason + "|" + result.error().remedy;
  }
  std::string Reason(const std::string& path) const {
    const std::string text = Inspect(path);
    return text.substr(0, text.find('|'));
  }

  FakeFiles files_;
  Caller caller_{.uid = 1000, .gid = 1000, .no_new_privileges = false};
};

constexpr char kStatic[] = "is statically linked, and a preload cannot reach it";

TEST_F(ProgramInspectorTest, AcceptsDynamicProgram) {
  files_.AddProgram("/usr/bin/curl");
  const auto result = ProgramInspector(files_, caller_).Inspect("/usr/bin/curl");
  ASSERT_TRUE(result.has_value());
  ASSERT_TRUE(result->has_value());
  EXPECT_EQ(result->value().interpreter, kGlibcLoader);
}

TEST_F(ProgramInspectorTest, LeavesToExecWhatItCannotJudge) {
  files_.AddScript("/bin/plain", "echo hello\n");
  files_.AddScript("/bin/empty", "");
  EXPECT_EQ(Inspect("/bin/plain"), "ok");
  EXPECT_EQ(Inspect("/bin/empty"), "ok");
  EXPECT_EQ(Inspect("/bin/missing"), "ok");
}

TEST_F(ProgramInspectorTest, RefusesStaticPrograms) {
  files_.AddStatic("/bin/pie");
  files_.Add("/bin/exec", MakeElf({.type = ET_EXEC, .interpreter = "", .note_owner = ""}));
  files_.Add("/bin/go", MakeElf({.interpreter = "", .note_owner = "Go"}));
  const std::string remedy = "|use a dynamically linked build of it, or its own proxy setting";
  EXPECT_EQ(Inspect("/bin/pie"), kStatic + remedy);
  EXPECT_EQ(Inspect("/bin/exec"), kStatic + remedy);
  EXPECT_EQ(
      Inspect("/bin/go"),
      "is a static Go program, and a preload cannot reach it|use the program's own proxy setting; most Go "
      "programs heed HTTPS_PROXY and ALL_PROXY");
}

TEST_F(ProgramInspectorTest, RefusesDynamicGoProgram) {
  files_.Add("/bin/go", MakeElf({.interpreter = kGlibcLoader, .note_owner = "Go"}));
  EXPECT_EQ(Reason("/bin/go"),
            "is a Go program: it makes its system calls without libc, where a preload cannot reach them");
}

TEST_F(ProgramInspectorTest, AcceptsTheLoaderItself) {
  files_.AddStatic(kGlibcLoader);
  EXPECT_EQ(Inspect(kGlibcLoader), "ok");
}

TEST_F(ProgramInspectorTest, AcceptsAStaticLauncher) {
  files_.Add("/bin/launcher", MakeElf({.interpreter = "", .note_owner = "socksify"}));
  files_.AddScript("/bin/script", "#!/bin/launcher /bin/sh\n");
  EXPECT_EQ(Inspect("/bin/launcher"), "ok");
  EXPECT_EQ(Inspect("/bin/script"), "ok");
}

TEST_F(ProgramInspectorTest, RefusesAScriptThatTheLauncherWouldStartWithoutEnd) {
  files_.Add("/bin/launcher", MakeElf({.interpreter = "", .note_owner = "socksify"}));
  files_.AddScript("/bin/bare", "#!/bin/launcher\n");
  files_.AddScript("/bin/option", "#!/bin/launcher -psocks5://127.0.0.1\n");
  const std::string refusal =
      "names socksify in its first line, and no program that reads the rest: it would start itself without "
      "end|write `#!/usr/bin/env -S socksify ... sh`, or the program that it is for in place of sh";
  EXPECT_EQ(Inspect("/bin/bare"), refusal);
  EXPECT_EQ(Inspect("/bin/option"), refusal);
  files_.AddScript("/bin/complete", "#!/bin/launcher /bin/sh\n");
  files_.AddScript("/bin/by-script", "#!/bin/complete\n");
  EXPECT_EQ(Inspect("/bin/by-script"), "ok");
}

TEST_F(ProgramInspectorTest, RefusesOtherLibcs) {
  files_.Add("/bin/musl", MakeElf({.interpreter = "/lib/ld-musl-x86_64.so.1", .note_owner = ""}));
  files_.Add("/bin/android", MakeElf({.interpreter = "/system/bin/linker64", .note_owner = ""}));
  EXPECT_EQ(Inspect("/bin/musl"),
            "is not made for glibc (its loader is /lib/ld-musl-x86_64.so.1)|use a build of it for glibc; "
            "libsocksify.so cannot be loaded elsewhere");
  EXPECT_EQ(Reason("/bin/android"), "is not made for glibc (its loader is /system/bin/linker64)");
}

TEST_F(ProgramInspectorTest, RefusesArchitectureWithoutLibrary) {
  files_.Add(
      "/bin/old",
      MakeElf(
          {.is_64_bit = false, .machine = EM_386, .interpreter = "/lib/ld-linux.so.2", .note_owner = ""}));
  EXPECT_EQ(Inspect("/bin/old"),
            "is a 32-bit i386 program, for which no libsocksify.so is installed; looked for "
            "/opt/lib32/libsocksify.so|install socksify for that architecture under the same prefix");
}

TEST_F(ProgramInspectorTest, RefusesSetuidThatGains) {
  for (const char* const path : {"/usr/bin/sudo", "/usr/bin/su", "/usr/bin/ping"}) {
    files_.AddProgram(path).mode |= S_ISUID;
  }
  const std::string reason = "is setuid, and a preload does not cross a change of user";
  EXPECT_EQ(Inspect("/usr/bin/sudo"), reason + "|run `sudo socksify ... PROGRAM` instead");
  EXPECT_EQ(Inspect("/usr/bin/su"), reason + "|run `su -c 'socksify ... PROGRAM'` instead");
  EXPECT_EQ(Inspect("/usr/bin/ping"),
            reason + "|run socksify as the user that the program changes to, as in `sudo socksify ... ping`");
}

TEST_F(ProgramInspectorTest, AcceptsPrivilegesThatChangeNothing) {
  ProgramFile& file = files_.AddProgram("/bin/p");
  file.mode |= S_ISUID | S_ISGID;
  file.owner = 1000;
  file.group = 1000;
  EXPECT_EQ(Inspect("/bin/p"), "ok");
  file.owner = 0;
  file.group = 0;
  EXPECT_NE(Inspect("/bin/p"), "ok");
  caller_ = {.uid = 0, .gid = 0, .no_new_privileges = false};
  file.has_capabilities = true;
  EXPECT_EQ(Inspect("/bin/p"), "ok");
  // Root gives up its user for a program that is setuid to somebody else.
  file.owner = 1000;
  EXPECT_NE(Inspect("/bin/p"), "ok");
}

TEST_F(ProgramInspectorTest, AcceptsPrivilegesThatTheKernelIgnores) {
  ProgramFile& file = files_.AddProgram("/bin/p");
  file.mode |= S_ISUID;
  file.has_capabilities = true;
  file.is_nosuid = true;
  EXPECT_EQ(Inspect("/bin/p"), "ok");
  file.is_nosuid = false;
  caller_.no_new_privileges = true;
  EXPECT_EQ(Inspect("/bin/p"), "ok");
}

TEST_F(ProgramInspectorTest, RefusesSetgidOnlyWithGroupExecution) {
  ProgramFile& file = files_.AddProgram("/bin/p");
  file.mode |= S_ISGID;
  EXPECT_EQ(Reason("/bin/p"), "is setgid, and a preload does not cross a change of group");
  file.mode &= ~static_cast<mode_t>(S_IXGRP);
  EXPECT_EQ(Inspect("/bin/p"), "ok");
}

TEST_F(ProgramInspectorTest, RefusesFileCapabilities) {
  files_.AddProgram("/bin/p").has_capabilities = true;
  EXPECT_EQ(Inspect("/bin/p"),
            "has file capabilities, and a preload does not cross a gain of privileges|run `sudo socksify ... "
            "p`, or a "
            "copy of the program without capabilities");
}

TEST_F(ProgramInspectorTest, RefusesWhatItMayNotRead) {
  ProgramFile& file = files_.AddProgram("/bin/p");
  file.is_readable = false;
  EXPECT_EQ(Reason("/bin/p"), "cannot be read, so there is no telling whether a preload reaches it");
  file.mode |= S_ISUID;
  EXPECT_EQ(Reason("/bin/p"), "is setuid, and a preload does not cross a change of user");
}

TEST_F(ProgramInspectorTest, FollowsScriptsToTheirInterpreter) {
  files_.AddProgram("/bin/sh");
  files_.AddStatic("/bin/static-sh");
  files_.AddScript("/bin/good", "#!/bin/sh\n");
  files_.AddScript("/bin/bad", "#!/bin/static-sh -e\n");
  files_.AddScript("/bin/worse", "#!/bin/bad\n");
  files_.AddScript("/bin/dangling", "#!/bin/nothing\n");
  EXPECT_EQ(Inspect("/bin/good"), "ok");
  EXPECT_EQ(Reason("/bin/bad"), std::string("its interpreter /bin/static-sh ") + kStatic);
  EXPECT_EQ(Reason("/bin/worse"), std::string("its interpreter /bin/static-sh ") + kStatic);
  EXPECT_EQ(Inspect("/bin/dangling"), "ok");
}

TEST_F(ProgramInspectorTest, SetuidBitOfScriptDoesNotCount) {
  files_.AddProgram("/bin/sh");
  files_.AddScript("/bin/script", "#!/bin/sh\n").mode |= S_ISUID;
  EXPECT_EQ(Inspect("/bin/script"), "ok");
}

TEST_F(ProgramInspectorTest, FollowsScriptsSoDeepAndNoDeeper) {
  files_.AddProgram("/bin/0");
  for (int i = 1; i <= 5; ++i) {
    files_.AddScript("/bin/" + std::to_string(i), "#!/bin/" + std::to_string(i - 1) + "\n");
  }
  EXPECT_EQ(Inspect("/bin/4"), "ok");
  EXPECT_EQ(Reason("/bin/5"),
            "its interpreter /bin/1 is a script whose interpreters are scripts, more than 4 deep");
  files_.AddScript("/bin/loop", "#!/bin/loop\n");
  EXPECT_NE(Inspect("/bin/loop"), "ok");
}

TEST_F(ProgramInspectorTest, FindsTheProgramBehindEnv) {
  files_.AddProgram("/usr/bin/env");
  files_.AddProgram("/usr/bin/python3");
  files_.AddStatic("/usr/bin/busybox");
  files_.AddScript("/bin/python", "#!/usr/bin/env python3\n");
  files_.AddScript("/bin/busy", "#!/usr/bin/env busybox\n");
  files_.AddScript("/bin/split", "#!/usr/bin/env -S A=1 busybox sh\n");
  files_.AddScript("/bin/path", "#!/usr/bin/env -S /usr/bin/busybox sh\n");
  files_.AddScript("/bin/lost", "#!/usr/bin/env perl6\n");
  files_.AddScript("/bin/none", "#!/usr/bin/env\n");
  const std::string reason = std::string("its interpreter /usr/bin/busybox ") + kStatic;
  EXPECT_EQ(Inspect("/bin/python"), "ok");
  EXPECT_EQ(Reason("/bin/busy"), reason);
  EXPECT_EQ(Reason("/bin/split"), reason);
  EXPECT_EQ(Reason("/bin/path"), reason);
  EXPECT_EQ(Inspect("/bin/lost"), "ok");
  EXPECT_EQ(Inspect("/bin/none"), "ok");
}

TEST_F(ProgramInspectorTest, RefusesEnvThatClearsTheEnvironment) {
  files_.AddProgram("/usr/bin/env");
  files_.AddProgram("/usr/bin/python3");
  files_.AddScript("/bin/s", "#!/usr/bin/env -S -i python3\n");
  EXPECT_EQ(
      Inspect("/bin/s"),
      "clears the environment in its first line, and LD_PRELOAD with it|run `socksify ... python3 /bin/s` "
      "instead");
}

}  // namespace
}  // namespace socksify

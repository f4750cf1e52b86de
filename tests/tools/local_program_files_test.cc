// SPDX-License-Identifier: BSD-2-Clause
// Programs of this machine, as the inspector sees them.
#include "tools/local_program_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

#include "tests/tools/tool_runner.h"

namespace socksify {
namespace {

using testing::TemporaryDirectory;

TEST(LocalProgramFilesTest, ReadsADynamicProgram) {
  const LibraryLocation location("/nowhere", "lib", OwnElfIdentity());
  const auto file = LocalProgramFiles(location).Open("/bin/true");
  ASSERT_TRUE(file.has_value());
  EXPECT_TRUE(file->is_readable);
  EXPECT_FALSE(file->has_capabilities);
  const std::optional<ElfImage> image = ParseElf(file->bytes);
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->identity, OwnElfIdentity());
  EXPECT_NE(image->interpreter.find("/ld"), std::string::npos);
}

TEST(LocalProgramFilesTest, ReadsAStaticProgram) {
  const LibraryLocation location("/nowhere", "lib", OwnElfIdentity());
  const auto file = LocalProgramFiles(location).Open(STATIC_PROGRAM);
  ASSERT_TRUE(file.has_value());
  const std::optional<ElfImage> image = ParseElf(file->bytes);
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->interpreter, "");
}

TEST(LocalProgramFilesTest, FailsWithTheErrnoOfStat) {
  const LibraryLocation location("/nowhere", "lib", OwnElfIdentity());
  const LocalProgramFiles files(location);
  EXPECT_EQ(files.Open("/no/such/file").error(), ENOENT);
  EXPECT_EQ(files.Open("/").error(), EACCES);
}

TEST(LocalProgramFilesTest, FindsALibraryOfTheRightArchitectureAlone) {
  const TemporaryDirectory directory;
  mkdir((directory.path() + "/lib").c_str(), 0755);
  const std::string path = directory.Write("lib/libsocksify.so", "not a library");
  const LibraryLocation location(directory.path(), "lib", OwnElfIdentity());
  const LocalProgramFiles files(location);
  EXPECT_EQ(files.FindLibrary(OwnElfIdentity()),
            (std::expected<std::string, std::string>(std::unexpect, path)));
  unlink(path.c_str());
  ASSERT_EQ(symlink("/bin/true", path.c_str()), 0);
  EXPECT_EQ(files.FindLibrary(OwnElfIdentity()), (std::expected<std::string, std::string>(path)));
}

TEST(FindProgramTest, SearchesAsExecvpDoes) {
  const TemporaryDirectory first;
  const TemporaryDirectory second;
  const std::string blocked = first.Write("tool", "", 0644);
  const std::string tool = second.Write("tool", "", 0755);
  const std::string saved = getenv("PATH");
  setenv("PATH", (first.path() + ":" + second.path()).c_str(), 1);
  EXPECT_EQ(FindProgram("tool"), (std::expected<std::string, int>(tool)));
  EXPECT_EQ(FindProgram("other"), (std::expected<std::string, int>(std::unexpect, ENOENT)));
  EXPECT_EQ(FindProgram(""), (std::expected<std::string, int>(std::unexpect, ENOENT)));
  EXPECT_EQ(FindProgram("./anything"), (std::expected<std::string, int>("./anything")));
  setenv("PATH", first.path().c_str(), 1);
  EXPECT_EQ(FindProgram("tool"), (std::expected<std::string, int>(std::unexpect, EACCES)));
  setenv("PATH", saved.c_str(), 1);
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/state_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <map>
#include <string>

#include "tests/resolver/fake_table_fixture.h"

namespace socksify {
namespace {

std::map<std::string, std::string>& Environment() {
  static std::map<std::string, std::string> environment;
  return environment;
}

const char* GetEnv(const char* name) {
  const auto found = Environment().find(name);
  return found == Environment().end() ? nullptr : found->second.c_str();
}

class StateDirectoryTest : public testing::Test {
 protected:
  StateDirectoryTest() { Environment().clear(); }

  mode_t ModeOf(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(lstat(path.c_str(), &status), 0) << path;
    return status.st_mode;
  }

  TemporaryDirectory directory_;
};

TEST_F(StateDirectoryTest, MakesTheOneThatIsNamed) {
  const std::string path = directory_.File("state");
  Environment()["SOCKSIFY_STATE_DIR"] = path + "//";
  Environment()["XDG_RUNTIME_DIR"] = directory_.path();
  EXPECT_EQ(StateDirectory(GetEnv), path);
  EXPECT_EQ(ModeOf(path), static_cast<mode_t>(S_IFDIR | 0700));
  EXPECT_EQ(StateDirectory(GetEnv), path);
}

TEST_F(StateDirectoryTest, MakesOneInTheRuntimeDirectory) {
  Environment()["SOCKSIFY_STATE_DIR"] = "";
  Environment()["XDG_RUNTIME_DIR"] = directory_.path();
  EXPECT_EQ(StateDirectory(GetEnv), directory_.File("socksify"));
}

TEST_F(StateDirectoryTest, UmaskDoesNotShutUsOut) {
  Environment()["SOCKSIFY_STATE_DIR"] = directory_.File("state");
  const mode_t old = umask(0777);
  EXPECT_EQ(StateDirectory(GetEnv), directory_.File("state"));
  umask(old);
  EXPECT_EQ(ModeOf(directory_.File("state")), static_cast<mode_t>(S_IFDIR | 0700));
}

TEST_F(StateDirectoryTest, RefusesWhatIsNotSafe) {
  const std::string link = directory_.File("link");
  const std::string file = directory_.File("file");
  const std::string open = directory_.File("open");
  ASSERT_EQ(symlink(directory_.path().c_str(), link.c_str()), 0);
  std::ofstream(file) << "x";
  ASSERT_EQ(mkdir(open.c_str(), 0700), 0);
  chmod(open.c_str(), 0770);
  const struct {
    std::string path;
    int error;
  } kCases[] = {{link, ENOTDIR},
                {link + '/', ENOTDIR},
                {file, ENOTDIR},
                {open, EPERM},
                {directory_.File("missing/state"), ENOENT},
                {"relative", EINVAL}};
  for (const auto& test : kCases) {
    Environment()["SOCKSIFY_STATE_DIR"] = test.path;
    const auto result = StateDirectory(GetEnv);
    ASSERT_FALSE(result) << test.path;
    EXPECT_EQ(result.error(), test.error) << test.path;
  }
}

TEST_F(StateDirectoryTest, RefusesTheDirectoryOfAnother) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to give a directory away";
  const std::string path = directory_.File("state");
  ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
  ASSERT_EQ(chown(path.c_str(), 4242, 4242), 0);
  Environment()["SOCKSIFY_STATE_DIR"] = path;
  EXPECT_EQ(StateDirectory(GetEnv).error(), EPERM);
}

TEST_F(StateDirectoryTest, RuntimeDirectoryThatCannotBeUsedLeadsToTheNext) {
  ASSERT_EQ(symlink("/", directory_.File("socksify").c_str()), 0);
  Environment()["XDG_RUNTIME_DIR"] = directory_.path();
  const auto result = StateDirectory(GetEnv);
  ASSERT_TRUE(result) << result.error();
  const std::string uid = std::to_string(geteuid());
  EXPECT_TRUE(*result == "/run/user/" + uid + "/socksify" || *result == "/tmp/socksify-" + uid) << *result;
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// Descriptors that are copied, closed, re-used and shared.

#include "tests/integration/echo_origin.h"
#include "tests/integration/preload_fixture.h"

namespace socksify {
namespace {

TEST_F(PreloadTest, CopiesAndClosesAreFollowed) {
  const EchoOrigin origin;
  const ProgramOutcome direct = RunDirect("descriptors", {"127.0.0.1", origin.port()});
  ASSERT_EQ(direct.exit_code, 0) << direct.out;
  const ProgramOutcome proxied = Run("descriptors", {"echo.test", "7"});
  EXPECT_EQ(proxied.out, direct.out);
  EXPECT_EQ(proxied.exit_code, 0);
}

// What is no connection is libc's, whether there is a connection or not.
TEST_F(PreloadTest, ForeignDescriptorsAreLibcs) {
  const EchoOrigin origin;
  const ProgramOutcome direct = RunDirect("foreign", {"127.0.0.1", origin.port()});
  ASSERT_EQ(direct.exit_code, 0) << direct.out;
  const ProgramOutcome proxied = Run("foreign", {"echo.test", "7"});
  EXPECT_EQ(proxied.out, direct.out);
  EXPECT_EQ(proxied.exit_code, 0);
}

TEST_F(PreloadTest, AProgramMayCloseEverything) {
  const EchoOrigin origin;
  for (const char* way : {"closefrom", "close_range", "loop"}) {
    const ProgramOutcome direct = RunDirect("closeall", {"127.0.0.1", origin.port(), way});
    EXPECT_EQ(Run("closeall", {"echo.test", "7", way}).out, direct.out) << way;
  }
}

TEST_F(PreloadTest, AnotherPreloadedLibraryKeepsItsPlace) {
  options_.environment["LD_PRELOAD"] = std::string("libutil.so.1 ") + SOCKSIFY_LIBRARY;
  EXPECT_EQ(Run("connect", {"echo.test", "7"}).exit_code, 0);
}

}  // namespace
}  // namespace socksify

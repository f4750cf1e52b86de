// SPDX-License-Identifier: BSD-2-Clause
// io_uring, which a preload does not see: what `socksify --io-uring` makes of it, and the preload alone.

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/integration/preload_fixture.h"

namespace socksify {
namespace {

using Words = std::vector<std::string>;

bool HasSysAdmin() {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  return (data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN)) != 0;
}

bool HasNoNewPrivileges() {
  return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

class IoUringTest : public PreloadTest {
 protected:
  void SetUp() override {
    const std::string out = RunDirect("iouring", {"raw"}).out;
    if (out != "raw ring\n") GTEST_SKIP() << "no io_uring to be had here: " << out;
  }

  static std::string Victim(const char* name) { return std::string(SOCKSIFY_VICTIMS) + "/victim-" + name; }

  // BEFORE... socksify -p PROXY OPTIONS... victim-iouring WORDS...
  ProgramOutcome Launch(const Words& options, const Words& words, const Words& before = {}) const {
    Words arguments = before;
    arguments.insert(arguments.end(), {SOCKSIFY_LAUNCHER, "-p", ProxyUrl(server_)});
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.push_back(Victim("iouring"));
    arguments.insert(arguments.end(), words.begin(), words.end());
    ProgramOptions plain = options_;
    plain.environment["LD_PRELOAD"] = std::nullopt;
    plain.environment["SOCKSIFY_PROXY"] = std::nullopt;
    return RunProgram(arguments, plain);
  }
};

TEST_F(IoUringTest, DenyAnswersEnosys) {
  const Words words = {"libc", "raw", "enter", "register"};
  EXPECT_EQ(RunDirect("iouring", words).out, "libc ring\nraw ring\nenter EBADF\nregister EBADF\n");
  const ProgramOutcome outcome = Launch({"--io-uring=deny"}, words);
  EXPECT_EQ(outcome.out, "libc ENOSYS\nraw ENOSYS\nenter ENOSYS\nregister ENOSYS\n");
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.exit_code, 0);
}

TEST_F(IoUringTest, AllowLeavesTheProgramsOwnInstructionAlone) {
  const ProgramOutcome outcome =
      Launch({"--io-uring=allow"}, {"libc", "raw", "enter", "register", "privileges"});
  EXPECT_EQ(outcome.out, "libc ENOSYS\nraw ring\nenter EBADF\nregister EBADF\nno_new_privs " +
                             std::to_string(HasNoNewPrivileges()) + "\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(IoUringTest, ThePreloadAloneAnswersSyscall) {
  EXPECT_EQ(Run("iouring", {"libc", "raw"}).out, "libc ENOSYS\nraw ring\n");
}

TEST_F(IoUringTest, DenySurvivesForkAndExec) {
  EXPECT_EQ(
      Launch({"--io-uring=deny"}, {"fork", "raw", "exec", "raw", "fork", "exec", "raw", "privileges"}).out,
      "raw ENOSYS\nraw ENOSYS\nraw ENOSYS\nno_new_privs " +
          std::to_string(HasNoNewPrivileges() || !HasSysAdmin()) + "\n");
}

TEST_F(IoUringTest, DenyHoldsForI386Calls) {
  const std::string direct = RunDirect("iouring", {"i386"}).out;
  if (direct != "i386 EFAULT\n") GTEST_SKIP() << "no io_uring by i386's calls here: " << direct;
  EXPECT_EQ(Launch({"--io-uring=deny"}, {"i386"}).out, "i386 ENOSYS\n");
}

TEST_F(IoUringTest, DenyHoldsForX32Calls) {
  const std::string direct = RunDirect("iouring", {"x32"}).out;
  if (direct != "x32 EFAULT\n") GTEST_SKIP() << "no io_uring by x32's calls here: " << direct;
  EXPECT_EQ(Launch({"--io-uring=deny"}, {"x32"}).out, "x32 ENOSYS\n");
}

TEST_F(IoUringTest, RootIsDeniedWithoutNoNewPrivileges) {
  if (!HasSysAdmin()) GTEST_SKIP() << "needs CAP_SYS_ADMIN";
  if (HasNoNewPrivileges()) GTEST_SKIP() << "no_new_privs is set already";
  for (const Words& options : {Words{}, Words{"--io-uring=deny"}}) {
    EXPECT_EQ(Launch(options, {"raw", "privileges"}).out, "raw ENOSYS\nno_new_privs 0\n");
  }
}

// The launcher as a user without capabilities.
class UnprivilegedIoUringTest : public IoUringTest {
 protected:
  void SetUp() override {
    IoUringTest::SetUp();
    if (IsSkipped()) return;
    if (HasNoNewPrivileges()) GTEST_SKIP() << "no_new_privs is set already";
    if (geteuid() != 0 && HasSysAdmin()) GTEST_SKIP() << "has CAP_SYS_ADMIN without being root";
    if (geteuid() == 0) as_nobody_ = {"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"};
    Words probe = as_nobody_;
    probe.insert(probe.end(), {"test", "-x", SOCKSIFY_LAUNCHER, "-a", "-x", Victim("iouring")});
    if (RunProgram(probe).exit_code != 0) GTEST_SKIP() << "no unprivileged user can run the launcher here";
  }

  Words as_nobody_;
};

TEST_F(UnprivilegedIoUringTest, UnaskedLeavesPrivilegesAlone) {
  const ProgramOutcome outcome = Launch({}, {"raw", "privileges"}, as_nobody_);
  EXPECT_EQ(outcome.out, "raw ring\nno_new_privs 0\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(UnprivilegedIoUringTest, DenySetsNoNewPrivileges) {
  const ProgramOutcome outcome = Launch({"--io-uring=deny"}, {"raw", "privileges"}, as_nobody_);
  EXPECT_EQ(outcome.out, "raw ENOSYS\nno_new_privs 1\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(UnprivilegedIoUringTest, UnaskedDeniesWhereNoNewPrivilegesIsSetAlready) {
  Words before = as_nobody_;
  if (before.empty()) before = {"setpriv"};
  before.push_back("--no-new-privs");
  EXPECT_EQ(Launch({}, {"raw", "privileges"}, before).out, "raw ENOSYS\nno_new_privs 1\n");
  EXPECT_EQ(Launch({"--io-uring=allow"}, {"raw"}, before).out, "raw ring\n");
}

TEST_F(IoUringTest, ADenialThatCannotBeIsAnErrorOnlyWhereItWasAskedFor) {
  const Words before = {Victim("noseccomp")};
  const ProgramOutcome asked = Launch({"--io-uring=deny"}, {"raw"}, before);
  EXPECT_EQ(asked.exit_code, 125);
  EXPECT_EQ(asked.out, "");
  EXPECT_EQ(
      asked.err,
      "socksify: " + Victim("iouring") +
          ": not started, because io_uring cannot be denied to it: seccomp(2) says EINVAL, invalid "
          "argument\n"
          "  it takes a kernel with CONFIG_SECCOMP_FILTER, and a container that permits seccomp(2); "
          "with `--io-uring=allow` the program is started, and what it sends by io_uring goes direct\n");
  const ProgramOutcome unasked = Launch({}, {"raw"}, before);
  EXPECT_EQ(unasked.out, "raw ring\n");
  EXPECT_EQ(unasked.err, "");
  EXPECT_EQ(unasked.exit_code, 0);
}

}  // namespace
}  // namespace socksify

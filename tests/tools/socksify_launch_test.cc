// SPDX-License-Identifier: BSD-2-Clause
// The launcher with its library at hand: what it starts, what it hands over, what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sstream>
#include <string>
#include <vector>

#include "tests/tools/elf_bytes.h"
#include "tests/tools/tool_runner.h"

namespace socksify {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RunTool;
using ::testing::StartsWith;
using testing::TemporaryDirectory;
using testing::ToolResult;

constexpr char kProxy[] = "socks5://127.0.0.1:1080";

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// socksify -p PROXY ARGUMENTS...
ToolResult Launch(std::vector<std::string> arguments, const std::vector<std::string>& environment = {}) {
  arguments.insert(arguments.begin(), {SOCKSIFY_PROGRAM, "-p", kProxy});
  return RunTool(arguments, environment);
}

// The LD_PRELOAD that the program got.
std::string Preload(const ToolResult& result) {
  for (const std::string& line : Lines(result.out)) {
    if (line.starts_with("LD_PRELOAD=")) return line.substr(line.find('=') + 1);
  }
  return "";
}

TEST(SocksifyLaunchTest, HandsOverWhatWasAskedFor) {
  const TemporaryDirectory directory;
  const std::string log = directory.path() + "/log";
  const std::string trace = directory.path() + "/trace";
  const ToolResult result =
      Launch({"-p", "http://127.0.0.1:3128", "-v", "--log", log, "--trace", trace, "env"},
             {"SOCKS_CONF=/etc/other.conf", "SOCKSIFY_PROXY=socks5://127.0.0.9:9"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::vector<std::string> lines = Lines(result.out);
  EXPECT_THAT(lines, Contains("SOCKSIFY_PROXY=socks5://127.0.0.1:1080 http://127.0.0.1:3128"));
  EXPECT_THAT(lines, Contains("SOCKSIFY_VERBOSE=1"));
  EXPECT_THAT(lines, Contains("SOCKSIFY_LOG=" + log));
  EXPECT_THAT(lines, Contains("SOCKSIFY_TRACE=" + trace));
  EXPECT_THAT(lines, Not(Contains(StartsWith("SOCKS_CONF="))));
  struct stat status = {};
  EXPECT_EQ(stat(log.c_str(), &status), 0);
  EXPECT_EQ(stat(trace.c_str(), &status), 0);
}

TEST(SocksifyLaunchTest, FileReplacesInheritedProxy) {
  const TemporaryDirectory directory;
  const std::string file = directory.Write("a.conf", "route { from: 0/0 to: 0/0 via: direct }\n");
  const ToolResult result =
      RunTool({SOCKSIFY_PROGRAM, "-f", file, "env"}, {"SOCKSIFY_PROXY=socks5://127.0.0.9:9"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(Lines(result.out), Contains("SOCKS_CONF=" + file));
  EXPECT_THAT(Lines(result.out), Not(Contains(StartsWith("SOCKSIFY_PROXY="))));
}

TEST(SocksifyLaunchTest, ExtendsPreload) {
  const std::string ours = Preload(Launch({"env"}));
  EXPECT_THAT(ours, ::testing::EndsWith("/libsocksify.so"));
  EXPECT_EQ(Preload(Launch({"env"}, {"LD_PRELOAD=libm.so.6"})), "libm.so.6:" + ours);
  EXPECT_EQ(Preload(Launch({"env"}, {"LD_PRELOAD=" + ours})), ours);
}

TEST(SocksifyLaunchTest, FindsItsLibraryThroughLinks) {
  const TemporaryDirectory directory;
  const std::string program = SOCKSIFY_PROGRAM;
  const std::string bin = program.substr(0, program.rfind('/'));
  const std::string prefix = bin.substr(0, bin.rfind('/'));
  const auto link_to = [&](const std::string& target, const std::string& name) {
    EXPECT_EQ(symlink(target.c_str(), (directory.path() + "/" + name).c_str()), 0);
    return directory.path() + "/" + name;
  };
  const auto preload_by = [](const std::string& path) {
    return Preload(RunTool({path, "-p", kProxy, "env"}));
  };
  const std::string ours = Preload(Launch({"env"}));
  EXPECT_THAT(ours, StartsWith(prefix + "/"));
  EXPECT_EQ(preload_by(link_to(program, "socksify")), ours);
  EXPECT_EQ(preload_by(link_to(bin, "bin") + "/socksify"), ours);
  EXPECT_EQ(preload_by(prefix + "/bin/../bin/socksify"), ours);
  const std::string linked = link_to(prefix, "prefix");
  EXPECT_EQ(preload_by(linked + "/bin/socksify"), linked + ours.substr(prefix.size()));
}

// The kernel then gives it the path of the script as its own.
TEST(SocksifyLaunchTest, FindsItsLibraryAsAnInterpreter) {
  const TemporaryDirectory directory;
  const std::string script = directory.Write(
      "script", std::string("#!") + SOCKSIFY_PROGRAM + " /bin/sh\necho \"LD_PRELOAD=$LD_PRELOAD\"\n", 0755);
  const ToolResult result = RunTool({script}, {std::string("SOCKSIFY_PROXY=") + kProxy});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Preload(result), Preload(Launch({"env"})));
}

TEST(SocksifyLaunchTest, LoadsTheLibrary) {
  const ToolResult result = Launch({"cat", "/proc/self/maps"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, HasSubstr("/libsocksify.so"));
}

TEST(SocksifyLaunchTest, NestsWithTheInnerProxyInForce) {
  const ToolResult result = Launch({SOCKSIFY_PROGRAM, "-p", "socks4://127.0.0.2:1080", "env"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(Lines(result.out), Contains("SOCKSIFY_PROXY=socks4://127.0.0.2:1080"));
  EXPECT_EQ(Preload(result), Preload(Launch({"env"})));
}

TEST(SocksifyLaunchTest, NestsBehindOthersToo) {
  const std::string ours = Preload(Launch({"env"}));
  const TemporaryDirectory directory;
  const std::string script =
      directory.Write("script", std::string("#!") + SOCKSIFY_PROGRAM + " /bin/sh\nenv\n", 0755);
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"env", "A=b", SOCKSIFY_PROGRAM, "env"},
        {RUNSOCKS_PROGRAM, "env"},
        {"sh", "-c", std::string(SOCKSIFY_PROGRAM) + " env"},
        {script}}) {
    const ToolResult result = Launch(command);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(Preload(result), ours) << command[0];
    EXPECT_THAT(Lines(result.out), Contains(std::string("SOCKSIFY_PROXY=") + kProxy));
  }
}

// A preload that is exported to everything started from a shell.
TEST(SocksifyLaunchTest, StartsUnderAPreload) {
  const std::string ours = Preload(Launch({"env"}));
  const ToolResult result = Launch({"cat", "/proc/self/maps"}, {"LD_PRELOAD=" + ours});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, HasSubstr("/libsocksify.so"));
}

TEST(SocksifyLaunchTest, LooksUsersUpWhereTheFilesDoNotHoldThem) {
  const TemporaryDirectory directory;
  const std::string file = directory.Write(
      "a.conf",
      "route { from: 0/0 to: 0/0 user: far.away via: block }\nroute { from: 0/0 to: 0/0 via: direct }\n");
  directory.Write("getent", "#!/bin/sh\necho far.away:x:4711:4711::/:\n", 0755);
  const auto launch = [&](const std::string& path) {
    return RunTool({"/usr/bin/env", "PATH=" + path, SOCKSIFY_PROGRAM, "-f", file, "/bin/echo", "hi"});
  };
  const ToolResult known = launch(directory.path() + ":/usr/bin:/bin");
  EXPECT_EQ(known.out, "hi\n");
  EXPECT_EQ(known.err, "");
  const ToolResult unknown = launch("/usr/bin:/bin");
  EXPECT_EQ(unknown.out, "hi\n");
  EXPECT_THAT(unknown.err, HasSubstr("no user is called 'far.away' here; the name matches nobody"));
}

TEST(SocksifyLaunchTest, NeedsAWorkingDirectoryOnlyForWhatIsRelativeToIt) {
  const auto launch_in_removed = [](const std::string& option) {
    const TemporaryDirectory directory;
    return RunTool(
        {"/bin/sh", "-c",
         "cd \"$1\" && mkdir gone && cd gone && rmdir ../gone && exec \"$2\" " + option + " echo hi", "sh",
         directory.path(), SOCKSIFY_PROGRAM},
        {std::string("SOCKSIFY_PROXY=") + kProxy});
  };
  EXPECT_EQ(launch_in_removed("-v").out, "hi\n");
  EXPECT_EQ(launch_in_removed("--log=/dev/null").out, "hi\n");
  const ToolResult relative = launch_in_removed("-f socks.conf");
  EXPECT_EQ(relative.exit_code, 125);
  EXPECT_EQ(relative.err, "socksify: cannot tell the working directory: no such file or directory\n");
}

TEST(SocksifyLaunchTest, IsReplacedByTheProgram) {
  const ToolResult result = Launch({"sh", "-c", "echo $$; exit 42"});
  EXPECT_EQ(result.exit_code, 42);
  EXPECT_EQ(result.out, std::to_string(result.pid) + "\n");
}

TEST(SocksifyLaunchTest, LeavesTheProgramItsArguments) {
  const ToolResult result = Launch({"--", "printf", "%s|", "-v", "--help", "-p", "x", "--", "", "a b"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "-v|--help|-p|x|--||a b|");
}

TEST(SocksifyLaunchTest, RunsScripts) {
  const TemporaryDirectory directory;
  const std::string script = directory.Write("script", "#!/bin/sh\necho \"$0 $1\"\n", 0755);
  const std::string through_env = directory.Write("env", "#!/usr/bin/env -S A=b sh\necho $A\n", 0755);
  const std::string bare = directory.Write("bare", "echo by sh\n", 0755);
  EXPECT_EQ(Launch({script, "x"}).out, script + " x\n");
  EXPECT_EQ(Launch({through_env}).out, "b\n");
  EXPECT_EQ(Launch({bare}).out, "by sh\n");
}

TEST(SocksifyLaunchTest, RefusesAStaticProgram) {
  const ToolResult result = Launch({STATIC_PROGRAM});
  EXPECT_EQ(result.exit_code, 125);
  EXPECT_EQ(result.err, std::string("socksify: ") + STATIC_PROGRAM +
                            ": is statically linked, and a preload cannot reach it\n"
                            "  use a dynamically linked build of it, or its own proxy setting\n");
}

TEST(SocksifyLaunchTest, RefusesAScriptOfAStaticProgram) {
  const TemporaryDirectory directory;
  const std::string inner = directory.Write("inner", std::string("#!") + STATIC_PROGRAM + "\n", 0755);
  const std::string outer = directory.Write("outer", "#!" + inner + "\n", 0755);
  const ToolResult result = Launch({outer});
  EXPECT_EQ(result.exit_code, 125);
  EXPECT_THAT(result.err, StartsWith("socksify: " + outer + ": its interpreter " + STATIC_PROGRAM +
                                     " is statically linked"));
}

TEST(SocksifyLaunchTest, RefusesAnArchitectureWithoutLibrary) {
  const TemporaryDirectory directory;
  // No distribution has a directory for this machine.
  const std::vector<uint8_t> bytes = testing::MakeElf(
      {.is_64_bit = false, .machine = EM_68K, .interpreter = "/lib/ld-linux.so.2", .note_owner = ""});
  const std::string program = directory.Write("old", std::string(bytes.begin(), bytes.end()), 0755);
  const ToolResult result = Launch({program});
  EXPECT_EQ(result.exit_code, 125);
  EXPECT_THAT(result.err,
              StartsWith("socksify: " + program +
                         ": is a 32-bit machine 4 program, for which no libsocksify.so is installed; "
                         "looked for /"));
}

TEST(SocksifyLaunchTest, ReportsAsShellsDoWhatCannotBeExecuted) {
  const TemporaryDirectory directory;
  const std::string plain = directory.Write("plain", "#!/bin/sh\n", 0644);
  const std::string dangling = directory.Write("dangling", "#!/no/such/interpreter\n", 0755);
  const ToolResult not_executable = Launch({plain});
  EXPECT_EQ(not_executable.exit_code, 126);
  EXPECT_EQ(not_executable.err, "socksify: " + plain + ": permission denied\n");
  const ToolResult folder = Launch({directory.path()});
  EXPECT_EQ(folder.exit_code, 126);
  const ToolResult missing = Launch({directory.path() + "/missing"});
  EXPECT_EQ(missing.exit_code, 127);
  EXPECT_EQ(missing.err, "socksify: " + directory.path() + "/missing: no such file or directory\n");
  const ToolResult without_interpreter = Launch({dangling});
  EXPECT_EQ(without_interpreter.exit_code, 127);
  EXPECT_EQ(without_interpreter.err, "socksify: " + dangling +
                                         ": cannot be started\n"
                                         "  it is there, but the interpreter that it names is not\n");
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
//
// What the filter may say of a file: "no" only while it is what stands there, whatever becomes of it.
#include "resolver/hosts_filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "resolver/local_names.h"
#include "tests/resolver/fake_table_fixture.h"

namespace socksify {
namespace {

constexpr uint64_t kNsInSecond = 1'000'000'000;

// As if all that has happened to files were a minute ago.
uint64_t InAMinute() {
  return HostsFilter::Now() + 60 * kNsInSecond;
}

class HostsFilterTest : public testing::Test {
 protected:
  void Write(const std::string& text) { WriteTo(path_, text); }
  static void WriteTo(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::trunc) << text;
  }
  static uint64_t ChangedNs(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(stat(path.c_str(), &status), 0);
    return static_cast<uint64_t>(status.st_ctim.tv_sec) * kNsInSecond +
           static_cast<uint64_t>(status.st_ctim.tv_nsec);
  }
  bool MayHave(std::string_view name) { return filter_->MayHave(path_.c_str(), name, &InAMinute); }

  TemporaryDirectory directory_;
  std::string path_ = directory_.File("hosts");
  std::unique_ptr<HostsFilter> filter_ = std::make_unique<HostsFilter>();
};

TEST_F(HostsFilterTest, SaysNoOfWhatTheFileLacks) {
  Write("127.0.0.1 localhost Box.test # comment.test\n10.0.0.1 dotted.test.\nnot-an-address orphan.test\n");
  for (const char* name : {"localhost", "box.TEST", "box.test.", "dotted.test", "DOTTED.test."})
    EXPECT_TRUE(MayHave(name)) << name;
  for (const char* name :
       {"", ".", "web.test", "comment.test", "orphan.test", "ox.test", "box.tes", "127.0.0.1", "box.test.."})
    EXPECT_FALSE(MayHave(name)) << name;
}

TEST_F(HostsFilterTest, AnEmptyFileHasNothing) {
  Write("");
  EXPECT_FALSE(MayHave("web.test"));
}

TEST_F(HostsFilterTest, AFileChangedAMomentAgoIsNotKept) {
  Write("10.0.0.1 a.test\n");
  static uint64_t changed_ns;
  changed_ns = ChangedNs(path_);
  const auto may_have = [&](HostsFilter::Clock* clock) {
    return filter_->MayHave(path_.c_str(), "web.test", clock);
  };
  EXPECT_TRUE(may_have([] { return changed_ns; }));
  EXPECT_TRUE(may_have([] { return changed_ns + 2 * kNsInSecond; }));
  EXPECT_TRUE(may_have([] { return changed_ns - 3600 * kNsInSecond; })) << "the clock was set back";
  EXPECT_TRUE(filter_->MayHave(path_.c_str(), "web.test")) << "by the kernel's clock";
  EXPECT_FALSE(may_have([] { return changed_ns + 2 * kNsInSecond + 1; }));
  EXPECT_FALSE(may_have([] { return changed_ns; })) << "what has been kept is good for ever";
}

TEST_F(HostsFilterTest, SeesAFileRenamedIntoItsPlace) {
  Write("10.0.0.1 a.test\n");
  ASSERT_FALSE(MayHave("b.test"));
  WriteTo(path_ + ".new", "10.0.0.1 b.test\n");
  std::filesystem::rename(path_ + ".new", path_);
  EXPECT_TRUE(MayHave("b.test"));
  EXPECT_FALSE(MayHave("a.test"));
}

// With the same size, and its old time of change put back, only the time of the inode's change is another.
TEST_F(HostsFilterTest, SeesWhatWasWrittenInPlace) {
  Write("10.0.0.1 a.test\n");
  ASSERT_FALSE(MayHave("b.test"));
  struct stat before{};
  ASSERT_EQ(stat(path_.c_str(), &before), 0);
  const uint64_t changed_ns = ChangedNs(path_);
  do {
    Write("10.0.0.1 b.test\n");
    const timespec times[] = {before.st_atim, before.st_mtim};
    ASSERT_EQ(utimensat(AT_FDCWD, path_.c_str(), times, 0), 0);
  } while (ChangedNs(path_) == changed_ns);  // for as long as the kernel's clock takes to tick
  EXPECT_TRUE(MayHave("b.test"));
  EXPECT_FALSE(MayHave("a.test"));
}

TEST_F(HostsFilterTest, KnowsNothingOfAFileThatIsGoneOrComesBack) {
  EXPECT_TRUE(MayHave("a.test"));
  Write("10.0.0.1 a.test\n");
  ASSERT_FALSE(MayHave("b.test"));
  std::filesystem::remove(path_);
  EXPECT_TRUE(MayHave("b.test"));
  Write("10.0.0.1 b.test\n");
  EXPECT_TRUE(MayHave("b.test"));
  EXPECT_FALSE(MayHave("a.test"));
}

TEST_F(HostsFilterTest, FollowsALinkToWhereItLeadsNow) {
  WriteTo(directory_.File("one"), "10.0.0.1 a.test\n");
  WriteTo(directory_.File("two"), "10.0.0.1 b.test\n");
  std::filesystem::create_symlink("one", path_);
  ASSERT_FALSE(MayHave("b.test"));
  std::filesystem::create_symlink("two", path_ + ".new");
  std::filesystem::rename(path_ + ".new", path_);
  EXPECT_TRUE(MayHave("b.test"));
  EXPECT_FALSE(MayHave("a.test"));
}

TEST_F(HostsFilterTest, KeepsNothingThatCannotBeRead) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  Write("10.0.0.1 a.test\n");
  std::filesystem::permissions(directory_.path(), std::filesystem::perms{0755});
  ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  const int status = Reap(StartChild([&] {
    if (seteuid(65534) != 0) return 2;
    return MayHave("b.test") ? 0 : 1;
  }));
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(MayHave("b.test")) << "root can read it";
}

TEST_F(HostsFilterTest, KeepsNothingThatIsNoFile) {
  EXPECT_TRUE(filter_->MayHave(directory_.path().c_str(), "a.test", &InAMinute));
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_TRUE(MayHave("a.test"));
  EXPECT_TRUE(filter_->MayHave("/proc/self/status", "a.test", &InAMinute)) << "longer than it says";
}

TEST_F(HostsFilterTest, ARootOfItsOwnHasAFileOfItsOwn) {
  WriteTo(directory_.File("one"), "10.0.0.1 a.test\n");
  std::filesystem::create_directory(directory_.File("root"));
  WriteTo(directory_.File("root/one"), "10.0.0.1 b.test\n");
  const int status = Reap(StartChild([&] {
    if (chroot(directory_.path().c_str()) != 0) return 77;
    if (filter_->MayHave("/one", "b.test", &InAMinute)) return 1;
    if (chroot("/root") != 0) return 2;
    if (!filter_->MayHave("/one", "b.test", &InAMinute)) return 3;
    return filter_->MayHave("/one", "a.test", &InAMinute) ? 4 : 0;
  }));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "needs the right to change its root";
  EXPECT_EQ(status, 0);
}

TEST_F(HostsFilterTest, AChildKnowsWhatItsParentKnewAndSeesChanges) {
  Write("10.0.0.1 a.test\n");
  ASSERT_FALSE(MayHave("b.test"));
  std::filesystem::rename(path_, directory_.File("old"));
  Write("10.0.0.1 b.test\n");
  const int status = Reap(StartChild([&] {
    if (filter_->MayHave(directory_.File("old").c_str(), "b.test", &InAMinute)) return 1;
    return MayHave("b.test") && !MayHave("a.test") ? 0 : 2;
  }));
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(MayHave("b.test"));
}

std::string NameOf(const char* kind, int i) {
  return std::string(kind) + std::to_string(i) + ".test";
}

TEST_F(HostsFilterTest, AHugeFileIsReadAsFarAsOthersReadIt) {
  Write(std::string(kMaxHostsSize, '\n') + "10.0.0.1 a.test\n");
  EXPECT_FALSE(MayHave("a.test"));
  // Lists of what is not wanted have as much as this.
  std::string text;
  int lines = 0;
  while (text.size() < 4'000'000) text += "0.0.0.0 " + NameOf("listed", lines++) + "\n";
  Write(text);
  int wrong = 0;
  int no = 0;
  for (int i = 0; i < lines; ++i) {
    if (!MayHave(NameOf("listed", i))) ++wrong;
    if (!MayHave(NameOf("other", i))) ++no;
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(no, lines * 95 / 100);
}

// While the file is replaced all the time nobody is told that it has not what it always has.
TEST_F(HostsFilterTest, ThreadsAreNeverToldNoForYes) {
  constexpr int kRounds = 300;
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  Write("10.0.0.1 always.test\n");
  const auto ask = [&] {
    while (!done.load()) {
      if (!MayHave("always.test")) wrong.fetch_add(1);
    }
  };
  std::thread first(ask);
  std::thread second(ask);
  for (int i = 0; i < kRounds; ++i) {
    WriteTo(path_ + ".new", "10.0.0.1 " + NameOf("other", i) + "\n10.0.0.2 always.test\n");
    std::filesystem::rename(path_ + ".new", path_);
    EXPECT_TRUE(MayHave(NameOf("other", i)));
  }
  done.store(true);
  first.join();
  second.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_FALSE(MayHave("other.test"));
}

}  // namespace
}  // namespace socksify

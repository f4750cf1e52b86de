// SPDX-License-Identifier: BSD-2-Clause
//
// What stands at the table's path before it is opened: nothing, damage, and things that somebody put there.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <string>

#include "resolver/fake_table.h"
#include "resolver/fake_table_layout.h"
#include "tests/resolver/fake_table_file_fixture.h"
#include "tests/resolver/fake_table_fixture.h"

namespace socksify {
namespace {

TEST_F(FakeTableFileTest, CopyOfAValidFileIsTaken) {
  WriteFile(Path(), ValidContent());
  const auto table = Open();
  ASSERT_TRUE(table);
  EXPECT_EQ((*table)->size(), 20U);
  EXPECT_EQ((*table)->NameFor(*IpAddress::Parse("198.18.0.7"), 1)->name(), "old-7");
}

// As `cp --sparse` makes it: without the space that keeps a store from meeting a full disk.
TEST_F(FakeTableFileTest, ACopyWithHolesGetsItsSpaceBack) {
  const std::string content = ValidContent();
  const auto blocks = [&] {
    struct stat status{};
    return lstat(Path().c_str(), &status) == 0 ? static_cast<size_t>(status.st_blocks) * 512 : 0;
  };
  {
    std::ofstream file(Path(), std::ios::binary);
    constexpr size_t kBlock = 4096;
    for (size_t i = 0; i < content.size(); i += kBlock) {
      const std::string block = content.substr(i, kBlock);
      if (block.find_first_not_of('\0') == std::string::npos) continue;
      file.seekp(static_cast<std::streamoff>(i));
      file << block;
    }
  }
  std::filesystem::resize_file(Path(), content.size());
  chmod(Path().c_str(), 0600);
  // All but the levels of the index that are not in use.
  const size_t whole =
      FakeTableLayout::LevelEnd(kLayout.first_level()) + kLayout.FileSize() - kLayout.HoldsOffset();
  if (blocks() >= whole) GTEST_SKIP() << "needs a file system that has holes";
  const auto table = Open();
  ASSERT_TRUE(table);
  EXPECT_EQ((*table)->size(), 20U);
  EXPECT_GE(blocks(), whole);
}

TEST(FakeTableLayoutTest, PartsHavePagesOfTheirOwn) {
  for (const uint32_t capacity : {1U, 2U, 3U, 1023U, 1024U, 1025U, 5000U, 65'536U, kFakeTableMaxSlots}) {
    const FakeTableLayout layout(capacity);
    const size_t parts[][2] = {
        {FakeTableLayout::RunsOffset(), layout.run_count() * sizeof(FakeTableRun)},
        {FakeTableLayout::IndexOffset(), size_t{4} * std::bit_ceil(capacity) * sizeof(FakeTableIndexEntry)},
        {layout.HoldsOffset(), layout.hold_entries() * sizeof(FakeTableHold)},
        {layout.SlotsOffset(), capacity * sizeof(FakeTableSlot)},
        {layout.NamesOffset(), capacity * sizeof(FakeTableName)},
        {layout.TailsOffset(), capacity * sizeof(FakeTableTail)},
        {layout.FileSize(), 0}};
    for (size_t i = 1; i < std::size(parts); ++i) {
      EXPECT_GE(parts[i][0], parts[i - 1][0] + parts[i - 1][1]) << capacity << " " << i;
      EXPECT_EQ(parts[i][0] % 65'536, 0U) << capacity << " " << i;
    }
    for (uint32_t count = 0; count <= capacity; count += FakeTableLayout::kRun) {
      EXPECT_GE(FakeTableLayout::SlotPages(count), count * sizeof(FakeTableSlot));
      EXPECT_GE(FakeTableLayout::NamePages(count), count * sizeof(FakeTableName));
      EXPECT_GE(FakeTableLayout::TailPages(count), count * sizeof(FakeTableTail));
    }
  }
}

TEST_F(FakeTableFileTest, DamagedFileIsReplaced) {
  const std::string valid = ValidContent();
  ASSERT_EQ(valid.size(), kLayout.FileSize());
  const struct {
    const char* what;
    std::function<void(std::string*)> damage;
  } kCases[] = {
      {"empty", [](std::string* c) { c->clear(); }},
      {"one byte", [](std::string* c) { c->resize(1); }},
      {"header only", [](std::string* c) { c->resize(sizeof(FakeTableHeader)); }},
      {"last byte cut off", [](std::string* c) { c->pop_back(); }},
      {"one page too long", [](std::string* c) { c->resize(c->size() + 4096); }},
      {"zeroes", [](std::string* c) { c->assign(c->size(), '\0'); }},
      {"ones", [](std::string* c) { c->assign(c->size(), '\xff'); }},
      {"text", [](std::string* c) { c->assign(c->size(), 'x'); }},
      {"magic", [](std::string* c) { (*c)[0] = 's'; }},
      {"byte order", [](std::string* c) { SetWord(c, offsetof(FakeTableIdentity, byte_order), 0x04030201); }},
      {"version", [](std::string* c) { SetWord(c, offsetof(FakeTableIdentity, layout_version), 1); }},
      {"capacity", [](std::string* c) { SetWord(c, offsetof(FakeTableIdentity, capacity), 1 << 30); }},
      {"range", [](std::string* c) { SetWord(c, offsetof(FakeTableIdentity, v4), 0x0a000000); }},
      {"prefix", [](std::string* c) { SetWord(c, offsetof(FakeTableIdentity, v6_bits), 97); }},
      {"used past allocated", [](std::string* c) { SetWord(c, offsetof(FakeTableHeader, allocated), 3); }},
      {"used past capacity", [](std::string* c) { SetWord(c, offsetof(FakeTableHeader, used), 300); }},
      {"allocated past capacity",
       [](std::string* c) { SetWord(c, offsetof(FakeTableHeader, allocated), 257); }},
      {"level past the last",
       [](std::string* c) { SetWord(c, offsetof(FakeTableHeader, index_size), 1024); }},
      {"level that is none", [](std::string* c) { SetWord(c, offsetof(FakeTableHeader, index_size), 511); }},
      {"clock", [](std::string* c) { SetWord(c, offsetof(FakeTableHeader, clock) + 4, 0x40000000); }},
  };
  for (const auto& test : kCases) {
    std::string content = valid;
    test.damage(&content);
    WriteFile(Path(), content);
    ExpectReplaced(test.what);
  }
}

// A table whose header is sound and whose rest is anything: it may forget, but not crash, hang or refuse.
TEST_F(FakeTableFileTest, AnyContentBehindTheHeaderIsSurvived) {
  const std::string valid = ValidContent();
  std::mt19937 generator(7);
  const auto random = [&] { return static_cast<uint32_t>(generator()); };
  for (int round = 0; round < 40; ++round) {
    std::string content = valid;
    SetWord(&content, offsetof(FakeTableHeader, used), round % 2 == 0 ? 256 : random() % 257);
    SetWord(&content, offsetof(FakeTableHeader, allocated), 256);
    if (round % 4 < 2) SetWord(&content, offsetof(FakeTableHeader, operation), random());
    SetWord(&content, offsetof(FakeTableHeader, moves), random());
    const size_t sparing = round < 20 ? 1 : 50;  // all bytes, or one of fifty
    for (size_t i = FakeTableLayout::RunsOffset(); i < content.size(); ++i) {
      if (random() % sparing == 0) content[i] = static_cast<char>(random());
    }
    WriteFile(Path(), content);
    const auto table = Open();
    ASSERT_TRUE(table) << round;
    EXPECT_LE((*table)->size(), 256U);
    Exercise(**table);
  }
}

TEST_F(FakeTableFileTest, FileOpenToOthersIsReplaced) {
  WriteFile(Path(), ValidContent());
  chmod(Path().c_str(), 0620);
  ExpectReplaced("mode 0620");
}

TEST_F(FakeTableFileTest, LinkIsReplacedAndItsTargetLeftAlone) {
  const std::string target = directory_.File("target");
  const std::string content = ValidContent();
  WriteFile(target, content);
  ASSERT_EQ(symlink(target.c_str(), Path().c_str()), 0);
  ExpectReplaced("symbolic link");
  EXPECT_EQ(ReadFile(target), content);
  std::filesystem::remove(Path());
  ASSERT_EQ(link(target.c_str(), Path().c_str()), 0);
  ExpectReplaced("hard link");
  EXPECT_EQ(ReadFile(target), content);
}

TEST_F(FakeTableFileTest, FifoIsReplaced) {
  ASSERT_EQ(mkfifo(Path().c_str(), 0600), 0);
  ExpectReplaced("fifo");
}

TEST_F(FakeTableFileTest, FileOfAnotherUserIsReplaced) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to give a file away";
  WriteFile(Path(), ValidContent());
  ASSERT_EQ(chown(Path().c_str(), 4242, 4242), 0);
  ExpectReplaced("file of another user");
}

TEST_F(FakeTableFileTest, DirectoryInItsPlaceIsAnError) {
  ASSERT_EQ(mkdir(Path().c_str(), 0700), 0);
  EXPECT_EQ(Open().error(), EISDIR);
}

TEST_F(FakeTableFileTest, MissingDirectoryIsAnError) {
  EXPECT_EQ(FakeTable::Open(directory_.File("missing"), MakeRange()).error(), ENOENT);
  EXPECT_EQ(FakeTable::Open("", MakeRange()).error(), ENOENT);
}

TEST_F(FakeTableFileTest, LockFileThatIsALinkIsRefused) {
  for (const char* lock : {"names-threads.lock", "names-processes.lock"}) {
    ASSERT_EQ(symlink(directory_.File("elsewhere").c_str(), directory_.File(lock).c_str()), 0);
    EXPECT_EQ(Open().error(), ELOOP) << lock;
    EXPECT_FALSE(std::filesystem::exists(directory_.File("elsewhere")));
    std::filesystem::remove(directory_.File(lock));
  }
}

TEST_F(FakeTableFileTest, LeftoverOfAKilledMakerIsNoObstacle) {
  WriteFile(Path() + ".new", "half");
  ExpectReplaced("leftover");
  EXPECT_FALSE(std::filesystem::exists(Path() + ".new"));
}

TEST_F(FakeTableFileTest, MappingsOfAReplacedFileStayValid) {
  const auto old = Open();
  ASSERT_TRUE(old);
  ASSERT_TRUE((*old)->AddressFor("old.test", IpVersion::kV4));
  chmod(Path().c_str(), 0644);
  ExpectReplaced("mode 0644");
  EXPECT_EQ((*old)->NameFor(*IpAddress::Parse("198.18.0.0"), 1)->name(), "old.test");
  Exercise(**old);
}

// Growing a file past the limit would end the program by SIGXFSZ.
TEST_F(FakeTableFileTest, FileSizeLimitIsAnError) {
  const int error = ErrorUnderAFileSizeLimit(4096, [&] {
    const auto table = Open();
    return table ? 0 : table.error();
  });
  EXPECT_EQ(error, EFBIG);
}

// A name is entered without the lock for as long as there is room; only what needs it needs descriptors.
TEST_F(FakeTableFileTest, NoDescriptorsLeftIsAnErrorForWhatNeedsTheLock) {
  const auto table = Open();
  ASSERT_TRUE(table);
  ASSERT_TRUE((*table)->AddressFor("known.test", IpVersion::kV4));
  const pid_t child = StartChild([&] {
    const rlimit limit{.rlim_cur = 0, .rlim_max = 0};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 2;
    if (!(*table)->AddressFor("known.test", IpVersion::kV4)) return 3;
    for (uint32_t i = 1; i < kLayout.capacity(); ++i) {
      if (!(*table)->AddressFor("new-" + std::to_string(i), IpVersion::kV4)) return 4;
    }
    const auto fresh = (*table)->AddressFor("one-too-many.test", IpVersion::kV4);
    return !fresh && fresh.error() == EMFILE ? 0 : 1;
  });
  EXPECT_EQ(Reap(child), 0);
  EXPECT_EQ((*table)->size(), kLayout.capacity());
}

// On a disk of its own that fills up: errors, no SIGBUS, and all is well again when there is space.
enum DiskResult : int { kDiskPassed = 0, kDiskUnavailable = 77 };

int FillTheDisk(const std::string& mount_point) {
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("fake-table-test", mount_point.c_str(), "tmpfs", 0, "size=8m,mode=700") != 0) {
    return kDiskUnavailable;
  }
  const std::string filler = mount_point + "/filler";
  std::ofstream(filler) << std::string((8 << 20) - (256 << 10), 'x');
  if (FakeTable::Open(mount_point, MakeRange()).error() != ENOSPC) return 1;
  std::filesystem::resize_file(filler, 6 << 20);

  auto table = FakeTable::Open(mount_point, MakeRange());
  if (!table) return 2;
  uint32_t entered = 0;
  for (;; ++entered) {
    const auto address = (*table)->AddressFor("disk-" + std::to_string(entered), IpVersion::kV4);
    if (!address && address.error() != ENOSPC) return 3;
    if (!address) break;
  }
  if (entered < 100 || entered != (*table)->size()) return 4;
  // Every page of the table that may be read is there.
  for (uint32_t slot = 0; slot < (*table)->capacity(); ++slot) {
    const auto endpoint = (*table)->NameFor(IpAddress::V4(0xc6120000 + slot), 1);
    if (endpoint.has_value() != (slot < entered)) return 5;
  }
  if (!FakeTable::Open(mount_point, MakeRange())) return 6;
  // Its file is gone, and the disk is full: still an error.
  std::filesystem::resize_file(filler, 5 << 20);
  if (!(*table)->AddressFor("more", IpVersion::kV4)) return 7;
  std::filesystem::remove(mount_point + '/' + TableFileName());
  for (;;) {
    const auto address = (*table)->AddressFor("gone-" + std::to_string(entered++), IpVersion::kV4);
    if (address) continue;
    return address.error() == ENOSPC || address.error() == ESTALE ? kDiskPassed : 8;
  }
}

TEST_F(FakeTableFileTest, FullDiskIsAnErrorAndNoSignal) {
  const int status = Reap(StartChild([&] { return FillTheDisk(directory_.path()); }));
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  if (WEXITSTATUS(status) == kDiskUnavailable) GTEST_SKIP() << "needs the right to mount a tmpfs";
  EXPECT_EQ(WEXITSTATUS(status), kDiskPassed);
}

}  // namespace
}  // namespace socksify

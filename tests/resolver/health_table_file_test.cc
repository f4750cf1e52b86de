// SPDX-License-Identifier: BSD-2-Clause
//
// What stands at the table's path before it is opened, and what becomes of the memory while it is mapped.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>
#include <string>

#include "tests/resolver/health_table_fixture.h"

namespace socksify {
namespace {

constexpr HealthPolicy kPolicy{.max_fail = 1, .bad_expire_s = 300, .probe_ms = 30'000};

std::string ReadFile(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  chmod(path.c_str(), 0600);
}

// Another boot's, as far as this machine is concerned.
void ChangeBoot(std::string* content) {
  content->replace(offsetof(HealthTableHeader, boot_id), 8, "00000000");
}

class HealthTableFileTest : public testing::Test {
 protected:
  std::string Path() const { return HealthTable::PathIn(directory_.path()); }

  // A table with one server that has failed, as a file.
  std::string ValidContent() {
    const TemporaryDirectory elsewhere;
    const auto table = HealthTable::Open(elsewhere.path());
    if (!table) return {};
    (*table)->Find("server", kNowMs)->NoteFailure(kNowMs, ECONNREFUSED);
    return ReadFile(HealthTable::PathIn(elsewhere.path()));
  }

  // Opens, and expects an empty table in a proper file.
  void ExpectReplaced(const std::string& what) {
    const auto table = HealthTable::Open(directory_.path());
    ASSERT_TRUE(table) << what << ": " << table.error();
    EXPECT_TRUE((*table)->List().empty()) << what;
    EXPECT_FALSE((*table)->Find("server", kNowMs)->IsBad(kPolicy, kNowMs)) << what;
    struct stat status{};
    ASSERT_EQ(lstat(Path().c_str(), &status), 0) << what;
    EXPECT_EQ(status.st_mode, static_cast<mode_t>(S_IFREG | 0600)) << what;
    EXPECT_EQ(static_cast<size_t>(status.st_size), HealthTable::kMemorySize) << what;
    EXPECT_GE(static_cast<size_t>(status.st_blocks) * 512, HealthTable::kMemorySize) << what;
    const auto again = HealthTable::OpenExisting(directory_.path());
    ASSERT_TRUE(again) << what << ": " << again.error();
    EXPECT_TRUE(ReportOf(**again, "server")) << what;
    EXPECT_EQ((*again)->List().size(), 1U) << what;
  }

  int OpeningError() const {
    const auto table = HealthTable::Open(directory_.path());
    return table ? 0 : table.error();
  }

  TemporaryDirectory directory_;
};

TEST_F(HealthTableFileTest, NewFileIsWholeAndPrivate) {
  EXPECT_EQ(Path(), directory_.File(kHealthFileName));
  ExpectReplaced("nothing");
  EXPECT_FALSE(std::filesystem::exists(Path() + ".new"));
}

TEST_F(HealthTableFileTest, CopyOfAValidFileIsTaken) {
  WriteFile(Path(), ValidContent());
  for (const auto& table :
       {HealthTable::OpenExisting(directory_.path()).value(), HealthTable::Open(directory_.path()).value()}) {
    EXPECT_EQ(ReportOf(*table, "server")->failures, 1U);
    EXPECT_TRUE(table->Find("server", kNowMs)->IsBad(kPolicy, kNowMs));
  }
}

TEST_F(HealthTableFileTest, DamagedFileIsReplaced) {
  const std::string valid = ValidContent();
  const struct {
    const char* what;
    std::function<void(std::string*)> damage;
    int error;  // of a reader
  } kCases[] = {
      {"empty", [](std::string* c) { c->clear(); }, EUCLEAN},
      {"last byte cut off", [](std::string* c) { c->pop_back(); }, EUCLEAN},
      {"one byte too long", [](std::string* c) { c->push_back('\0'); }, EUCLEAN},
      {"zeroes", [](std::string* c) { c->assign(c->size(), '\0'); }, EUCLEAN},
      {"ones", [](std::string* c) { c->assign(c->size(), '\xff'); }, EUCLEAN},
      {"magic", [](std::string* c) { (*c)[0] = 's'; }, EUCLEAN},
      {"byte order", [](std::string* c) { (*c)[offsetof(HealthTableIdentity, byte_order)] ^= 5; }, EUCLEAN},
      {"version", [](std::string* c) { (*c)[offsetof(HealthTableIdentity, layout_version)] ^= 3; }, EUCLEAN},
      {"capacity", [](std::string* c) { (*c)[offsetof(HealthTableIdentity, capacity)] ^= 1; }, EUCLEAN},
      {"entry size", [](std::string* c) { (*c)[offsetof(HealthTableIdentity, entry_size)] ^= 1; }, EUCLEAN},
      {"another boot", ChangeBoot, ENOENT},
      {"last byte of the boot", [](std::string* c) { (*c)[offsetof(HealthTableHeader, boot_id) + 35] ^= 1; },
       ENOENT},
      {"no boot", [](std::string* c) { c->replace(offsetof(HealthTableHeader, boot_id), 40, 40, '\0'); },
       ENOENT},
  };
  for (const auto& [what, damage, error] : kCases) {
    std::string content = valid;
    damage(&content);
    WriteFile(Path(), content);
    const auto existing = HealthTable::OpenExisting(directory_.path());
    EXPECT_EQ(existing ? 0 : existing.error(), error) << what;
    EXPECT_EQ(ReadFile(Path()), content) << what;
    ExpectReplaced(what);
  }
}

// Without /proc nobody can tell which boot it is.
TEST_F(HealthTableFileTest, UnknownBootTakesTheFileAsItIs) {
  std::string content = ValidContent();
  ChangeBoot(&content);
  WriteFile(Path(), content);
  const int status = Reap(StartChild([&] {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("none", "/proc", "tmpfs", 0, nullptr) != 0)
      return 77;
    const auto table = HealthTable::Open(directory_.path());
    return table && ReportOf(**table, "server") ? 0 : 1;
  }));
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "needs the right to mount";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(HealthTableFileTest, FileThatIsNotOursAloneIsReplaced) {
  WriteFile(Path(), ValidContent());
  chmod(Path().c_str(), 0644);
  ExpectReplaced("mode 0644");

  const std::string elsewhere = directory_.File("elsewhere");
  std::filesystem::remove(Path());
  WriteFile(elsewhere, ValidContent());
  ASSERT_EQ(symlink(elsewhere.c_str(), Path().c_str()), 0);
  EXPECT_EQ(HealthTable::OpenExisting(directory_.path()).error(), EUCLEAN);
  ExpectReplaced("symbolic link");

  std::filesystem::remove(Path());
  ASSERT_EQ(link(elsewhere.c_str(), Path().c_str()), 0);
  EXPECT_EQ(HealthTable::OpenExisting(directory_.path()).error(), EUCLEAN);
  ExpectReplaced("second name");

  std::filesystem::remove(Path());
  ASSERT_EQ(mkfifo(Path().c_str(), 0600), 0);
  EXPECT_EQ(HealthTable::OpenExisting(directory_.path()).error(), EUCLEAN);
  ExpectReplaced("fifo");
}

TEST_F(HealthTableFileTest, FileOfAnotherUserIsReplaced) {
  WriteFile(Path(), ValidContent());
  if (chown(Path().c_str(), 12'345, 12'345) != 0) GTEST_SKIP() << "needs the right to give files away";
  ExpectReplaced("foreign");
}

TEST_F(HealthTableFileTest, HolesOfACopyAreFilled) {
  const std::string valid = ValidContent();
  WriteFile(Path(), valid.substr(0, 4096));
  ASSERT_EQ(truncate(Path().c_str(), static_cast<off_t>(valid.size())), 0);
  const auto table = HealthTable::Open(directory_.path());
  ASSERT_TRUE(table) << table.error();
  struct stat status{};
  ASSERT_EQ(stat(Path().c_str(), &status), 0);
  EXPECT_GE(static_cast<size_t>(status.st_blocks) * 512, HealthTable::kMemorySize);
}

TEST_F(HealthTableFileTest, DirectoryThatCannotBeUsedIsAnError) {
  WriteFile(directory_.File("file"), "x");
  const std::pair<std::string, int> kCases[] = {
      {"", ENOENT}, {directory_.File("nowhere"), ENOENT}, {directory_.File("file"), ENOTDIR}};
  for (const auto& [directory, error] : kCases) {
    EXPECT_EQ(HealthTable::Open(directory).error(), error) << directory;
    EXPECT_EQ(HealthTable::OpenExisting(directory).error(), error) << directory;
  }
}

TEST_F(HealthTableFileTest, ReaderMakesNothing) {
  EXPECT_EQ(HealthTable::OpenExisting(directory_.path()).error(), ENOENT);
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

TEST_F(HealthTableFileTest, DirectoryThatCannotBeWrittenIsAnError) {
  const auto error = ErrorWithoutTheRightToWrite(directory_.path(), [this] { return OpeningError(); });
  if (!error) GTEST_SKIP() << "needs the right to become another user";
  EXPECT_EQ(*error, EACCES);
}

TEST_F(HealthTableFileTest, FileSizeLimitIsAnError) {
  EXPECT_EQ(ErrorUnderAFileSizeLimit(4096, [this] { return OpeningError(); }), EFBIG);
}

TEST_F(HealthTableFileTest, FullDiskIsAnErrorAndLeavesNothing) {
  const int status = Reap(StartChild([&] {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("none", directory_.path().c_str(), "tmpfs", 0, "size=128k") != 0)
      return 77;
    const auto table = HealthTable::Open(directory_.path());
    if (table || table.error() != ENOSPC) return 1;
    return std::filesystem::exists(Path()) || std::filesystem::exists(Path() + ".new") ? 2 : 0;
  }));
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "needs the right to mount";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// A file whose header is sound and whose entries are noise: nothing of it is listed, every key finds an entry
// of its own that knows nothing, and that entry works.
TEST_F(HealthTableFileTest, NoiseBehindASoundHeaderIsWrittenOver) {
  std::mt19937_64 random(20'250'101);
  std::string content = ValidContent();
  for (size_t at = sizeof(HealthTableHeader); at < content.size(); at += 8) {
    const uint64_t noise = random();
    std::memcpy(content.data() + at, &noise, sizeof noise);
  }
  WriteFile(Path(), content);
  const auto table = HealthTable::Open(directory_.path());
  ASSERT_TRUE(table) << table.error();
  EXPECT_TRUE((*table)->List().empty());
  for (int i = 0; i < 4096; ++i) {
    const std::string key = "server " + std::to_string(i);
    const int64_t now_ms = kNowMs + i * 1000;
    HealthEntry* const entry = (*table)->Find(key, now_ms);
    ASSERT_NE(entry, nullptr) << key;
    EXPECT_FALSE(entry->IsBad(kPolicy, now_ms)) << key;
    EXPECT_FALSE(entry->IsSuspect(now_ms)) << key;
    entry->NoteFailure(now_ms, ECONNREFUSED);
    EXPECT_TRUE((*table)->Find(key, now_ms)->IsBad(kPolicy, now_ms)) << key;
  }
  EXPECT_EQ((*table)->Clear(), HealthTable::kCapacity);
  EXPECT_EQ((*table)->Clear(), 0U);
}

// Noise in the words of an entry that is found: whatever they say, a probe and a success make it good.
TEST_F(HealthTableFileTest, NoiseInAnEntryIsOvercome) {
  std::mt19937_64 random(7);
  const auto table = MakePrivateHealth();
  ASSERT_TRUE(table);
  for (int round = 0; round < 2000; ++round) {
    HealthEntry* const entry = table->Find("server", kNowMs);
    uint64_t tag = 0;
    std::memcpy(&tag, static_cast<void*>(entry), sizeof tag);
    for (size_t at = 8; at < sizeof(HealthEntry); at += 8) {
      const uint64_t noise = round % 2 == 0 ? random() : random() >> 24;
      std::memcpy(reinterpret_cast<char*>(entry) + at, &noise, sizeof noise);
    }
    ASSERT_EQ(table->Find("server", kNowMs), entry);
    EXPECT_TRUE(ReportOf(*table, "server"));
    entry->NoteWaiting(kNowMs);
    EXPECT_TRUE(entry->IsSuspect(kNowMs));
    entry->Admit(kPolicy, kNowMs);
    entry->NoteFailure(kNowMs, EIO);
    EXPECT_EQ(entry->Admit(kPolicy, kNowMs), HealthEntry::Admission::kBad);
    EXPECT_EQ(entry->Admit(kPolicy, kNowMs + 300'000), HealthEntry::Admission::kProbe);
    EXPECT_EQ(entry->Admit(kPolicy, kNowMs + 300'000), HealthEntry::Admission::kBad);
    entry->NoteSuccess(kNowMs, 1);
    EXPECT_EQ(entry->Admit(kPolicy, kNowMs), HealthEntry::Admission::kGood);
    EXPECT_FALSE(entry->IsSuspect(kNowMs));
  }
}

}  // namespace
}  // namespace socksify

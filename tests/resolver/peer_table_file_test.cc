// SPDX-License-Identifier: BSD-2-Clause
//
// What stands at the table's path before it is opened, and what becomes of the memory while it is mapped.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>
#include <string>

#include "tests/resolver/peer_table_fixture.h"

namespace socksify {
namespace {

void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  chmod(path.c_str(), 0600);
}

class PeerTableFileTest : public testing::Test {
 protected:
  std::string Path() const { return directory_.File(kPeerFileName); }

  // A table with one record, as a file.
  std::string ValidContent() {
    const TemporaryDirectory elsewhere;
    (*PeerTable::Open(elsewhere.path()))->Record(1, MakePeer(1));
    std::stringstream text;
    text << std::ifstream(elsewhere.File(kPeerFileName), std::ios::binary).rdbuf();
    return text.str();
  }

  // Opens, and expects an empty table in a proper file.
  void ExpectReplaced(const std::string& what) {
    const auto table = PeerTable::Open(directory_.path());
    ASSERT_TRUE(table) << what << ": " << table.error();
    EXPECT_EQ(FindLike(**table, 1, MakePeer(1)), std::nullopt) << what;
    struct stat status{};
    ASSERT_EQ(lstat(Path().c_str(), &status), 0) << what;
    EXPECT_EQ(status.st_mode, static_cast<mode_t>(S_IFREG | 0600)) << what;
    EXPECT_EQ(static_cast<size_t>(status.st_size), PeerTableStore::kMemorySize) << what;
    EXPECT_GE(static_cast<size_t>(status.st_blocks) * 512, PeerTableStore::kMemorySize) << what;
    (*table)->Record(1, MakePeer(1));
    EXPECT_EQ(FindLike(**table, 1, MakePeer(1)), MakePeer(1)) << what;
  }

  int OpeningError() const {
    const auto table = PeerTable::Open(directory_.path());
    return table ? 0 : table.error();
  }

  TemporaryDirectory directory_;
};

TEST_F(PeerTableFileTest, NewFileIsWholeAndPrivate) {
  ExpectReplaced("nothing");
  EXPECT_FALSE(std::filesystem::exists(Path() + ".new"));
}

TEST_F(PeerTableFileTest, CopyOfAValidFileIsTaken) {
  WriteFile(Path(), ValidContent());
  const auto table = PeerTable::Open(directory_.path());
  ASSERT_TRUE(table);
  EXPECT_EQ(FindLike(**table, 1, MakePeer(1)), MakePeer(1));
}

TEST_F(PeerTableFileTest, DamagedFileIsReplaced) {
  const std::string valid = ValidContent();
  const struct {
    const char* what;
    std::function<void(std::string*)> damage;
  } kCases[] = {
      {"empty", [](std::string* c) { c->clear(); }},
      {"last byte cut off", [](std::string* c) { c->pop_back(); }},
      {"one byte too long", [](std::string* c) { c->push_back('\0'); }},
      {"zeroes", [](std::string* c) { c->assign(c->size(), '\0'); }},
      {"ones", [](std::string* c) { c->assign(c->size(), '\xff'); }},
      {"magic", [](std::string* c) { (*c)[0] = 's'; }},
      {"byte order", [](std::string* c) { (*c)[offsetof(PeerTableIdentity, byte_order)] ^= 5; }},
      {"version", [](std::string* c) { (*c)[offsetof(PeerTableIdentity, layout_version)] ^= 3; }},
      {"capacity", [](std::string* c) { (*c)[offsetof(PeerTableIdentity, capacity)] ^= 1; }},
      {"entry size", [](std::string* c) { (*c)[offsetof(PeerTableIdentity, entry_size)] ^= 1; }},
  };
  for (const auto& [what, damage] : kCases) {
    std::string content = valid;
    damage(&content);
    WriteFile(Path(), content);
    ExpectReplaced(what);
  }
}

TEST_F(PeerTableFileTest, FileThatIsNotOursAloneIsReplaced) {
  WriteFile(Path(), ValidContent());
  chmod(Path().c_str(), 0644);
  ExpectReplaced("mode 0644");

  const std::string elsewhere = directory_.File("elsewhere");
  std::filesystem::remove(Path());
  WriteFile(elsewhere, ValidContent());
  ASSERT_EQ(symlink(elsewhere.c_str(), Path().c_str()), 0);
  ExpectReplaced("symbolic link");

  std::filesystem::remove(Path());
  ASSERT_EQ(link(elsewhere.c_str(), Path().c_str()), 0);
  ExpectReplaced("second name");

  std::filesystem::remove(Path());
  ASSERT_EQ(mkfifo(Path().c_str(), 0600), 0);
  ExpectReplaced("fifo");
}

TEST_F(PeerTableFileTest, FileOfAnotherUserIsReplaced) {
  WriteFile(Path(), ValidContent());
  if (chown(Path().c_str(), 12'345, 12'345) != 0) GTEST_SKIP() << "needs the right to give files away";
  ExpectReplaced("foreign");
}

TEST_F(PeerTableFileTest, DirectoryThatCannotBeUsedIsAnError) {
  EXPECT_EQ(PeerTable::Open("").error(), ENOENT);
  EXPECT_EQ(PeerTable::Open(directory_.File("nowhere")).error(), ENOENT);
  WriteFile(directory_.File("file"), "x");
  EXPECT_EQ(PeerTable::Open(directory_.File("file")).error(), ENOTDIR);
}

TEST_F(PeerTableFileTest, DirectoryThatCannotBeWrittenIsAnError) {
  const auto error = ErrorWithoutTheRightToWrite(directory_.path(), [this] { return OpeningError(); });
  if (!error) GTEST_SKIP() << "needs the right to become another user";
  EXPECT_EQ(*error, EACCES);
}

TEST_F(PeerTableFileTest, FileSizeLimitIsAnError) {
  EXPECT_EQ(ErrorUnderAFileSizeLimit(4096, [this] { return OpeningError(); }), EFBIG);
}

// Every byte of a live record, and whole tables of noise: a damaged record is not found, and new ones are
// taken and found.
TEST_F(PeerTableFileTest, DamagedRecordIsNotFound) {
  alignas(64) static std::byte memory[PeerTableStore::kMemorySize];
  PeerTableStore store(memory);
  const SharedPeer peer = MakePeer(1);
  std::byte* const set = memory + sizeof(PeerTableHeader) + PeerTableStore::SetOf(1) * sizeof(PeerTableEntry);
  for (size_t i = 0; i < sizeof(PeerTableEntry); ++i) {
    std::memset(memory, 0, sizeof memory);
    store.Record(1, peer);
    ASSERT_EQ(store.Find(1, peer.proxy, peer.proxy_port), peer);
    set[i] ^= std::byte{0x10};
    EXPECT_EQ(store.Find(1, peer.proxy, peer.proxy_port), std::nullopt) << "byte " << i;
    store.Record(1, peer);
    EXPECT_EQ(store.Find(1, peer.proxy, peer.proxy_port), peer) << "byte " << i;
  }
}

TEST_F(PeerTableFileTest, NoiseIsNeverFoundAndIsWrittenOver) {
  alignas(64) static std::byte memory[PeerTableStore::kMemorySize];
  std::mt19937_64 random(20'250'101);
  for (uint64_t at = 0; at < sizeof memory; at += 8) {
    const uint64_t noise = random();
    std::memcpy(memory + at, &noise, sizeof noise);
  }
  PeerTableStore store(memory);
  for (uint32_t i = 0; i < 4096; ++i) {
    const SharedPeer peer = MakePeer(i);
    store.Forget(i);
    EXPECT_EQ(store.Find(i, peer.proxy, peer.proxy_port), std::nullopt);
    store.Record(i, peer);
    EXPECT_EQ(store.Find(i, peer.proxy, peer.proxy_port), peer);
  }
}

}  // namespace
}  // namespace socksify

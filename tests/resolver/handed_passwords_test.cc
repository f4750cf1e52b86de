// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/handed_passwords.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <vector>

#include "tests/resolver/fake_table_fixture.h"

namespace socksify {
namespace {

std::string ReadWhole(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void WriteWhole(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  chmod(path.c_str(), 0600);
}

class HandedPasswordsTest : public testing::Test {
 protected:
  std::string Path() const { return directory_.File("passwords-1"); }
  int Hand(std::string_view key, std::string_view password) const {
    const HandedPassword entry{key, password};
    return HandPasswords(directory_.path(), {&entry, 1});
  }
  std::optional<std::string> Find(std::string_view key) const {
    return FindHandedPassword(directory_.path(), key);
  }
  // What stands at the path is not believed, and the next writer replaces it.
  void ExpectReplaced(const std::string& what) const {
    EXPECT_EQ(Find("10.0.0.1:1080 alice"), std::nullopt) << what;
    EXPECT_EQ(Hand("other", "new"), 0) << what;
    EXPECT_EQ(Find("10.0.0.1:1080 alice"), std::nullopt) << what;
    EXPECT_EQ(Find("other"), "new") << what;
    const TemporaryDirectory elsewhere;
    const HandedPassword entry{"other", "new"};
    EXPECT_EQ(HandPasswords(elsewhere.path(), {&entry, 1}), 0) << what;
    EXPECT_EQ(ReadWhole(Path()), ReadWhole(elsewhere.File("passwords-1")))
        << what << ": nothing is taken over";
    struct stat status{};
    ASSERT_EQ(lstat(Path().c_str(), &status), 0) << what;
    EXPECT_EQ(status.st_mode, static_cast<mode_t>(S_IFREG | 0600)) << what;
    EXPECT_EQ(status.st_uid, geteuid()) << what;
  }

  TemporaryDirectory directory_;
};

TEST_F(HandedPasswordsTest, FindsWhatWasHandedOn) {
  EXPECT_EQ(Find("10.0.0.1:1080 alice"), std::nullopt);
  const HandedPassword both[] = {{"10.0.0.1:1080 alice", "secret"}, {"10.0.0.1:1080 bob", "pass word\xff"}};
  ASSERT_EQ(HandPasswords(directory_.path(), both), 0);
  EXPECT_EQ(Find("10.0.0.1:1080 alice"), "secret");
  EXPECT_EQ(Find("10.0.0.1:1080 bob"), "pass word\xff");
  // A password is no key, nor is a part of one.
  for (const char* const key : {"", "secret", "10.0.0.1:1080", "10.0.0.1:1080 alic", "10.0.0.1:1080 alice "})
    EXPECT_EQ(Find(key), std::nullopt) << key;
}

TEST_F(HandedPasswordsTest, LaterOneReplacesAndOthersStay) {
  ASSERT_EQ(Hand("a", "one"), 0);
  ASSERT_EQ(Hand("b", "two"), 0);
  ASSERT_EQ(Hand("a", "three"), 0);
  EXPECT_EQ(Find("a"), "three");
  EXPECT_EQ(Find("b"), "two");
  EXPECT_EQ(ReadWhole(Path()).find("one"), std::string::npos);
  const HandedPassword twice[] = {{"c", "first"}, {"c", "second"}};
  ASSERT_EQ(HandPasswords(directory_.path(), twice), 0);
  EXPECT_EQ(Find("c"), "second");
}

TEST_F(HandedPasswordsTest, FileIsPrivateWhateverTheUmask) {
  for (const mode_t mask : {mode_t{0}, mode_t{0777}}) {
    const mode_t old = umask(mask);
    EXPECT_EQ(Hand("a", "one"), 0);
    umask(old);
    struct stat status{};
    ASSERT_EQ(stat(Path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode, static_cast<mode_t>(S_IFREG | 0600)) << mask;
    EXPECT_FALSE(std::filesystem::exists(Path() + ".new"));
  }
}

TEST_F(HandedPasswordsTest, OldestIsDroppedWhenFull) {
  std::vector<std::string> keys;
  for (size_t i = 0; i < kMaxHandedPasswords; ++i) keys.push_back("key " + std::to_string(i));
  std::vector<HandedPassword> entries;
  for (const std::string& key : keys) entries.push_back({key, key});
  ASSERT_EQ(HandPasswords(directory_.path(), entries), 0);
  EXPECT_EQ(Find("key 0"), "key 0");
  EXPECT_EQ(Find("key 255"), "key 255");
  // Handed on anew, so no longer the oldest.
  ASSERT_EQ(Hand("key 0", "again"), 0);
  ASSERT_EQ(Hand("one more", "x"), 0);
  EXPECT_EQ(Find("key 0"), "again");
  EXPECT_EQ(Find("key 1"), std::nullopt);
  EXPECT_EQ(Find("key 2"), "key 2");
  EXPECT_EQ(Find("one more"), "x");
}

TEST_F(HandedPasswordsTest, HoldsTheLongestOfAll) {
  std::vector<std::string> keys;
  for (size_t i = 0; i < kMaxHandedPasswords; ++i) {
    std::string key = std::to_string(i);
    key.resize(kMaxHandedKeySize, 'k');
    keys.push_back(key);
  }
  const std::string password(kMaxHandedPasswordSize, 'p');
  std::vector<HandedPassword> entries;
  for (const std::string& key : keys) entries.push_back({key, password});
  ASSERT_EQ(HandPasswords(directory_.path(), entries), 0);
  EXPECT_EQ(Find(keys.front()), password);
  EXPECT_EQ(Find(keys.back()), password);
}

TEST_F(HandedPasswordsTest, RefusesWhatDoesNotFit) {
  const std::string long_key(kMaxHandedKeySize + 1, 'k');
  const std::string long_password(kMaxHandedPasswordSize + 1, 'p');
  const HandedPassword cases[] = {
      {"", "x"}, {"x", ""}, {long_key, "x"}, {"x", long_password}, {{"a\0b", 3}, "x"}, {"x", {"a\0b", 3}}};
  for (const HandedPassword& entry : cases) {
    EXPECT_EQ(HandPasswords(directory_.path(), {&entry, 1}), EINVAL) << entry.key.size();
  }
  EXPECT_FALSE(std::filesystem::exists(Path()));
  EXPECT_EQ(HandPasswords(directory_.path(), {}), 0);
  EXPECT_FALSE(std::filesystem::exists(Path()));
}

TEST_F(HandedPasswordsTest, DamagedFileIsReplaced) {
  ASSERT_EQ(Hand("10.0.0.1:1080 alice", "secret"), 0);
  const std::string valid = ReadWhole(Path());
  const struct {
    const char* what;
    std::function<void(std::string*)> damage;
  } kCases[] = {
      {"empty", [](std::string* c) { c->clear(); }},
      {"half a header", [](std::string* c) { c->resize(15); }},
      {"last byte cut off", [](std::string* c) { c->pop_back(); }},
      {"one byte too long", [](std::string* c) { c->push_back('\0'); }},
      {"zeroes", [](std::string* c) { c->assign(c->size(), '\0'); }},
      {"ones", [](std::string* c) { c->assign(c->size(), '\xff'); }},
      {"larger than any", [](std::string* c) { c->append(500'000, 'x'); }},
  };
  for (const auto& [what, damage] : kCases) {
    std::string content = valid;
    damage(&content);
    WriteWhole(Path(), content);
    ExpectReplaced(what);
  }
  for (size_t i = 0; i < valid.size(); ++i) {
    std::string content = valid;
    content[i] = static_cast<char>(content[i] ^ 1);
    WriteWhole(Path(), content);
    EXPECT_EQ(Find("10.0.0.1:1080 alice"), std::nullopt) << "byte " << i;
  }
  WriteWhole(Path(), valid);
  EXPECT_EQ(Find("10.0.0.1:1080 alice"), "secret");
}

// Sound to its sum, but nothing that a writer of ours would have written.
TEST_F(HandedPasswordsTest, EntriesThatAreNoneAreNotBelieved) {
  for (const std::string& body : {std::string("key"), std::string("key\0secret", 10), std::string("\0x\0", 3),
                                  std::string("x\0\0", 3)}) {
    uint32_t sum = 2'166'136'261;
    for (const char c : body) sum = (sum ^ static_cast<uint8_t>(c)) * 16'777'619;
    const uint32_t size = static_cast<uint32_t>(body.size());
    std::string content = "SocksPw1";
    content.append(reinterpret_cast<const char*>(&size), 4).append(reinterpret_cast<const char*>(&sum), 4);
    WriteWhole(Path(), content + body);
    ExpectReplaced(body);
  }
}

TEST_F(HandedPasswordsTest, FileThatIsNotOursAloneIsReplaced) {
  ASSERT_EQ(Hand("10.0.0.1:1080 alice", "secret"), 0);
  const std::string valid = ReadWhole(Path());
  for (const mode_t mode : {mode_t{0604}, mode_t{0640}, mode_t{0602}}) {
    WriteWhole(Path(), valid);
    chmod(Path().c_str(), mode);
    ExpectReplaced("mode " + std::to_string(mode));
  }
  const std::string elsewhere = directory_.File("elsewhere");
  WriteWhole(elsewhere, valid);
  std::filesystem::remove(Path());
  ASSERT_EQ(symlink(elsewhere.c_str(), Path().c_str()), 0);
  ExpectReplaced("symbolic link");
  std::filesystem::remove(Path());
  ASSERT_EQ(link(elsewhere.c_str(), Path().c_str()), 0);
  ExpectReplaced("second name");
  EXPECT_EQ(ReadWhole(elsewhere), valid) << "what a link leads to is left alone";
  std::filesystem::remove(Path());
  ASSERT_EQ(mkfifo(Path().c_str(), 0600), 0);
  ExpectReplaced("fifo");
}

// The new file is never written through a link that somebody has laid.
TEST_F(HandedPasswordsTest, LinkInThePlaceOfTheNewFileIsRemoved) {
  const std::string elsewhere = directory_.File("elsewhere");
  WriteWhole(elsewhere, "theirs");
  ASSERT_EQ(symlink(elsewhere.c_str(), (Path() + ".new").c_str()), 0);
  EXPECT_EQ(Hand("a", "one"), 0);
  EXPECT_EQ(ReadWhole(elsewhere), "theirs");
  EXPECT_EQ(Find("a"), "one");
}

TEST_F(HandedPasswordsTest, FileOfAnotherUserIsReplaced) {
  ASSERT_EQ(Hand("10.0.0.1:1080 alice", "secret"), 0);
  if (chown(Path().c_str(), 12'345, 12'345) != 0) GTEST_SKIP() << "needs the right to give files away";
  ExpectReplaced("foreign");
}

TEST_F(HandedPasswordsTest, DirectoryThatCannotBeUsedIsAnError) {
  const HandedPassword entry{"a", "one"};
  EXPECT_EQ(HandPasswords("", {&entry, 1}), ENOENT);
  EXPECT_EQ(HandPasswords(directory_.File("nowhere"), {&entry, 1}), ENOENT);
  EXPECT_EQ(FindHandedPassword("", "a"), std::nullopt);
  EXPECT_EQ(FindHandedPassword(directory_.File("nowhere"), "a"), std::nullopt);
}

TEST_F(HandedPasswordsTest, FileSizeLimitLeavesTheOldFile) {
  ASSERT_EQ(Hand("a", "one"), 0);
  EXPECT_EQ(ErrorUnderAFileSizeLimit(16, [&] { return Hand("b", "two"); }), EFBIG);
  EXPECT_EQ(Find("a"), "one");
  EXPECT_EQ(Find("b"), std::nullopt);
}

// Every writer's password survives the others, and a reader never sees a file in the making.
TEST_F(HandedPasswordsTest, WritersDoNotLoseEachOthersPasswords) {
  constexpr int kWriters = 8;
  constexpr int kEach = 20;
  ASSERT_EQ(Hand("always", "there"), 0);
  std::vector<pid_t> children;
  for (int writer = 0; writer < kWriters; ++writer) {
    children.push_back(StartChild([&] {
      for (int i = 0; i < kEach; ++i) {
        const std::string key = std::to_string(writer) + "/" + std::to_string(i);
        // A loaded machine may leave a writer waiting for longer than the lock does.
        int error = ETIMEDOUT;
        for (int trial = 0; trial < 20 && error == ETIMEDOUT; ++trial) error = Hand(key, "of " + key);
        if (error != 0) return 1;
        if (Find("always") != "there") return 2;
      }
      return 0;
    }));
  }
  for (const pid_t child : children) EXPECT_EQ(Reap(child), 0);
  for (int writer = 0; writer < kWriters; ++writer) {
    for (int i = 0; i < kEach; ++i) {
      const std::string key = std::to_string(writer) + "/" + std::to_string(i);
      EXPECT_EQ(Find(key), "of " + key);
    }
  }
}

}  // namespace
}  // namespace socksify

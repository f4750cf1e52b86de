// SPDX-License-Identifier: BSD-2-Clause
//
// How much of the shared files is in the account of a process that uses a single entry.
#include "resolver/first_touch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "tests/resolver/health_table_fixture.h"
#include "tests/resolver/peer_table_fixture.h"

namespace socksify {
namespace {

// The pages of the files below `directory` that this process has mapped and come by (proc_pid_smaps(5)).
long PagesOf(const std::string& directory) {
  std::ifstream account("/proc/self/smaps");
  bool is_ours = false;
  long kilobytes = 0;
  for (std::string line; std::getline(account, line);) {
    if (line.find(" kB") == std::string::npos && line.find('-') != std::string::npos)
      is_ours = line.find(directory) != std::string::npos;
    if (is_ours && line.starts_with("Rss:")) kilobytes += std::stol(line.substr(4));
  }
  return kilobytes * 1024 / sysconf(_SC_PAGESIZE);
}

TEST(FirstTouchTest, LeavesTheWordAsItIs) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{1}, UINT64_MAX}) {
    std::atomic<uint64_t> word = value;
    TouchToWrite(&word);
    EXPECT_EQ(word.load(), value);
  }
}

TEST(FirstTouchTest, RecordingAPeerTakesThePagesThatAreWritten) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(PeerTable::Open(directory.path()));
  const auto table = PeerTable::Open(directory.path());
  ASSERT_TRUE(table);
  EXPECT_EQ(PagesOf(directory.path()), 0);
  // In the middle of the file.
  uint64_t cookie = 1;
  while (PeerTableStore::SetOf(cookie) != PeerTableStore::kCapacity / 2) ++cookie;
  (*table)->Record(cookie, MakePeer(1));
  // One or two of the set, and none for the header.
  const long pages = PagesOf(directory.path());
  EXPECT_GE(pages, 1);
  EXPECT_LE(pages, 2);
}

TEST(FirstTouchTest, LookingForAServerTakesThePageOfItsEntry) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(HealthTable::Open(directory.path()));
  const auto table = HealthTable::Open(directory.path());
  ASSERT_TRUE(table);
  EXPECT_EQ(PagesOf(directory.path()), 0);
  HealthEntry* const entry = (*table)->Find("socks5 10.0.3.1:1080");
  ASSERT_NE(entry, nullptr);
  entry->NoteSuccess(kNowMs, 100);
  const long pages = PagesOf(directory.path());
  EXPECT_GE(pages, 1);
  EXPECT_LE(pages, 2);
}

}  // namespace
}  // namespace socksify

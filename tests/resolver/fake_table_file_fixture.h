// SPDX-License-Identifier: BSD-2-Clause
// What the tests of the fake table share that look at its file, or put another one in its place.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#include "resolver/fake_table.h"
#include "resolver/fake_table_layout.h"
#include "tests/resolver/fake_table_fixture.h"

namespace socksify {

inline constexpr unsigned kV4Bits = 24;
inline constexpr FakeTableLayout kLayout(256);

inline std::string ReadFile(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

inline void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  chmod(path.c_str(), 0600);
}

inline void SetWord(std::string* content, size_t offset, uint32_t value) {
  std::memcpy(content->data() + offset, &value, sizeof value);
}

// Uses every part of a table, whatever is in it.
inline void Exercise(FakeTable& table) {
  for (uint32_t slot = 0; slot < table.capacity(); ++slot) {
    const auto endpoint = table.NameFor(IpAddress::V4(0xc6120000 + slot), 80);
    if (endpoint) {
      EXPECT_GT(endpoint->name().size(), 0U);
    }
  }
  for (uint32_t i = 0; i < 2 * table.capacity(); ++i) {
    const std::string name = "exercise-" + std::to_string(i) + ".test";
    const auto address = table.AddressFor(name, IpVersion::kV4);
    ASSERT_TRUE(address) << address.error();
    const auto endpoint = table.NameFor(*address, 80);
    ASSERT_TRUE(endpoint);
    EXPECT_EQ(endpoint->name(), name);
  }
  EXPECT_LE(table.size(), table.capacity());
}

class FakeTableFileTest : public testing::Test {
 protected:
  // The content of a table with some names.
  std::string ValidContent() {
    const TemporaryDirectory elsewhere;
    auto table = FakeTable::Open(elsewhere.path(), MakeRange(kV4Bits));
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE((*table)->AddressFor("old-" + std::to_string(i), IpVersion::kV4));
    }
    return ReadFile(elsewhere.File(TableFileName(kV4Bits)));
  }
  std::string Path() const { return directory_.File(TableFileName(kV4Bits)); }
  auto Open() const { return FakeTable::Open(directory_.path(), MakeRange(kV4Bits)); }

  // Opens, and expects a table without names in a proper file.
  void ExpectReplaced(const std::string& what) {
    const auto table = Open();
    ASSERT_TRUE(table) << what << ": " << table.error();
    EXPECT_EQ((*table)->size(), 0U) << what;
    struct stat status{};
    ASSERT_EQ(lstat(Path().c_str(), &status), 0) << what;
    EXPECT_EQ(status.st_mode, static_cast<mode_t>(S_IFREG | 0600)) << what;
    EXPECT_EQ(status.st_nlink, 1U) << what;
    Exercise(**table);
  }

  TemporaryDirectory directory_;
};

}  // namespace socksify

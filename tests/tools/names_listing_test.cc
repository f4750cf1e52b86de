// SPDX-License-Identifier: BSD-2-Clause
#include "tools/names_listing.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <nlohmann/json.hpp>

#include "tests/tools/tool_runner.h"

namespace socksify {
namespace {

using testing::TemporaryDirectory;

FakeRange Range() {
  return {.v4 = *IpAddress::Parse("198.18.0.0"),
          .v4_bits = 24,
          .v6 = *IpAddress::Parse("2001:2::"),
          .v6_bits = 96};
}

class NamesListingTest : public ::testing::Test {
 protected:
  void Enter(std::initializer_list<const char*> names) {
    auto table = FakeTable::Open(directory_.path(), Range());
    ASSERT_TRUE(table);
    for (const char* const name : names) ASSERT_TRUE((*table)->AddressFor(name, IpVersion::kV4));
  }

  TemporaryDirectory directory_;
  const std::string path_ = FakeTable::PathIn(directory_.path(), Range());
};

TEST_F(NamesListingTest, TheOneUsedLastComesFirst) {
  Enter({"b.test", "a.test", "C.test.", "b.test"});
  const auto listing = ListNames(directory_.path(), Range());
  ASSERT_TRUE(listing) << listing.error();
  EXPECT_TRUE(listing->exists);
  EXPECT_EQ(listing->path, path_);
  EXPECT_EQ(listing->capacity, 256U);
  EXPECT_EQ(ToText(*listing),
            "198.18.0.0  2001:2::   b.test\n"
            "198.18.0.2  2001:2::2  c.test\n"
            "198.18.0.1  2001:2::1  a.test\n");
  EXPECT_EQ(ToText(*ListNames(directory_.path(), Range())), ToText(*listing))
      << "listing is no use of a name";
}

TEST_F(NamesListingTest, NamesAreEscaped) {
  Enter({"b\xc3\xbc\x9b.test"});
  const auto listing = ListNames(directory_.path(), Range());
  ASSERT_TRUE(listing) << listing.error();
  EXPECT_EQ(ToText(*listing), "198.18.0.0  2001:2::  b\\195\\188\\155.test\n");
  EXPECT_EQ(ToJson(*listing),
            "{\"table\":\"" + path_ +
                "\",\"exists\":true,\"capacity\":256,\"names\":[{\"ipv4\":\"198.18.0.0\",\"ipv6\":"
                "\"2001:2::\",\"name\":\"b\\\\195\\\\188\\\\155.test\"}]}\n");
}

TEST_F(NamesListingTest, AnAbsentTableHasNoNames) {
  const auto listing = ListNames(directory_.path(), Range());
  ASSERT_TRUE(listing) << listing.error();
  EXPECT_FALSE(listing->exists);
  EXPECT_EQ(ToText(*listing), "");
  EXPECT_EQ(ToJson(*listing), "{\"table\":\"" + path_ + "\",\"exists\":false,\"capacity\":0,\"names\":[]}\n");
  EXPECT_EQ(ClearNames(directory_.path(), Range()), 0U);
  EXPECT_FALSE(std::ifstream(path_).good()) << "nothing was made";
}

TEST_F(NamesListingTest, WhatIsNoTableIsSaidAndLeftAlone) {
  directory_.Write(path_.substr(path_.rfind('/') + 1), "no table", 0600);
  const std::string error =
      path_ +
      " is not a table of this version that belongs to you alone; the next program that "
      "needs one will replace it";
  EXPECT_EQ(ListNames(directory_.path(), Range()).error(), error);
  EXPECT_EQ(ClearNames(directory_.path(), Range()).error(), error);
  std::string content;
  EXPECT_TRUE(std::getline(std::ifstream(path_), content));
  EXPECT_EQ(content, "no table");
}

TEST_F(NamesListingTest, ADirectoryInItsPlaceIsAnError) {
  std::filesystem::create_directory(path_);
  EXPECT_EQ(ListNames(directory_.path(), Range()).error(), "cannot open " + path_ + ": Is a directory");
}

TEST_F(NamesListingTest, ClearRemovesNamesUnderAProgramThatUsesThem) {
  Enter({"a.test", "b.test"});
  const auto user = FakeTable::Open(directory_.path(), Range());
  ASSERT_TRUE(user);
  EXPECT_EQ(ClearNames(directory_.path(), Range()), 2U);
  EXPECT_FALSE((*user)->NameFor(*IpAddress::Parse("198.18.0.0"), 80));
  EXPECT_EQ((*user)->AddressFor("new.test", IpVersion::kV4)->ToString(), "198.18.0.2");
  EXPECT_EQ(ToText(*ListNames(directory_.path(), Range())), "198.18.0.2  2001:2::2  new.test\n");
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "tools/library_location.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace socksify {
namespace {

using ::testing::ElementsAre;

constexpr ElfIdentity kAmd64{true, EM_X86_64};
constexpr ElfIdentity kI386{false, EM_386};

TEST(LibraryLocationTest, LooksForItsOwnInOnePlace) {
  const LibraryLocation location("/usr", "lib/x86_64-linux-gnu", kAmd64);
  EXPECT_THAT(location.Candidates(kAmd64), ElementsAre("/usr/lib/x86_64-linux-gnu/libsocksify.so"));
}

TEST(LibraryLocationTest, LooksForOthersWhereDistributionsPutThem) {
  EXPECT_THAT(LibraryLocation("/usr", "lib/x86_64-linux-gnu", kAmd64).Candidates(kI386),
              ElementsAre("/usr/lib/i386-linux-gnu/libsocksify.so", "/usr/lib/libsocksify.so",
                          "/usr/lib32/libsocksify.so"));
  EXPECT_THAT(LibraryLocation("/usr", "lib64", kAmd64).Candidates(kI386),
              ElementsAre("/usr/lib/i386-linux-gnu/libsocksify.so", "/usr/lib/libsocksify.so",
                          "/usr/lib32/libsocksify.so"));
  EXPECT_THAT(LibraryLocation("/usr", "lib", kI386).Candidates(kAmd64),
              ElementsAre("/usr/lib/x86_64-linux-gnu/libsocksify.so", "/usr/lib64/libsocksify.so"));
}

TEST(LibraryLocationTest, RefusesWhatPreloadCannotExpress) {
  for (const char* const prefix : {"/opt/my tools", "/opt/a:b", "/opt/$LIB", "/opt/tab\t"}) {
    EXPECT_EQ(LibraryLocation(prefix, "lib", kAmd64).Unspeakable(),
              "the installation path '" + std::string(prefix) +
                  "' holds a blank, ':' or '$', which LD_PRELOAD cannot express");
  }
  EXPECT_EQ(LibraryLocation("/opt/socksify-0.1_x+y", "lib", kAmd64).Unspeakable(), std::nullopt);
}

TEST(LibraryLocationTest, SpellsTheEntryWithDollarLibOrInFull) {
  const LibraryLocation location("/opt", "lib64", kAmd64);
  EXPECT_EQ(location.PreloadEntry("/opt/lib64/libsocksify.so", true), "/opt/$LIB/libsocksify.so");
  EXPECT_EQ(location.PreloadEntry("/opt/lib64/libsocksify.so", false), "/opt/lib64/libsocksify.so");
}

TEST(LibraryLocationTest, LearnsDollarLibFromTheLoader) {
  constexpr std::string_view kMultiarch{"\0/lib/i386-linux-gnu/\0xlib/i386-linux-gnu\0", 42};
  constexpr std::string_view kBiarch{"\0/lib/i386-linux-gnu/\0dl_dst_lib\0lib32\0", 39};
  constexpr std::string_view kPlain{"dl_dst_lib\0lib\0", 15};
  const auto is_dollar_lib = [](std::string_view loader, std::string_view path) {
    return IsDollarLibOf({reinterpret_cast<const uint8_t*>(loader.data()), loader.size()}, path, "/opt");
  };
  EXPECT_TRUE(is_dollar_lib(kMultiarch, "/opt/lib/i386-linux-gnu/libsocksify.so"));
  EXPECT_FALSE(is_dollar_lib(kMultiarch, "/opt/lib32/libsocksify.so"));
  EXPECT_TRUE(is_dollar_lib(kBiarch, "/opt/lib32/libsocksify.so"));
  EXPECT_FALSE(is_dollar_lib(kBiarch, "/opt/lib/i386-linux-gnu/libsocksify.so"));
  EXPECT_FALSE(is_dollar_lib(kBiarch, "/opt/lib/libsocksify.so"));
  EXPECT_TRUE(is_dollar_lib(kPlain, "/opt/lib/libsocksify.so"));
  EXPECT_FALSE(is_dollar_lib("", "/opt/lib/libsocksify.so"));
  EXPECT_FALSE(is_dollar_lib(kPlain, "/opt"));
}

TEST(ExtendPreloadTest, KeepsWhatIsThereAndAddsOnce) {
  constexpr std::string_view kOurs = "/opt/$LIB/libsocksify.so";
  struct {
    std::string_view inherited;
    std::string_view expected;
  } const cases[] = {
      {"", "/opt/$LIB/libsocksify.so"},
      {"libjemalloc.so.2", "libjemalloc.so.2:/opt/$LIB/libsocksify.so"},
      {"/a.so:/b.so", "/a.so:/b.so:/opt/$LIB/libsocksify.so"},
      {"/a.so /b.so", "/a.so:/b.so:/opt/$LIB/libsocksify.so"},
      {" : :/a.so: ", "/a.so:/opt/$LIB/libsocksify.so"},
      {"/opt/$LIB/libsocksify.so", "/opt/$LIB/libsocksify.so"},
      {"/opt/$LIB/libsocksify.so:/a.so", "/a.so:/opt/$LIB/libsocksify.so"},
      {"/elsewhere/libsocksify.so:/a.so", "/a.so:/opt/$LIB/libsocksify.so"},
      {"libsocksify.so", "/opt/$LIB/libsocksify.so"},
      {"/opt/notlibsocksify.so", "/opt/notlibsocksify.so:/opt/$LIB/libsocksify.so"},
  };
  for (const auto& c : cases) EXPECT_EQ(ExtendPreload(c.inherited, kOurs), c.expected) << c.inherited;
}

}  // namespace
}  // namespace socksify

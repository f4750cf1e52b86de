// SPDX-License-Identifier: BSD-2-Clause
#include "tools/elf_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/elf_bytes.h"

namespace socksify {
namespace {

using testing::ElfParts;
using testing::MakeElf;

TEST(ElfImageTest, ReadsEveryClassAndByteOrder) {
  const std::vector<ElfParts> kinds = {
      {.is_64_bit = true,
       .is_big_endian = false,
       .machine = EM_X86_64,
       .interpreter = "/lib64/ld.so",
       .note_owner = ""},
      {.is_64_bit = false,
       .is_big_endian = false,
       .machine = EM_386,
       .interpreter = "/lib/ld.so",
       .note_owner = ""},
      {.is_64_bit = true,
       .is_big_endian = true,
       .machine = EM_S390,
       .interpreter = "/lib/ld.so",
       .note_owner = ""},
      {.is_64_bit = false,
       .is_big_endian = true,
       .machine = EM_MIPS,
       .interpreter = "/lib/ld.so",
       .note_owner = ""},
  };
  for (const ElfParts& parts : kinds) {
    const std::optional<ElfImage> image = ParseElf(MakeElf(parts));
    ASSERT_TRUE(image.has_value()) << parts.machine;
    EXPECT_EQ(image->identity, (ElfIdentity{parts.is_64_bit, parts.machine}));
    EXPECT_EQ(image->interpreter, parts.interpreter);
    EXPECT_FALSE(image->is_go);
  }
}

TEST(ElfImageTest, StaticProgramHasNoInterpreter) {
  for (const uint16_t type : {uint16_t{ET_EXEC}, uint16_t{ET_DYN}}) {
    const std::optional<ElfImage> image =
        ParseElf(MakeElf({.type = type, .interpreter = "", .note_owner = ""}));
    ASSERT_TRUE(image.has_value());
    EXPECT_EQ(image->interpreter, "");
  }
}

TEST(ElfImageTest, KnowsGoByTheOwnerOfItsNote) {
  EXPECT_TRUE(ParseElf(MakeElf({.interpreter = "", .note_owner = "Go"}))->is_go);
  EXPECT_TRUE(ParseElf(MakeElf({.interpreter = "/lib64/ld.so", .note_owner = "Go"}))->is_go);
  EXPECT_TRUE(ParseElf(MakeElf({.is_64_bit = false, .interpreter = "", .note_owner = "Go"}))->is_go);
  EXPECT_FALSE(ParseElf(MakeElf({.interpreter = "", .note_owner = "GNU"}))->is_go);
}

TEST(ElfImageTest, KnowsALauncherByTheOwnerOfItsNote) {
  EXPECT_TRUE(ParseElf(MakeElf({.interpreter = "", .note_owner = "socksify"}))->is_launcher);
  EXPECT_TRUE(
      ParseElf(MakeElf({.is_64_bit = false, .interpreter = "", .note_owner = "socksify"}))->is_launcher);
  for (const char* const other : {"Go", "sock", "socksif", "socksify2"}) {
    EXPECT_FALSE(ParseElf(MakeElf({.interpreter = "", .note_owner = other}))->is_launcher) << other;
  }
}

TEST(ElfImageTest, RefusesWhatIsNoProgram) {
  std::vector<uint8_t> bytes = MakeElf({.interpreter = "/lib64/ld.so", .note_owner = ""});
  EXPECT_FALSE(ParseElf(MakeElf({.type = ET_REL, .interpreter = "", .note_owner = ""})));
  EXPECT_FALSE(ParseElf(MakeElf({.type = ET_CORE, .interpreter = "", .note_owner = ""})));
  EXPECT_FALSE(ParseElf({}));
  bytes[EI_CLASS] = 3;
  EXPECT_FALSE(ParseElf(bytes));
  bytes[EI_CLASS] = ELFCLASS64;
  bytes[EI_DATA] = 0;
  EXPECT_FALSE(ParseElf(bytes));
}

TEST(ElfImageTest, EveryTruncationIsRefusedOrHarmless) {
  const std::vector<uint8_t> bytes = MakeElf({.interpreter = "/lib64/ld.so", .note_owner = "Go"});
  const size_t headers = sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr);
  for (size_t size = 0; size < bytes.size(); ++size) {
    // A buffer of its own, so that a sanitizer sees a read past the end.
    const std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_EQ(ParseElf(cut).has_value(), size >= headers) << size;
  }
}

TEST(ElfImageTest, SurvivesHostileOffsets) {
  std::vector<uint8_t> bytes = MakeElf({.interpreter = "/lib64/ld.so", .note_owner = "Go"});
  for (size_t header = 0; header < 2; ++header) {
    const size_t offset = sizeof(Elf64_Ehdr) + header * sizeof(Elf64_Phdr) + offsetof(Elf64_Phdr, p_offset);
    std::fill_n(bytes.begin() + static_cast<ptrdiff_t>(offset), 8, 0xff);
  }
  const std::optional<ElfImage> image = ParseElf(bytes);
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->interpreter, "");
}

TEST(ElfImageTest, NamesArchitectures) {
  EXPECT_EQ(ToString(ElfIdentity{true, EM_X86_64}), "64-bit x86-64");
  EXPECT_EQ(ToString(ElfIdentity{false, EM_X86_64}), "32-bit x32");
  EXPECT_EQ(ToString(ElfIdentity{false, EM_386}), "32-bit i386");
  EXPECT_EQ(ToString(ElfIdentity{true, 4711}), "64-bit machine 4711");
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// The structures of <elf.h> are not laid over the bytes: the file may be of another class or byte order than
// this program, and its headers need not be aligned. Every field is fetched by its offset instead, taken from
// the structure of the class at hand.
#include "tools/elf_image.h"

#include <elf.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace socksify {
namespace {

class ElfReader {
 public:
  explicit ElfReader(std::span<const uint8_t> file)
      : file_(file), is_64_bit_(file[EI_CLASS] == ELFCLASS64), is_big_endian_(file[EI_DATA] == ELFDATA2MSB) {}

  bool is_64_bit() const { return is_64_bit_; }

  // An unsigned number of `size` bytes; 0 past the end of the file.
  uint64_t Number(uint64_t offset, size_t size) const {
    if (offset > file_.size() || file_.size() - offset < size) return 0;
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      value = value << 8 | file_[offset + (is_big_endian_ ? i : size - 1 - i)];
    }
    return value;
  }

  // The bytes of a range, cut at the end of the file.
  std::span<const uint8_t> Bytes(uint64_t offset, uint64_t size) const {
    if (offset >= file_.size()) return {};
    return file_.subspan(offset, std::min<uint64_t>(size, file_.size() - offset));
  }

 private:
  std::span<const uint8_t> file_;
  bool is_64_bit_;
  bool is_big_endian_;
};

// The field FIELD of the header TYPE (Ehdr or Phdr) that begins at BASE, in the class of the file.
#define SOCKSIFY_ELF_FIELD(reader, base, TYPE, FIELD)                                         \
  ((reader).is_64_bit()                                                                       \
       ? (reader).Number((base) + offsetof(Elf64_##TYPE, FIELD), sizeof(Elf64_##TYPE::FIELD)) \
       : (reader).Number((base) + offsetof(Elf32_##TYPE, FIELD), sizeof(Elf32_##TYPE::FIELD)))

// Whether a note segment holds a note of `owner` (elf(5), "Notes").
bool HasNote(const ElfReader& reader, uint64_t offset, uint64_t size, std::string_view owner) {
  constexpr uint64_t kHeaderSize = sizeof(Elf32_Nhdr);  // the same in both classes
  const auto padded = [](uint64_t n) { return (n + 3) & ~uint64_t{3}; };
  const uint64_t end = offset + std::min<uint64_t>(size, 65'536);
  while (offset + kHeaderSize <= end) {
    const uint64_t name_size = reader.Number(offset + offsetof(Elf32_Nhdr, n_namesz), 4);
    const uint64_t description_size = reader.Number(offset + offsetof(Elf32_Nhdr, n_descsz), 4);
    const std::span<const uint8_t> name = reader.Bytes(offset + kHeaderSize, name_size);
    if (name.size() > owner.size() && std::memcmp(name.data(), owner.data(), owner.size()) == 0 &&
        name[owner.size()] == 0)
      return true;
    offset += kHeaderSize + padded(name_size) + padded(description_size);
  }
  return false;
}

}  // namespace

std::optional<ElfIdentity> ParseElfIdentity(std::span<const uint8_t> file) {
  if (file.size() < sizeof(Elf32_Ehdr) || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0) return std::nullopt;
  if (file[EI_CLASS] != ELFCLASS32 && file[EI_CLASS] != ELFCLASS64) return std::nullopt;
  if (file[EI_DATA] != ELFDATA2LSB && file[EI_DATA] != ELFDATA2MSB) return std::nullopt;
  const ElfReader reader(file);
  if (reader.is_64_bit() && file.size() < sizeof(Elf64_Ehdr)) return std::nullopt;
  return ElfIdentity{.is_64_bit = reader.is_64_bit(),
                     .machine = static_cast<uint16_t>(SOCKSIFY_ELF_FIELD(reader, 0, Ehdr, e_machine))};
}

std::optional<ElfImage> ParseElf(std::span<const uint8_t> file) {
  const std::optional<ElfIdentity> identity = ParseElfIdentity(file);
  if (!identity) return std::nullopt;
  const ElfReader reader(file);
  const uint64_t type = SOCKSIFY_ELF_FIELD(reader, 0, Ehdr, e_type);
  if (type != ET_EXEC && type != ET_DYN) return std::nullopt;

  const uint64_t table = SOCKSIFY_ELF_FIELD(reader, 0, Ehdr, e_phoff);
  const uint64_t entry_size = SOCKSIFY_ELF_FIELD(reader, 0, Ehdr, e_phentsize);
  const uint64_t count = SOCKSIFY_ELF_FIELD(reader, 0, Ehdr, e_phnum);
  if (reader.Bytes(table, entry_size * count).size() != entry_size * count) return std::nullopt;

  ElfImage image;
  image.identity = *identity;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t header = table + i * entry_size;
    const uint64_t kind = SOCKSIFY_ELF_FIELD(reader, header, Phdr, p_type);
    if (kind != PT_INTERP && kind != PT_NOTE) continue;
    const uint64_t offset = SOCKSIFY_ELF_FIELD(reader, header, Phdr, p_offset);
    const uint64_t size = SOCKSIFY_ELF_FIELD(reader, header, Phdr, p_filesz);
    if (kind == PT_NOTE) {
      image.is_go = image.is_go || HasNote(reader, offset, size, "Go");
      image.is_launcher = image.is_launcher || HasNote(reader, offset, size, kLauncherNoteOwner);
      continue;
    }
    const std::span<const uint8_t> path = reader.Bytes(offset, size);
    image.interpreter.assign(path.begin(), std::ranges::find(path, 0));
  }
  return image;
}

#undef SOCKSIFY_ELF_FIELD

ElfIdentity OwnElfIdentity() {
#if defined(__x86_64__)
  constexpr uint16_t kMachine = EM_X86_64;
#elif defined(__i386__)
  constexpr uint16_t kMachine = EM_386;
#elif defined(__aarch64__)
  constexpr uint16_t kMachine = EM_AARCH64;
#elif defined(__arm__)
  constexpr uint16_t kMachine = EM_ARM;
#elif defined(__riscv)
  constexpr uint16_t kMachine = EM_RISCV;
#elif defined(__powerpc64__)
  constexpr uint16_t kMachine = EM_PPC64;
#elif defined(__s390x__)
  constexpr uint16_t kMachine = EM_S390;
#else
#error "add the ELF machine number of this processor"
#endif
  return {.is_64_bit = sizeof(void*) == 8, .machine = kMachine};
}

std::string ToString(const ElfIdentity& identity) {
  const auto name = [&]() -> std::string {
    switch (identity.machine) {
      case EM_X86_64: return identity.is_64_bit ? "x86-64" : "x32";
      case EM_386: return "i386";
      case EM_AARCH64: return "aarch64";
      case EM_ARM: return "arm";
      case EM_RISCV: return "riscv";
      case EM_PPC64: return "ppc64";
      case EM_S390: return "s390";
      default: return "machine " + std::to_string(identity.machine);
    }
  };
  return (identity.is_64_bit ? "64-bit " : "32-bit ") + name();
}

}  // namespace socksify

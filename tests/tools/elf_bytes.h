// SPDX-License-Identifier: BSD-2-Clause
// ELF files of any class and byte order, made from their parts for tests.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace socksify::testing {

struct ElfParts {
  bool is_64_bit = true;
  bool is_big_endian = false;
  uint16_t type = ET_DYN;
  uint16_t machine = EM_X86_64;
  std::string interpreter;  // empty: no PT_INTERP
  std::string note_owner;   // empty: no PT_NOTE
};

class ElfBuilder {
 public:
  explicit ElfBuilder(const ElfParts& parts) : parts_(parts) {}

  std::vector<uint8_t> Build() {
    const size_t header_size = parts_.is_64_bit ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
    const size_t entry_size = parts_.is_64_bit ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    const size_t count = (parts_.interpreter.empty() ? 0 : 1) + (parts_.note_owner.empty() ? 0 : 1);
    bytes_ = {0x7f,
              'E',
              'L',
              'F',
              static_cast<uint8_t>(parts_.is_64_bit ? ELFCLASS64 : ELFCLASS32),
              static_cast<uint8_t>(parts_.is_big_endian ? ELFDATA2MSB : ELFDATA2LSB),
              EV_CURRENT};
    bytes_.resize(EI_NIDENT);
    Add(parts_.type, 2);
    Add(parts_.machine, 2);
    Add(EV_CURRENT, 4);
    AddWord(0);            // e_entry
    AddWord(header_size);  // e_phoff
    AddWord(0);            // e_shoff
    Add(0, 4);             // e_flags
    Add(header_size, 2);
    Add(entry_size, 2);
    Add(count, 2);
    bytes_.resize(header_size);

    // Contents follow the table: the interpreter with its NUL, then one note without a description.
    size_t content = header_size + entry_size * count;
    if (!parts_.interpreter.empty()) {
      AddProgramHeader(PT_INTERP, content, parts_.interpreter.size() + 1);
      content += parts_.interpreter.size() + 1;
    }
    std::string owner = parts_.note_owner;
    owner.resize((owner.size() + 4) / 4 * 4);
    if (!parts_.note_owner.empty()) AddProgramHeader(PT_NOTE, content, 12 + owner.size());
    if (!parts_.interpreter.empty()) {
      bytes_.insert(bytes_.end(), parts_.interpreter.begin(), parts_.interpreter.end());
      bytes_.push_back(0);
    }
    if (!parts_.note_owner.empty()) {
      Add(owner.size(), 4);
      Add(0, 4);
      Add(4, 4);
      bytes_.insert(bytes_.end(), owner.begin(), owner.end());
    }
    return bytes_;
  }

 private:
  void Add(uint64_t value, size_t size) {
    for (size_t i = 0; i < size; ++i) {
      const size_t shift = 8 * (parts_.is_big_endian ? size - 1 - i : i);
      bytes_.push_back(static_cast<uint8_t>(value >> shift));
    }
  }
  void AddWord(uint64_t value) { Add(value, parts_.is_64_bit ? 8 : 4); }

  void AddProgramHeader(uint32_t type, uint64_t offset, uint64_t size) {
    Add(type, 4);
    if (parts_.is_64_bit) Add(PF_R, 4);
    AddWord(offset);
    AddWord(0);  // p_vaddr
    AddWord(0);  // p_paddr
    AddWord(size);
    AddWord(size);
    if (!parts_.is_64_bit) Add(PF_R, 4);
    AddWord(1);  // p_align
  }

  ElfParts parts_;
  std::vector<uint8_t> bytes_;
};

inline std::vector<uint8_t> MakeElf(const ElfParts& parts) {
  return ElfBuilder(parts).Build();
}

inline constexpr char kGlibcLoader[] = "/lib64/ld-linux-x86-64.so.2";

}  // namespace socksify::testing

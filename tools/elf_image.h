// SPDX-License-Identifier: BSD-2-Clause
// ElfImage: the few facts of an ELF program that decide whether a preload reaches it (elf(5)).
//
// Pure over bytes; reads files of either class and either byte order.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace socksify {

// What a shared object must have in common with the program that it is loaded into.
struct ElfIdentity {
  bool is_64_bit = false;
  uint16_t machine = 0;  // EM_X86_64, ... (elf.h)

  friend bool operator==(const ElfIdentity&, const ElfIdentity&) = default;
};

// The owner of the note by which a launcher knows another one, of any build, version and architecture.
inline constexpr char kLauncherNoteOwner[] = "socksify";

struct ElfImage {
  ElfIdentity identity;
  // PT_INTERP, the dynamic loader; empty for a static program, static-pie included.
  std::string interpreter;
  // Built by the Go tool chain, which marks its programs with a note of the owner "Go".
  bool is_go = false;
  // A launcher of ours.
  bool is_launcher = false;
};

// Nothing when `file` is not a whole ELF executable or shared object: exec will say what is wrong with it.
std::optional<ElfImage> ParseElf(std::span<const uint8_t> file);

// The identity alone, from the first bytes of a file.
std::optional<ElfIdentity> ParseElfIdentity(std::span<const uint8_t> file);

// The identity of this very program.
ElfIdentity OwnElfIdentity();

// "64-bit x86-64", "32-bit i386", "64-bit machine 4711".
std::string ToString(const ElfIdentity& identity);

}  // namespace socksify

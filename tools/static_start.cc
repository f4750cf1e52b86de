// SPDX-License-Identifier: BSD-2-Clause
// What a statically linked glibc does before main() and the launcher has no use for.
//
// It asks /proc where the program lies, to find libraries relative to it ($ORIGIN in dlopen(3)); the launcher
// loads none. The kernel makes files below /proc for the question, which have to go again with the process.
// The linker takes this definition instead of the archive's; it is weak, so that a libc that defines the
// function beside something else that is needed prevails.

// Declared nowhere that we could include. "Unknown" is -1, as in glibc's own elf/dl-origin.c.
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
extern "C" [[gnu::weak]] const char* _dl_get_origin();
// NOLINTNEXTLINE(performance-no-int-to-ptr)
extern "C" const char* _dl_get_origin() {
  return reinterpret_cast<const char*>(-1L);
}
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

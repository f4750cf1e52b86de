// SPDX-License-Identifier: BSD-2-Clause
// What a statically linked program brings along or does before main() and the launcher has no use for:
//
// - libc asks /proc where the program lies, to find libraries relative to it ($ORIGIN in dlopen(3)); the
//   launcher loads none. The kernel makes files below /proc for the question, which have to go again with the
//   process.
// - libstdc++ has a demangler, 47 KiB and its tables, to say which exception nobody has caught; main()
// catches
//   all that is thrown.
//
// The linker takes these definitions and leaves the archives' where they are. They are weak, so that those of
// a version that has them beside something else that is needed prevail.
#include <cstdlib>
#include <exception>

// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
namespace __cxxabiv1 {
extern std::terminate_handler __terminate_handler;
[[gnu::weak]] std::terminate_handler __terminate_handler = std::abort;
}  // namespace __cxxabiv1

// "Unknown" is -1, as in glibc's own elf/dl-origin.c.
extern "C" [[gnu::weak]] const char* _dl_get_origin();
extern "C" const char* _dl_get_origin() {
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  return reinterpret_cast<const char*>(-1L);
}
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

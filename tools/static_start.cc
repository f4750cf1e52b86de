// SPDX-License-Identifier: BSD-2-Clause
// What a statically linked program brings along or does before main() and the launcher has no use for:
//
// - libc asks /proc where the program lies, to find libraries relative to it ($ORIGIN in dlopen(3)); the
//   launcher loads none. The kernel makes files below /proc for the question, which have to go again with the
//   process.
// - libstdc++ takes 72 KiB from malloc(3), as a reserve for exceptions. One is enough here: the launcher
//   has one thread, and throws std::bad_alloc if anything.
// - libstdc++ has a demangler, 47 KiB and its tables, to say which exception nobody has caught; main()
//   catches all that is thrown.
//
// The linker takes these definitions and leaves the archives' where they are. They are weak, so that those of
// a version that has them beside something else that is needed prevail.
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <exception>

namespace socksify {
namespace {

// At least the __cxa_refcounted_exception of libstdc++, which precedes the object that is thrown, zeroed
// (Itanium C++ ABI: exception handling, section 2.4.2). It has 128 bytes on x86-64 and less elsewhere.
constexpr size_t kHeaderSize = 256;

alignas(std::max_align_t) constinit std::array<std::byte, kHeaderSize + 64> g_reserve = {};
constinit bool g_is_reserve_taken = false;

void* AllocateException(size_t thrown_size) {
  const size_t size = kHeaderSize + thrown_size;
  auto* memory = static_cast<std::byte*>(std::malloc(size));
  if (memory == nullptr) {
    if (g_is_reserve_taken || size > g_reserve.size()) std::abort();
    g_is_reserve_taken = true;
    memory = g_reserve.data();
  }
  std::memset(memory, 0, kHeaderSize);
  return memory + kHeaderSize;
}

void FreeException(void* thrown) {
  std::byte* const memory = static_cast<std::byte*>(thrown) - kHeaderSize;
  if (memory != g_reserve.data()) return std::free(memory);
  g_is_reserve_taken = false;
}

}  // namespace
}  // namespace socksify

// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
namespace __cxxabiv1 {
extern std::terminate_handler __terminate_handler;
[[gnu::weak]] std::terminate_handler __terminate_handler = std::abort;
}  // namespace __cxxabiv1

extern "C" {

// "Unknown" is -1, as in glibc's own elf/dl-origin.c.
[[gnu::weak]] const char* _dl_get_origin();
const char* _dl_get_origin() {
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  return reinterpret_cast<const char*>(-1L);
}

[[gnu::weak]] void* __cxa_allocate_exception(size_t thrown_size) noexcept {
  return socksify::AllocateException(thrown_size);
}

[[gnu::weak]] void __cxa_free_exception(void* thrown) noexcept {
  socksify::FreeException(thrown);
}

// std::rethrow_exception has a header of its own, and shares the object.
[[gnu::weak]] void* __cxa_allocate_dependent_exception() noexcept {
  return static_cast<std::byte*>(socksify::AllocateException(0)) - socksify::kHeaderSize;
}

[[gnu::weak]] void __cxa_free_dependent_exception(void* header) noexcept {
  socksify::FreeException(static_cast<std::byte*>(header) + socksify::kHeaderSize);
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

// SPDX-License-Identifier: BSD-2-Clause
// What libstdc++ and the compiler's start files would bring along at a price. The linker takes these
// definitions and leaves the others in their archives:
//
// - No start files (crti.o, crtbeginS.o) and no constructors, so that no code of ours runs, and no page of it
//   is mapped, in a program that opens no socket. Hence the name of the library for __cxa_atexit and
//   pthread_atfork, and memory for exceptions: libstdc++'s reserve is 72 KiB from malloc(3), taken by a
//   constructor.
// - No demangler, 37 KiB, and no text on standard error when nobody catches an exception.
//
// The interface is that of the Itanium C++ ABI (exception handling, section 2.4.2): what is returned is
// followed by the object that is thrown, and preceded by the header of the C++ library, zeroed.
#include <sched.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "preload/exception_reserve.h"

namespace socksify {
namespace {

// At least the __cxa_refcounted_exception of libstdc++, which has 128 bytes on x86-64 and less elsewhere. The
// library counts back from the object, so that more does no harm.
constexpr size_t kHeaderSize = 256;

constinit ExceptionReserve g_reserve;

// Where both have nothing left it waits: what other threads throw at that moment is caught by Guarded() at
// once. To end the program, as libstdc++ does, is not ours.
std::byte* AllocateZeroedHeader(size_t size) {
  void* memory = nullptr;
  while ((memory = std::malloc(size)) == nullptr && (memory = g_reserve.Take(size)) == nullptr) sched_yield();
  std::memset(memory, 0, kHeaderSize);
  return static_cast<std::byte*>(memory);
}

void Free(void* memory) {
  if (!g_reserve.GiveBack(memory)) std::free(memory);
}

}  // namespace
}  // namespace socksify

// The names are the ABI's. None of them leaves the library: exports.map.
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
namespace __cxxabiv1 {
extern std::terminate_handler __terminate_handler;
std::terminate_handler __terminate_handler = std::abort;
}  // namespace __cxxabiv1

extern "C" {

// Only its address counts.
__attribute__((visibility("hidden"))) void* __dso_handle = nullptr;

void* __cxa_allocate_exception(size_t thrown_size) noexcept {
  return socksify::AllocateZeroedHeader(socksify::kHeaderSize + thrown_size) + socksify::kHeaderSize;
}

void __cxa_free_exception(void* thrown) noexcept {
  socksify::Free(static_cast<std::byte*>(thrown) - socksify::kHeaderSize);
}

// std::rethrow_exception has a header of its own, and shares the object.
void* __cxa_allocate_dependent_exception() noexcept {
  return socksify::AllocateZeroedHeader(socksify::kHeaderSize);
}

void __cxa_free_dependent_exception(void* header) noexcept {
  socksify::Free(header);
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

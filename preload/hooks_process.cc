// SPDX-License-Identifier: BSD-2-Clause
// The calls by which somebody gets the program's sockets who does not pass by the hooks, or not in this
// process: another program, and libc's own streams. What nobody could find out later is seen to before:
// PrepareToSpawn(), PrepareToExecute().
//
// libc's own calls do not come by here, so all of exec(3)'s family have to. A child of vfork(2) comes by with
// the exec.
//
// vfork(2) itself (vfork.S), and clone(2) where it is like it, are noted, since such a child has this memory.
// Not by number: what syscall(2) would return to in the child is gone when the parent comes back.

#include <alloca.h>
#include <sched.h>
#include <spawn.h>
#include <unistd.h>
#include <wordexp.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "preload/connections.h"
#include "preload/originals.h"
#include "preload/pending.h"
#include "preload/runtime.h"

namespace socksify {
namespace {

// The arguments of execl(3) and its kin, which end with a null pointer.
size_t CountArguments(va_list arguments) {
  va_list rest;
  va_copy(rest, arguments);
  size_t count = 0;
  while (va_arg(rest, char*) != nullptr) ++count;
  va_end(rest);
  return count;
}

// Calls `execute` with them as an array, in which `first` comes first. The list by a pointer, since the
// caller of a function that was given a va_list may not go on with it (C11 7.16).
template <typename Execute>
int WithArguments(const char* first, va_list* arguments, const Execute& execute) {
  const size_t count = CountArguments(*arguments);
  auto** const argv = static_cast<char**>(alloca((count + 2) * sizeof(char*)));
  argv[0] = const_cast<char*>(first);
  // The null pointer at the end, too.
  for (size_t i = 1; i <= count + 1; ++i) argv[i] = va_arg(*arguments, char*);
  return execute(argv);
}

}  // namespace
}  // namespace socksify

using namespace socksify;

// Called by vfork.S.
extern "C" [[gnu::visibility("hidden")]] void* SocksifyBeforeVfork() {
  NoteLentMemory();
  return reinterpret_cast<void*>(libc::vfork.get());
}

// fork(2) itself is seen by its handlers, which this one does not call.
SOCKSIFY_EXPORT pid_t _Fork() noexcept {
  return CopyProcess([] { return libc::_Fork(); });
}

// Under the names of a variadic function (see runtime.h).
SOCKSIFY_EXPORT int HookedClone(int (*function)(void*), void* stack, int flags, void* argument,
                                void* parent_id, void* tls, void* child_id) __asm__("clone");
SOCKSIFY_EXPORT int HookedCloneOfLibc(int (*function)(void*), void* stack, int flags, void* argument,
                                      void* parent_id, void* tls, void* child_id) __asm__("__clone");

SOCKSIFY_EXPORT int HookedClone(int (*function)(void*), void* stack, int flags, void* argument,
                                void* parent_id, void* tls, void* child_id) {
  if ((flags & (CLONE_VM | CLONE_THREAD)) == CLONE_VM) NoteLentMemory();
  if ((flags & CLONE_VM) == 0) ShareSockets();
  return libc::clone(function, stack, flags, argument, parent_id, tls, child_id);
}

SOCKSIFY_EXPORT int HookedCloneOfLibc(int (*function)(void*), void* stack, int flags, void* argument,
                                      void* parent_id, void* tls, void* child_id) {
  return HookedClone(function, stack, flags, argument, parent_id, tls, child_id);
}

SOCKSIFY_EXPORT int execve(const char* path, char* const argv[], char* const environment[]) noexcept {
  PrepareToExecute();
  return libc::execve(path, argv, environment);
}

SOCKSIFY_EXPORT int fexecve(int fd, char* const argv[], char* const environment[]) noexcept {
  PrepareToExecute();
  return libc::fexecve(fd, argv, environment);
}

SOCKSIFY_EXPORT int execveat(int fd, const char* path, char* const argv[], char* const environment[],
                             int flags) noexcept {
  PrepareToExecute();
  return libc::execveat(fd, path, argv, environment, flags);
}

SOCKSIFY_EXPORT int execv(const char* path, char* const argv[]) noexcept {
  PrepareToExecute();
  return libc::execv(path, argv);
}

SOCKSIFY_EXPORT int execvp(const char* file, char* const argv[]) noexcept {
  PrepareToExecute();
  return libc::execvp(file, argv);
}

SOCKSIFY_EXPORT int execvpe(const char* file, char* const argv[], char* const environment[]) noexcept {
  PrepareToExecute();
  return libc::execvpe(file, argv, environment);
}

SOCKSIFY_EXPORT int execl(const char* path, const char* first, ...) noexcept {
  va_list arguments;
  va_start(arguments, first);
  const int result = WithArguments(first, &arguments, [=](char** argv) { return execv(path, argv); });
  va_end(arguments);
  return result;
}

SOCKSIFY_EXPORT int execlp(const char* file, const char* first, ...) noexcept {
  va_list arguments;
  va_start(arguments, first);
  const int result = WithArguments(first, &arguments, [=](char** argv) { return execvp(file, argv); });
  va_end(arguments);
  return result;
}

// The environment stands behind the null pointer.
SOCKSIFY_EXPORT int execle(const char* path, const char* first, ...) noexcept {
  va_list arguments;
  va_start(arguments, first);
  const int result = WithArguments(
      first, &arguments, [&](char** argv) { return execve(path, argv, va_arg(arguments, char* const*)); });
  va_end(arguments);
  return result;
}

SOCKSIFY_EXPORT int posix_spawn(pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
                                const posix_spawnattr_t* attributes, char* const argv[],
                                char* const environment[]) {
  PrepareToSpawn();
  return libc::posix_spawn(pid, path, actions, attributes, argv, environment);
}

SOCKSIFY_EXPORT int posix_spawnp(pid_t* pid, const char* file, const posix_spawn_file_actions_t* actions,
                                 const posix_spawnattr_t* attributes, char* const argv[],
                                 char* const environment[]) {
  PrepareToSpawn();
  return libc::posix_spawnp(pid, file, actions, attributes, argv, environment);
}

SOCKSIFY_EXPORT int system(const char* command) {
  PrepareToSpawn();
  return libc::system(command);
}

// Its shell.
SOCKSIFY_EXPORT int wordexp(const char* words, wordexp_t* out, int flags) {
  PrepareToSpawn();
  return libc::wordexp(words, out, flags);
}

SOCKSIFY_EXPORT FILE* popen(const char* command, const char* mode) {
  PrepareToSpawn();
  return libc::popen(command, mode);
}

SOCKSIFY_EXPORT FILE* fdopen(int fd, const char* mode) noexcept {
  if ((g_descriptors.Flags(fd) & kPending) != 0) [[unlikely]]
    g_pendings.SettleEarly(fd);
  // One that is connected later must not be a connection before the reply.
  if ((g_descriptors.Flags(fd) & (kFreshStream | kPending)) != 0) [[unlikely]]
    SetOfSocket(fd, kOfStream);
  return libc::fdopen(fd, mode);
}

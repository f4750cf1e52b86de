// SPDX-License-Identifier: BSD-2-Clause
// libc's syscall(2) for the calls that we replace: some programs make them by number.

#include <linux/net.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>

#include "base/cancellation_off.h"
#include "preload/libc_aliases.h"
#include "preload/originals.h"
#include "preload/runtime.h"

namespace socksify {
namespace {

template <typename T>
T As(long argument) {
  if constexpr (std::is_pointer_v<T>) {
    // That is how the kernel's interface has it. NOLINTNEXTLINE(performance-no-int-to-ptr)
    return reinterpret_cast<T>(argument);
  } else {
    return static_cast<T>(argument);
  }
}

template <typename Result, typename... Parameters, size_t... Index>
long Apply(Result (*function)(Parameters...), const long* arguments, std::index_sequence<Index...>) {
  return static_cast<long>(function(As<Parameters>(arguments[Index])...));
}

// Calls a replaced call with the arguments of its system call. syscall(2) is no cancellation point, whatever
// it stands for.
template <typename Result, typename... Parameters>
long Call(Result (*function)(Parameters...), const long* arguments) {
  const CancellationOff cancellation_off;
  return Apply(function, arguments, std::index_sequence_for<Parameters...>());
}

long Fcntl(const long* arguments) {
  const CancellationOff cancellation_off;
  return ::fcntl(static_cast<int>(arguments[0]), static_cast<int>(arguments[1]), arguments[2]);
}

#ifdef SYS_socketcall
// The one system call that stood for all of them on older machines (socketcall(2)).
long SocketCall(long call, const long* arguments) {
  switch (call) {
    case SYS_BIND: return ::syscall(SYS_bind, arguments[0], arguments[1], arguments[2]);
    case SYS_CONNECT: return ::syscall(SYS_connect, arguments[0], arguments[1], arguments[2]);
    case SYS_GETPEERNAME: return ::syscall(SYS_getpeername, arguments[0], arguments[1], arguments[2]);
    case SYS_GETSOCKNAME: return ::syscall(SYS_getsockname, arguments[0], arguments[1], arguments[2]);
    case SYS_GETSOCKOPT:
      return ::syscall(SYS_getsockopt, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]);
    case SYS_SENDMMSG: return ::syscall(SYS_sendmmsg, arguments[0], arguments[1], arguments[2], arguments[3]);
    case SYS_SENDMSG: return ::syscall(SYS_sendmsg, arguments[0], arguments[1], arguments[2]);
    case SYS_SENDTO:
      return ::syscall(SYS_sendto, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                       arguments[5]);
    case SYS_SETSOCKOPT:
      return ::syscall(SYS_setsockopt, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]);
    default: return libc::syscall(SYS_socketcall, call, arguments);
  }
}
#endif

}  // namespace
}  // namespace socksify

using namespace socksify;

SOCKSIFY_EXPORT long syscall(long number, ...) noexcept {
  long arguments[6];
  va_list list;
  va_start(list, number);
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  switch (number) {
    case SYS_bind: return Call<int, int, const sockaddr*, socklen_t>(&::bind, arguments);
    case SYS_close: return Call<int, int>(&::close, arguments);
    case SYS_close_range: return Call<int, unsigned, unsigned, int>(&::close_range, arguments);
    case SYS_connect: return Call<int, int, const sockaddr*, socklen_t>(&::connect, arguments);
    case SYS_dup: return Call<int, int>(&::dup, arguments);
#ifdef SYS_dup2
    case SYS_dup2: return Call<int, int, int>(&::dup2, arguments);
#endif
    case SYS_dup3: return Call<int, int, int, int>(&::dup3, arguments);
    case SYS_fcntl: return Fcntl(arguments);
    case SYS_getpeername: return Call<int, int, sockaddr*, socklen_t*>(&::getpeername, arguments);
    case SYS_getsockname: return Call<int, int, sockaddr*, socklen_t*>(&::getsockname, arguments);
    case SYS_getsockopt: return Call<int, int, int, int, void*, socklen_t*>(&::getsockopt, arguments);
    case SYS_sendmmsg: return Call<int, int, mmsghdr*, unsigned, int>(&::sendmmsg, arguments);
    case SYS_sendmsg: return Call<ssize_t, int, const msghdr*, int>(&::sendmsg, arguments);
    case SYS_sendto:
      return Call<ssize_t, int, const void*, size_t, int, const sockaddr*, socklen_t>(&::sendto, arguments);
    case SYS_setsockopt: return Call<int, int, int, int, const void*, socklen_t>(&::setsockopt, arguments);
#ifdef SYS_fcntl64
    case SYS_fcntl64: return Fcntl(arguments);
#endif
#ifdef SYS_socketcall
    case SYS_socketcall: return SocketCall(arguments[0], reinterpret_cast<const long*>(arguments[1]));
#endif
    default: break;
  }
  return libc::syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                       arguments[5]);
}

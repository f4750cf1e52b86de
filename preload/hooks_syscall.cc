// SPDX-License-Identifier: BSD-2-Clause
// libc's syscall(2) for the calls that we replace: some programs make them by number.

#include <linux/net.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/cancellation_off.h"
#include "preload/connections.h"
#include "preload/leaf_lock.h"
#include "preload/libc_aliases.h"
#include "preload/originals.h"
#include "preload/pending.h"
#include "preload/pending_calls.h"
#include "preload/relayed_receipts.h"
#include "preload/runtime.h"
#include "preload/watches.h"

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

long Ioctl(const long* arguments) {
  return ::ioctl(static_cast<int>(arguments[0]), static_cast<unsigned long>(arguments[1]), arguments[2]);
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

// The kernel's signal sets are shorter than libc's.
class Mask {
 public:
  explicit Mask(long kernels) : is_given_(kernels != 0) {
    if (!is_given_) return;
    sigemptyset(&mask_);
    std::memcpy(&mask_, As<const void*>(kernels), _NSIG / 8);
  }
  const sigset_t* get() const { return is_given_ ? &mask_ : nullptr; }

 private:
  bool is_given_;
  sigset_t mask_{};
};

// The waits, while a pending connection may have a say in them. The kernel's own forms of ppoll and pselect
// change the timeout; what is left of it is of no use to those who know that libc's do not.
long WaitBySyscall(long number, const long* arguments) {
  const CancellationOff cancellation_off;
  const auto fd = static_cast<int>(arguments[0]);
  const auto count = static_cast<int>(arguments[2]);
  auto* const events = As<epoll_event*>(arguments[1]);
  switch (number) {
#ifdef SYS_poll
    case SYS_poll:
      return ::poll(As<pollfd*>(arguments[0]), static_cast<nfds_t>(arguments[1]),
                    static_cast<int>(arguments[2]));
#endif
#ifdef SYS_select
    case SYS_select:
      return ::select(fd, As<fd_set*>(arguments[1]), As<fd_set*>(arguments[2]), As<fd_set*>(arguments[3]),
                      As<timeval*>(arguments[4]));
#endif
#ifdef SYS_epoll_wait
    case SYS_epoll_wait: return ::epoll_wait(fd, events, count, static_cast<int>(arguments[3]));
#endif
    case SYS_epoll_pwait:
      return ::epoll_pwait(fd, events, count, static_cast<int>(arguments[3]), Mask(arguments[4]).get());
    case SYS_epoll_pwait2:
      return ::epoll_pwait2(fd, events, count, As<const timespec*>(arguments[3]), Mask(arguments[4]).get());
    case SYS_ppoll:
      return ::ppoll(As<pollfd*>(arguments[0]), static_cast<nfds_t>(arguments[1]),
                     As<const timespec*>(arguments[2]), Mask(arguments[3]).get());
    case SYS_pselect6: {
      struct KernelsMask {
        long address;
        size_t size;
      };
      const auto* const mask = As<const KernelsMask*>(arguments[5]);
      return ::pselect(fd, As<fd_set*>(arguments[1]), As<fd_set*>(arguments[2]), As<fd_set*>(arguments[3]),
                       As<const timespec*>(arguments[4]), Mask(mask != nullptr ? mask->address : 0).get());
    }
    default: break;
  }
  return -1;
}

bool IsWait(long number) {
  switch (number) {
#ifdef SYS_poll
    case SYS_poll:
#endif
#ifdef SYS_select
    case SYS_select:
#endif
#ifdef SYS_epoll_wait
    case SYS_epoll_wait:
#endif
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
    case SYS_ppoll:
    case SYS_pselect6: return true;
    default: return false;
  }
}

// Data on a pending connection, by number.
bool IsHeldBack(long number, const long* arguments) {
  const auto is_pending = [](long fd) { return (g_descriptors.Flags(static_cast<int>(fd)) & kPending) != 0; };
  const auto is_held_back = [&](long fd, Direction direction, long flags) {
    const CancellationOff cancellation_off;
    return is_pending(fd) && !MayTransfer(static_cast<int>(fd), direction, static_cast<int>(flags));
  };
  switch (number) {
    case SYS_read:
    case SYS_readv:
    case SYS_preadv2: return is_held_back(arguments[0], Direction::kReceive, 0);
    case SYS_recvfrom:
    case SYS_recvmmsg: return is_held_back(arguments[0], Direction::kReceive, arguments[3]);
    case SYS_recvmsg: return is_held_back(arguments[0], Direction::kReceive, arguments[2]);
    case SYS_write:
    case SYS_writev:
    case SYS_pwritev2:
    case SYS_sendfile: return is_held_back(arguments[0], Direction::kSend, 0);
    case SYS_splice:
      return is_held_back(arguments[0], Direction::kReceive, 0) ||
             is_held_back(arguments[2], Direction::kSend, 0);
    default: return false;
  }
}

// Data of a datagram socket, by number. False: none of that.
bool TransferRelayed(long number, const long* arguments, long* result) {
  const auto is_datagrams = [](long fd) { return ReceivesDatagrams(static_cast<int>(fd)); };
  if (!is_datagrams(arguments[0]) && !(number == SYS_splice && is_datagrams(arguments[2]))) return false;
  switch (number) {
    case SYS_read: *result = Call<ssize_t, int, void*, size_t>(&::read, arguments); return true;
    case SYS_readv: *result = Call<ssize_t, int, const iovec*, int>(&::readv, arguments); return true;
    case SYS_recvfrom:
      *result = Call<ssize_t, int, void*, size_t, int, sockaddr*, socklen_t*>(&::recvfrom, arguments);
      return true;
    case SYS_recvmsg: *result = Call<ssize_t, int, msghdr*, int>(&::recvmsg, arguments); return true;
    case SYS_recvmmsg:
      *result = Call<int, int, mmsghdr*, unsigned, int, timespec*>(&::recvmmsg, arguments);
      return true;
    case SYS_write: *result = Call<ssize_t, int, const void*, size_t>(&::write, arguments); return true;
    case SYS_writev: *result = Call<ssize_t, int, const iovec*, int>(&::writev, arguments); return true;
    case SYS_sendfile: *result = Call<ssize_t, int, int, off_t*, size_t>(&::sendfile, arguments); return true;
    case SYS_splice:
      *result = Call<ssize_t, int, off64_t*, int, off64_t*, size_t, unsigned>(&::splice, arguments);
      return true;
    // The kernel's forms have the offset in two halves.
    case SYS_preadv2:
    case SYS_pwritev2:
      errno = EOPNOTSUPP;
      *result = -1;
      return true;
    default: return false;
  }
}

// The numbers that CallReplaced() has something to do for. All others are passed on at once.
class ReplacedNumbers {
 public:
  constexpr ReplacedNumbers() {
    for (const long number : kNumbers) {
      words_[number / kBits] |= Bit(number);
      any_ |= Bit(number);
    }
  }
  bool Has(long number) const {
    const auto index = static_cast<unsigned long>(number);
    return index < std::size(words_) * kBits && (words_[index / kBits] & Bit(number)) != 0;
  }
  // The same at a glance, without memory: true of those, and of others that are like one of them modulo 64.
  constexpr bool MayHave(long number) const { return (any_ & Bit(number)) != 0; }

 private:
  static constexpr unsigned kBits = 64;
  static constexpr uint64_t Bit(long number) {
    return uint64_t{1} << static_cast<unsigned long>(number) % kBits;
  }
  static constexpr long kNumbers[] = {
#ifdef SYS_poll
      SYS_poll,
#endif
#ifdef SYS_select
      SYS_select,
#endif
#ifdef SYS_epoll_wait
      SYS_epoll_wait,
#endif
      SYS_epoll_pwait,   SYS_epoll_pwait2, SYS_ppoll,       SYS_pselect6,       SYS_read,
      SYS_readv,         SYS_preadv2,      SYS_recvfrom,    SYS_recvmmsg,       SYS_recvmsg,
      SYS_write,         SYS_writev,       SYS_pwritev2,    SYS_sendfile,       SYS_splice,
      SYS_bind,          SYS_close,        SYS_close_range, SYS_connect,        SYS_dup,
#ifdef SYS_dup2
      SYS_dup2,
#endif
      SYS_dup3,
#ifdef SYS_epoll_create
      SYS_epoll_create,
#endif
      SYS_epoll_create1, SYS_epoll_ctl,    SYS_fcntl,       SYS_getpeername,    SYS_getsockname,
      SYS_getsockopt,    SYS_ioctl,        SYS_listen,      SYS_sendmmsg,       SYS_sendmsg,
      SYS_sendto,        SYS_rt_sigaction,
#ifdef SYS_sigaction
      SYS_sigaction,
#endif
#ifdef SYS_signal
      SYS_signal,
#endif
      SYS_setsockopt,    SYS_shutdown,     SYS_socket,      SYS_io_uring_setup, SYS_accept4,
      SYS_socketpair,    SYS_execve,       SYS_execveat,    SYS_clone,          SYS_clone3,
#ifdef SYS_fork
      SYS_fork,
#endif
#ifdef SYS_accept
      SYS_accept,
#endif
#ifdef SYS_fcntl64
      SYS_fcntl64,
#endif
#ifdef SYS_socketcall
      SYS_socketcall,
#endif
  };
  uint64_t words_[8] = {};
  uint64_t any_ = 0;
};
constexpr ReplacedNumbers kReplaced;

// A child with a copy of the memory.
long Copy(long number, const long* arguments) {
  return CopyProcess([=] {
    return libc::syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                         arguments[5]);
  });
}

[[gnu::noinline]] long CallReplaced(long number, long a, long b, long c, long d, long e, WordInPlace f) {
  const long arguments[] = {a, b, c, d, e, f};
  if (IsHeldBack(number, arguments)) return -1;
  long transferred = 0;
  if (TransferRelayed(number, arguments, &transferred)) return transferred;
  if (IsWait(number) && (g_pendings.is_used() || g_watches.is_used()))
    return WaitBySyscall(number, arguments);
  switch (number) {
    case SYS_accept4: return Call<int, int, sockaddr*, socklen_t*, int>(&::accept4, arguments);
#ifdef SYS_accept
    case SYS_accept: return Call<int, int, sockaddr*, socklen_t*>(&::accept, arguments);
#endif
    case SYS_socketpair: return Call<int, int, int, int, int*>(&::socketpair, arguments);
    case SYS_bind: return Call<int, int, const sockaddr*, socklen_t>(&::bind, arguments);
    case SYS_close: return Call<int, int>(&::close, arguments);
    case SYS_close_range: return Call<int, unsigned, unsigned, int>(&::close_range, arguments);
    case SYS_connect: return Call<int, int, const sockaddr*, socklen_t>(&::connect, arguments);
    case SYS_dup: return Call<int, int>(&::dup, arguments);
#ifdef SYS_dup2
    case SYS_dup2: return Call<int, int, int>(&::dup2, arguments);
#endif
    case SYS_dup3: return Call<int, int, int, int>(&::dup3, arguments);
#ifdef SYS_epoll_create
    case SYS_epoll_create: return Call<int, int>(&::epoll_create, arguments);
#endif
    case SYS_epoll_create1: return Call<int, int>(&::epoll_create1, arguments);
    case SYS_epoll_ctl: return Call<int, int, int, int, epoll_event*>(&::epoll_ctl, arguments);
    // A child may make these whose parent had other threads, maybe inside the dynamic linker: nothing of
    // libc's is looked up for them.
    case SYS_execve:
    case SYS_execveat: PrepareToExecute(); break;
#ifdef SYS_fork
    case SYS_fork: return Copy(number, arguments);
#endif
    case SYS_clone:
      // What shares the stack, too, may not come back by it.
      if ((static_cast<unsigned long>(arguments[0]) & CLONE_VM) == 0) return Copy(number, arguments);
      break;
    case SYS_clone3: ShareSockets(); break;
    case SYS_fcntl: return Fcntl(arguments);
    case SYS_getpeername: return Call<int, int, sockaddr*, socklen_t*>(&::getpeername, arguments);
    case SYS_getsockname: return Call<int, int, sockaddr*, socklen_t*>(&::getsockname, arguments);
    case SYS_getsockopt: return Call<int, int, int, int, void*, socklen_t*>(&::getsockopt, arguments);
    case SYS_ioctl: return Ioctl(arguments);
    case SYS_listen: return Call<int, int, int>(&::listen, arguments);
    case SYS_sendmmsg: return Call<int, int, mmsghdr*, unsigned, int>(&::sendmmsg, arguments);
    case SYS_sendmsg: return Call<ssize_t, int, const msghdr*, int>(&::sendmsg, arguments);
    case SYS_sendto:
      return Call<ssize_t, int, const void*, size_t, int, const sockaddr*, socklen_t>(&::sendto, arguments);
    case SYS_setsockopt:
      return Call<int, int, int, int, const void*, socklen_t>(&::setsockopt, arguments);
      // Where the kernel is asked for the present handler the second argument is null. It is not read: the
      // kernel says EFAULT for a bad pointer.
#ifdef SYS_sigaction
    case SYS_sigaction:
#endif
#ifdef SYS_signal
    case SYS_signal:
#endif
    case SYS_rt_sigaction:
      if (b != 0) NoteSignalHandler();
      break;
    case SYS_shutdown: return Call<int, int, int>(&::shutdown, arguments);
    case SYS_socket: return Call<int, int, int, int>(&::socket, arguments);
    // A ring connects and sends inside the kernel, where nobody sees it. libuv, for one, sets it up by this
    // function, and does without when the kernel does not have it.
    case SYS_io_uring_setup: errno = ENOSYS; return -1;
#ifdef SYS_fcntl64
    case SYS_fcntl64: return Fcntl(arguments);
#endif
#ifdef SYS_socketcall
    case SYS_socketcall: return SocketCall(arguments[0], reinterpret_cast<const long*>(arguments[1]));
#endif
    default: break;
  }
  return libc::syscall(number, a, b, c, d, e, f);
}

[[gnu::noinline]] long CallIfReplaced(long number, long a, long b, long c, long d, long e, WordInPlace f) {
  if (kReplaced.Has(number)) return CallReplaced(number, a, b, c, d, e, f);
  return libc::syscall(number, a, b, c, d, e, f);
}

}  // namespace
}  // namespace socksify

using namespace socksify;

// Under the name of a variadic function (see runtime.h).
SOCKSIFY_EXPORT long HookedSyscall(long number, long a, long b, long c, long d, long e,
                                   WordInPlace f) __asm__("syscall");
SOCKSIFY_EXPORT long HookedSyscall(long number, long a, long b, long c, long d, long e, WordInPlace f) {
  if (kReplaced.MayHave(number)) [[unlikely]]
    return CallIfReplaced(number, a, b, c, d, e, f);
  return libc::syscall(number, a, b, c, d, e, f);
}

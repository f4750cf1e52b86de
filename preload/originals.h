// SPDX-License-Identifier: BSD-2-Clause
// The calls that the preload replaces, as libc has them. A typed table: each entry gets its type from the
// declaration in libc's header, so that a wrong signature does not compile.
//
// An entry is looked up at its first use (the only dlsym of the project) and is thread-safe and, once used,
// async-signal-safe. Nothing is looked up at start-up: a program that opens no socket pays nothing.
#pragma once

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "preload/libc_aliases.h"

namespace socksify {

// Finds the next definition of `name` after this library, else libc's own.
void* FindOriginal(const char* name);

template <typename Function>
class Original {
 public:
  explicit constexpr Original(const char* name) : name_(name) {}

  Function* get() const {
    Function* const found = pointer_.load(std::memory_order_acquire);
    return found != nullptr ? found : LookUp();
  }

  template <typename... Arguments>
  auto operator()(Arguments... arguments) const {
    Function* const found = pointer_.load(std::memory_order_acquire);
    if (found == nullptr) [[unlikely]]
      return LookUpAndCall(arguments...);
    return found(arguments...);
  }

 private:
  // Out of line, so that a hook whose last act is the call needs no stack frame.
  template <typename... Arguments>
  [[gnu::cold, gnu::noinline]] auto LookUpAndCall(Arguments... arguments) const {
    return LookUp()(arguments...);
  }
  [[gnu::cold, gnu::noinline]] Function* LookUp() const {
    auto* const found = reinterpret_cast<Function*>(FindOriginal(name_));
    pointer_.store(found, std::memory_order_release);
    return found;
  }

  const char* name_;
  mutable std::atomic<Function*> pointer_ = nullptr;
};

// libc declares some with attributes that speak of the arguments (access, warn_unused_result), which do not
// go with the type.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"

namespace libc {

inline constinit Original<decltype(::accept)> accept{"accept"};
inline constinit Original<decltype(::accept4)> accept4{"accept4"};
inline constinit Original<decltype(::bsd_signal)> bsd_signal{"bsd_signal"};
inline constinit Original<decltype(::bind)> bind{"bind"};
inline constinit Original<decltype(::clone)> clone{"clone"};
inline constinit Original<decltype(::close)> close{"close"};
inline constinit Original<decltype(::close_range)> close_range{"close_range"};
inline constinit Original<decltype(::closefrom)> closefrom{"closefrom"};
inline constinit Original<decltype(::connect)> connect{"connect"};
inline constinit Original<decltype(::dup)> dup{"dup"};
inline constinit Original<decltype(::dup2)> dup2{"dup2"};
inline constinit Original<decltype(::dup3)> dup3{"dup3"};
inline constinit Original<decltype(::epoll_create)> epoll_create{"epoll_create"};
inline constinit Original<decltype(::epoll_create1)> epoll_create1{"epoll_create1"};
inline constinit Original<decltype(::epoll_ctl)> epoll_ctl{"epoll_ctl"};
inline constinit Original<decltype(::epoll_pwait)> epoll_pwait{"epoll_pwait"};
inline constinit Original<decltype(::epoll_pwait2)> epoll_pwait2{"epoll_pwait2"};
inline constinit Original<decltype(::epoll_wait)> epoll_wait{"epoll_wait"};
inline constinit Original<decltype(::execv)> execv{"execv"};
inline constinit Original<decltype(::execve)> execve{"execve"};
inline constinit Original<decltype(::execveat)> execveat{"execveat"};
inline constinit Original<decltype(::execvp)> execvp{"execvp"};
inline constinit Original<decltype(::execvpe)> execvpe{"execvpe"};
inline constinit Original<decltype(::fcntl)> fcntl{"fcntl"};
inline constinit Original<decltype(::fcntl)> fcntl64{"fcntl64"};
inline constinit Original<decltype(::fdopen)> fdopen{"fdopen"};
inline constinit Original<decltype(::fexecve)> fexecve{"fexecve"};
inline constinit Original<decltype(::getaddrinfo)> getaddrinfo{"getaddrinfo"};
inline constinit Original<decltype(::getaddrinfo_a)> getaddrinfo_a{"getaddrinfo_a"};
inline constinit Original<decltype(::gethostbyaddr)> gethostbyaddr{"gethostbyaddr"};
inline constinit Original<decltype(::gethostbyaddr_r)> gethostbyaddr_r{"gethostbyaddr_r"};
inline constinit Original<decltype(::gethostbyname)> gethostbyname{"gethostbyname"};
inline constinit Original<decltype(::gethostbyname2)> gethostbyname2{"gethostbyname2"};
inline constinit Original<decltype(::gethostbyname2_r)> gethostbyname2_r{"gethostbyname2_r"};
inline constinit Original<decltype(::gethostbyname_r)> gethostbyname_r{"gethostbyname_r"};
inline constinit Original<decltype(::getnameinfo)> getnameinfo{"getnameinfo"};
inline constinit Original<decltype(::getnetbyaddr)> getnetbyaddr{"getnetbyaddr"};
inline constinit Original<decltype(::getnetbyaddr_r)> getnetbyaddr_r{"getnetbyaddr_r"};
inline constinit Original<decltype(::getnetbyname)> getnetbyname{"getnetbyname"};
inline constinit Original<decltype(::getnetbyname_r)> getnetbyname_r{"getnetbyname_r"};
inline constinit Original<decltype(::getpeername)> getpeername{"getpeername"};
inline constinit Original<decltype(::getsockname)> getsockname{"getsockname"};
inline constinit Original<decltype(::getsockopt)> getsockopt{"getsockopt"};
inline constinit Original<decltype(::ioctl)> ioctl{"ioctl"};
inline constinit Original<decltype(::iruserok)> iruserok{"iruserok"};
inline constinit Original<decltype(::iruserok_af)> iruserok_af{"iruserok_af"};
inline constinit Original<decltype(::listen)> listen{"listen"};
inline constinit Original<decltype(::poll)> poll{"poll"};
inline constinit Original<decltype(::__poll_chk)> poll_chk{"__poll_chk"};
inline constinit Original<decltype(::popen)> popen{"popen"};
inline constinit Original<decltype(::posix_spawn)> posix_spawn{"posix_spawn"};
inline constinit Original<decltype(::posix_spawnp)> posix_spawnp{"posix_spawnp"};
inline constinit Original<decltype(::ppoll)> ppoll{"ppoll"};
inline constinit Original<decltype(::__ppoll_chk)> ppoll_chk{"__ppoll_chk"};
inline constinit Original<decltype(::preadv2)> preadv2{"preadv2"};
inline constinit Original<decltype(::preadv64v2)> preadv64v2{"preadv64v2"};
inline constinit Original<decltype(::pselect)> pselect{"pselect"};
inline constinit Original<decltype(::pwritev2)> pwritev2{"pwritev2"};
inline constinit Original<decltype(::pwritev64v2)> pwritev64v2{"pwritev64v2"};
inline constinit Original<decltype(::rcmd)> rcmd{"rcmd"};
inline constinit Original<decltype(::rcmd_af)> rcmd_af{"rcmd_af"};
inline constinit Original<decltype(::read)> read{"read"};
inline constinit Original<decltype(::__read_chk)> read_chk{"__read_chk"};
inline constinit Original<decltype(::readv)> readv{"readv"};
inline constinit Original<decltype(::recv)> recv{"recv"};
inline constinit Original<decltype(::__recv_chk)> recv_chk{"__recv_chk"};
inline constinit Original<decltype(::recvfrom)> recvfrom{"recvfrom"};
inline constinit Original<decltype(::__recvfrom_chk)> recvfrom_chk{"__recvfrom_chk"};
inline constinit Original<decltype(::recvmmsg)> recvmmsg{"recvmmsg"};
inline constinit Original<decltype(::recvmsg)> recvmsg{"recvmsg"};
inline constinit Original<decltype(::res_nquery)> res_nquery{"res_nquery"};
inline constinit Original<decltype(::res_nquerydomain)> res_nquerydomain{"res_nquerydomain"};
inline constinit Original<decltype(::res_nsearch)> res_nsearch{"res_nsearch"};
inline constinit Original<decltype(::res_nsend)> res_nsend{"res_nsend"};
inline constinit Original<decltype(::res_query)> res_query{"res_query"};
inline constinit Original<decltype(::res_querydomain)> res_querydomain{"res_querydomain"};
inline constinit Original<decltype(::res_search)> res_search{"res_search"};
inline constinit Original<decltype(::res_send)> res_send{"res_send"};
inline constinit Original<decltype(::rexec)> rexec{"rexec"};
inline constinit Original<decltype(::rexec_af)> rexec_af{"rexec_af"};
inline constinit Original<decltype(::ruserok)> ruserok{"ruserok"};
inline constinit Original<decltype(::ruserok_af)> ruserok_af{"ruserok_af"};
inline constinit Original<decltype(::select)> select{"select"};
inline constinit Original<decltype(::send)> send{"send"};
inline constinit Original<decltype(::sendfile)> sendfile{"sendfile"};
inline constinit Original<decltype(::sendfile64)> sendfile64{"sendfile64"};
inline constinit Original<decltype(::sendmmsg)> sendmmsg{"sendmmsg"};
inline constinit Original<decltype(::sendmsg)> sendmsg{"sendmsg"};
inline constinit Original<decltype(::sendto)> sendto{"sendto"};
inline constinit Original<decltype(::setsockopt)> setsockopt{"setsockopt"};
inline constinit Original<decltype(::shutdown)> shutdown{"shutdown"};
inline constinit Original<decltype(::sigaction)> sigaction{"sigaction"};
inline constinit Original<decltype(::signal)> signal{"signal"};
inline constinit Original<decltype(::signal)> sigset{"sigset"};  // the header calls it deprecated
inline constinit Original<decltype(::socket)> socket{"socket"};
inline constinit Original<decltype(::socketpair)> socketpair{"socketpair"};
inline constinit Original<decltype(::splice)> splice{"splice"};
inline constinit Original<decltype(::ssignal)> ssignal{"ssignal"};
inline constinit Original<decltype(::syscall)> syscall{"syscall"};
inline constinit Original<decltype(::sysv_signal)> sysv_signal{"sysv_signal"};
inline constinit Original<decltype(::system)> system{"system"};
inline constinit Original<decltype(::vdprintf)> vdprintf{"vdprintf"};
inline constinit Original<decltype(::__vdprintf_chk)> vdprintf_chk{"__vdprintf_chk"};
inline constinit Original<decltype(::fork)> vfork{"vfork"};
inline constinit Original<decltype(::write)> write{"write"};
inline constinit Original<decltype(::writev)> writev{"writev"};

}  // namespace libc

#pragma GCC diagnostic pop

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// The calls that the preload replaces, as libc has them. A typed table: each entry gets its type from the
// declaration in libc's header, so that a wrong signature does not compile. Variadic ones are written out.
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
#include <wordexp.h>

#include <cstdio>
#include <cstdlib>

#include "preload/libc_aliases.h"
#include "preload/original.h"

namespace socksify {

// libc declares some with attributes that speak of the arguments (access, warn_unused_result), which do not
// go with the type.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"

namespace libc {

inline constexpr Original<decltype(::_Fork), "_Fork"> _Fork;
inline constexpr Original<decltype(::accept), "accept"> accept;
inline constexpr Original<decltype(::accept4), "accept4"> accept4;
inline constexpr Original<decltype(::bind), "bind"> bind;
inline constexpr Original<decltype(::bsd_signal), "bsd_signal"> bsd_signal;
inline constexpr VariadicOriginal<int(int (*)(void*), void*, int, void*, void*, void*, void*), "clone"> clone;
inline constexpr Original<decltype(::close), "close"> close;
inline constexpr Original<decltype(::close_range), "close_range"> close_range;
inline constexpr Original<decltype(::closefrom), "closefrom"> closefrom;
inline constexpr Original<decltype(::connect), "connect"> connect;
inline constexpr Original<decltype(::dup), "dup"> dup;
inline constexpr Original<decltype(::dup2), "dup2"> dup2;
inline constexpr Original<decltype(::dup3), "dup3"> dup3;
inline constexpr Original<decltype(::epoll_create), "epoll_create"> epoll_create;
inline constexpr Original<decltype(::epoll_create1), "epoll_create1"> epoll_create1;
inline constexpr Original<decltype(::epoll_ctl), "epoll_ctl"> epoll_ctl;
inline constexpr Original<decltype(::epoll_pwait), "epoll_pwait"> epoll_pwait;
inline constexpr Original<decltype(::epoll_pwait2), "epoll_pwait2"> epoll_pwait2;
inline constexpr Original<decltype(::epoll_wait), "epoll_wait"> epoll_wait;
inline constexpr Original<decltype(::execv), "execv"> execv;
inline constexpr Original<decltype(::execve), "execve"> execve;
inline constexpr Original<decltype(::execveat), "execveat"> execveat;
inline constexpr Original<decltype(::execvp), "execvp"> execvp;
inline constexpr Original<decltype(::execvpe), "execvpe"> execvpe;
inline constexpr VariadicOriginal<int(int, int, long), "fcntl"> fcntl;
inline constexpr VariadicOriginal<int(int, int, long), "fcntl64"> fcntl64;
inline constexpr Original<decltype(::fdopen), "fdopen"> fdopen;
inline constexpr Original<decltype(::fexecve), "fexecve"> fexecve;
inline constexpr Original<decltype(::getaddrinfo), "getaddrinfo"> getaddrinfo;
inline constexpr Original<decltype(::getaddrinfo_a), "getaddrinfo_a"> getaddrinfo_a;
inline constexpr Original<decltype(::gethostbyaddr), "gethostbyaddr"> gethostbyaddr;
inline constexpr Original<decltype(::gethostbyaddr_r), "gethostbyaddr_r"> gethostbyaddr_r;
inline constexpr Original<decltype(::gethostbyname), "gethostbyname"> gethostbyname;
inline constexpr Original<decltype(::gethostbyname2), "gethostbyname2"> gethostbyname2;
inline constexpr Original<decltype(::gethostbyname2_r), "gethostbyname2_r"> gethostbyname2_r;
inline constexpr Original<decltype(::gethostbyname_r), "gethostbyname_r"> gethostbyname_r;
inline constexpr Original<decltype(::getnameinfo), "getnameinfo"> getnameinfo;
inline constexpr Original<decltype(::getnetbyaddr), "getnetbyaddr"> getnetbyaddr;
inline constexpr Original<decltype(::getnetbyaddr_r), "getnetbyaddr_r"> getnetbyaddr_r;
inline constexpr Original<decltype(::getnetbyname), "getnetbyname"> getnetbyname;
inline constexpr Original<decltype(::getnetbyname_r), "getnetbyname_r"> getnetbyname_r;
inline constexpr Original<decltype(::getpeername), "getpeername"> getpeername;
inline constexpr Original<decltype(::getsockname), "getsockname"> getsockname;
inline constexpr Original<decltype(::getsockopt), "getsockopt"> getsockopt;
inline constexpr VariadicOriginal<int(int, unsigned long, long), "ioctl"> ioctl;
inline constexpr Original<decltype(::iruserok), "iruserok"> iruserok;
inline constexpr Original<decltype(::iruserok_af), "iruserok_af"> iruserok_af;
inline constexpr Original<decltype(::listen), "listen"> listen;
inline constexpr Original<decltype(::poll), "poll"> poll;
inline constexpr Original<decltype(::__poll_chk), "__poll_chk"> poll_chk;
inline constexpr Original<decltype(::popen), "popen"> popen;
inline constexpr Original<decltype(::posix_spawn), "posix_spawn"> posix_spawn;
inline constexpr Original<decltype(::posix_spawnp), "posix_spawnp"> posix_spawnp;
inline constexpr Original<decltype(::ppoll), "ppoll"> ppoll;
inline constexpr Original<decltype(::__ppoll_chk), "__ppoll_chk"> ppoll_chk;
inline constexpr Original<decltype(::preadv2), "preadv2"> preadv2;
inline constexpr Original<decltype(::preadv64v2), "preadv64v2"> preadv64v2;
inline constexpr Original<decltype(::pselect), "pselect"> pselect;
inline constexpr Original<decltype(::pwritev2), "pwritev2"> pwritev2;
inline constexpr Original<decltype(::pwritev64v2), "pwritev64v2"> pwritev64v2;
inline constexpr Original<decltype(::rcmd), "rcmd"> rcmd;
inline constexpr Original<decltype(::rcmd_af), "rcmd_af"> rcmd_af;
inline constexpr Original<decltype(::read), "read"> read;
inline constexpr Original<decltype(::__read_chk), "__read_chk"> read_chk;
inline constexpr Original<decltype(::readv), "readv"> readv;
inline constexpr Original<decltype(::recv), "recv"> recv;
inline constexpr Original<decltype(::__recv_chk), "__recv_chk"> recv_chk;
inline constexpr Original<decltype(::recvfrom), "recvfrom"> recvfrom;
inline constexpr Original<decltype(::__recvfrom_chk), "__recvfrom_chk"> recvfrom_chk;
inline constexpr Original<decltype(::recvmmsg), "recvmmsg"> recvmmsg;
inline constexpr Original<decltype(::recvmsg), "recvmsg"> recvmsg;
inline constexpr Original<decltype(::res_nquery), "res_nquery"> res_nquery;
inline constexpr Original<decltype(::res_nquerydomain), "res_nquerydomain"> res_nquerydomain;
inline constexpr Original<decltype(::res_nsearch), "res_nsearch"> res_nsearch;
inline constexpr Original<decltype(::res_nsend), "res_nsend"> res_nsend;
inline constexpr Original<decltype(::res_query), "res_query"> res_query;
inline constexpr Original<decltype(::res_querydomain), "res_querydomain"> res_querydomain;
inline constexpr Original<decltype(::res_search), "res_search"> res_search;
inline constexpr Original<decltype(::res_send), "res_send"> res_send;
inline constexpr Original<decltype(::rexec), "rexec"> rexec;
inline constexpr Original<decltype(::rexec_af), "rexec_af"> rexec_af;
inline constexpr Original<decltype(::ruserok), "ruserok"> ruserok;
inline constexpr Original<decltype(::ruserok_af), "ruserok_af"> ruserok_af;
inline constexpr Original<decltype(::select), "select"> select;
inline constexpr Original<decltype(::send), "send"> send;
inline constexpr Original<decltype(::sendfile), "sendfile"> sendfile;
inline constexpr Original<decltype(::sendfile64), "sendfile64"> sendfile64;
inline constexpr Original<decltype(::sendmmsg), "sendmmsg"> sendmmsg;
inline constexpr Original<decltype(::sendmsg), "sendmsg"> sendmsg;
inline constexpr Original<decltype(::sendto), "sendto"> sendto;
inline constexpr Original<decltype(::setsockopt), "setsockopt"> setsockopt;
inline constexpr Original<decltype(::shutdown), "shutdown"> shutdown;
inline constexpr Original<decltype(::sigaction), "sigaction"> sigaction;
inline constexpr Original<decltype(::signal), "signal"> signal;
inline constexpr Original<decltype(::signal), "sigset"> sigset;  // the header calls it deprecated
inline constexpr Original<decltype(::socket), "socket"> socket;
inline constexpr Original<decltype(::socketpair), "socketpair"> socketpair;
inline constexpr Original<decltype(::splice), "splice"> splice;
inline constexpr Original<decltype(::ssignal), "ssignal"> ssignal;
inline constexpr VariadicOriginal<long(long, long, long, long, long, long, WordInPlace), "syscall"> syscall;
inline constexpr Original<decltype(::system), "system"> system;
inline constexpr Original<decltype(::sysv_signal), "sysv_signal"> sysv_signal;
inline constexpr Original<decltype(::vdprintf), "vdprintf"> vdprintf;
inline constexpr Original<decltype(::__vdprintf_chk), "__vdprintf_chk"> vdprintf_chk;
inline constexpr Original<decltype(::fork), "vfork"> vfork;
inline constexpr Original<decltype(::wordexp), "wordexp"> wordexp;
inline constexpr Original<decltype(::write), "write"> write;
inline constexpr Original<decltype(::writev), "writev"> writev;

}  // namespace libc

#pragma GCC diagnostic pop

}  // namespace socksify

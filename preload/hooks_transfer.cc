// SPDX-License-Identifier: BSD-2-Clause
// Data, in and out. On a descriptor whose connection is there, or is none of ours, each is libc's call and
// one array look-up. On a pending one nothing may reach the socket but the handshake.

#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "base/errno_keeper.h"
#include "preload/connections.h"
#include "preload/dns_by_hand.h"
#include "preload/libc_aliases.h"
#include "preload/listening.h"
#include "preload/originals.h"
#include "preload/parts.h"
#include "preload/pending.h"
#include "preload/pending_calls.h"
#include "preload/received_descriptors.h"
#include "preload/relayed_receipts.h"
#include "preload/relayed_sends.h"
#include "preload/runtime.h"

namespace socksify {
namespace {

[[gnu::always_inline]] inline bool IsPending(int fd) {
  return (g_descriptors.Flags(fd) & kPending) != 0;
}

// FIONREAD and its like: what waits in the socket's buffers is the handshake's.
[[gnu::noinline]] int CountBytes(int fd, unsigned long request, void* argument) {
  const bool is_handshakes = request == FIONREAD ? HasNothingToRead(fd) : IsNotConnected(fd);
  const int result = libc::ioctl(fd, request, argument);
  if (result == 0 && is_handshakes) *static_cast<int*>(argument) = 0;
  return result;
}

[[gnu::always_inline]] inline bool IsRelayed(int fd) {
  return (g_descriptors.Flags(fd) & kRelayed) != 0;
}

// ioctl(2) that asks how much there is.
[[gnu::noinline]] int CountSpecially(int fd, unsigned long request, void* argument) {
  if (static_cast<unsigned>(request) == FIONBIO) g_descriptors.ClearFlags(fd, kKnownBlocking);
  if ((request == FIONREAD || request == TIOCOUTQ) && IsPending(fd)) return CountBytes(fd, request, argument);
  if (request == FIONREAD && IsRelayed(fd) && argument != nullptr) {
    const ErrnoKeeper keeper;
    *static_cast<int*>(argument) = Guarded([&] { return NextDatagramSize(fd); }, 0);
    return 0;
  }
  return libc::ioctl(fd, request, argument);
}

// A connection on its way, or a datagram socket that asks a name server or has a relay.
[[gnu::always_inline]] inline bool IsSpecial(int fd) {
  return (g_descriptors.Flags(fd) & (kPending | kDnsByHand | kRelayed)) != 0;
}

// What has the number now is a file or a pipe: the socket was closed where we could not see (fclose(3)).
bool IsNoLongerSocket(int fd) {
  if (errno != ENOTSOCK || SocketCookie(fd) != 0) return false;
  ForgetDescriptor(fd);
  return true;
}

// Out of line, so that the way to libc needs no stack frame.
template <typename Call>
[[gnu::noinline]] auto CallOncePossible(int fd, Direction direction, int flags, Call call)
    -> decltype(call()) {
  return MayTransfer(fd, direction, flags) ? call() : -1;
}

template <typename Call>
[[gnu::noinline]] ssize_t SendSpecially(int fd, int flags, const iovec* parts, size_t count, Call call) {
  if (IsConnectedToNameServer(fd))
    return Guarded([&] { return SendToNameServer(fd, parts, count, nullptr, 0); }, ssize_t{-1});
  if (IsConnectedByRelay(fd)) {
    const ssize_t sent = Guarded([&] { return SendRelayed(fd, parts, count, flags); }, ssize_t{-1});
    return sent < 0 && IsNoLongerSocket(fd) ? call() : sent;
  }
  return CallOncePossible(fd, Direction::kSend, flags, call);
}

// read(2) and its like. One that has no room at all looks at nothing (sock_read_iter()).
[[gnu::noinline]] ssize_t ReceiveIntoParts(int fd, const iovec* parts, int count, int flags) {
  const ssize_t received =
      Guarded([&] { return ReceiveRelayed(fd, parts, static_cast<size_t>(count), flags); }, ssize_t{-1});
  return received < 0 && IsNoLongerSocket(fd) ? libc::readv(fd, parts, count) : received;
}

bool HasRoom(const iovec* parts, int count) {
  return parts != nullptr && count > 0 && count <= IOV_MAX &&
         SizeOf({parts, static_cast<size_t>(count)}) != 0;
}

[[gnu::noinline]] ssize_t ReceiveIntoBuffer(int fd, void* buffer, size_t size, int flags, sockaddr* address,
                                            socklen_t* address_size) {
  // More than a datagram has (and less than makes the sum of all parts overflow).
  const size_t room = std::min(size, size_t{1} << 20);
  return Guarded([&] { return ReceiveRelayed(fd, buffer, room, flags, address, address_size); }, ssize_t{-1});
}

// read(2), which a file has, too.
[[gnu::noinline]] ssize_t ReadIntoBuffer(int fd, void* buffer, size_t size) {
  const ssize_t received = ReceiveIntoBuffer(fd, buffer, size, 0, nullptr, nullptr);
  return received < 0 && IsNoLongerSocket(fd) ? libc::read(fd, buffer, size) : received;
}

}  // namespace
}  // namespace socksify

using namespace socksify;

SOCKSIFY_EXPORT ssize_t read(int fd, void* buffer, size_t size) {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (ReceivesDatagrams(fd) && size != 0) [[unlikely]]
      return ReadIntoBuffer(fd, buffer, size);
    if (IsPending(fd)) [[unlikely]]
      return CallOncePossible(fd, Direction::kReceive, 0, [=] { return libc::read(fd, buffer, size); });
  }
  return libc::read(fd, buffer, size);
}

SOCKSIFY_EXPORT ssize_t __read(int fd, void* buffer, size_t size) {
  return read(fd, buffer, size);
}

SOCKSIFY_EXPORT ssize_t __read_chk(int fd, void* buffer, size_t size, size_t buffer_size) {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (ReceivesDatagrams(fd) && size != 0 && size <= buffer_size) [[unlikely]]
      return ReadIntoBuffer(fd, buffer, size);
    if (IsPending(fd)) [[unlikely]]
      return CallOncePossible(fd, Direction::kReceive, 0,
                              [=] { return libc::read_chk(fd, buffer, size, buffer_size); });
  }
  return libc::read_chk(fd, buffer, size, buffer_size);
}

SOCKSIFY_EXPORT ssize_t readv(int fd, const iovec* parts, int count) {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (ReceivesDatagrams(fd) && HasRoom(parts, count)) [[unlikely]]
      return ReceiveIntoParts(fd, parts, count, 0);
    if (IsPending(fd)) [[unlikely]]
      return CallOncePossible(fd, Direction::kReceive, 0, [=] { return libc::readv(fd, parts, count); });
  }
  return libc::readv(fd, parts, count);
}

SOCKSIFY_EXPORT ssize_t preadv2(int fd, const iovec* parts, int count, off_t offset, int flags) {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (ReceivesDatagrams(fd) && offset == -1 && HasRoom(parts, count)) [[unlikely]]
      return ReceiveIntoParts(fd, parts, count, (flags & RWF_NOWAIT) != 0 ? MSG_DONTWAIT : 0);
    if (IsPending(fd)) [[unlikely]]
      return CallOncePossible(fd, Direction::kReceive, 0,
                              [=] { return libc::preadv2(fd, parts, count, offset, flags); });
  }
  return libc::preadv2(fd, parts, count, offset, flags);
}

SOCKSIFY_EXPORT ssize_t preadv64v2(int fd, const iovec* parts, int count, off64_t offset, int flags) {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (ReceivesDatagrams(fd) && offset == -1 && HasRoom(parts, count)) [[unlikely]]
      return ReceiveIntoParts(fd, parts, count, (flags & RWF_NOWAIT) != 0 ? MSG_DONTWAIT : 0);
    if (IsPending(fd)) [[unlikely]]
      return CallOncePossible(fd, Direction::kReceive, 0,
                              [=] { return libc::preadv64v2(fd, parts, count, offset, flags); });
  }
  return libc::preadv64v2(fd, parts, count, offset, flags);
}

SOCKSIFY_EXPORT ssize_t recv(int fd, void* buffer, size_t size, int flags) {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (ReceivesDatagrams(fd)) [[unlikely]]
      return ReceiveIntoBuffer(fd, buffer, size, flags, nullptr, nullptr);
    if (IsPending(fd)) [[unlikely]]
      return CallOncePossible(fd, Direction::kReceive, flags,
                              [=] { return libc::recv(fd, buffer, size, flags); });
  }
  return libc::recv(fd, buffer, size, flags);
}

SOCKSIFY_EXPORT ssize_t __recv_chk(int fd, void* buffer, size_t size, size_t buffer_size, int flags) {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (ReceivesDatagrams(fd) && size <= buffer_size) [[unlikely]]
      return ReceiveIntoBuffer(fd, buffer, size, flags, nullptr, nullptr);
    if (IsPending(fd)) [[unlikely]]
      return CallOncePossible(fd, Direction::kReceive, flags,
                              [=] { return libc::recv_chk(fd, buffer, size, buffer_size, flags); });
  }
  return libc::recv_chk(fd, buffer, size, buffer_size, flags);
}

SOCKSIFY_EXPORT ssize_t recvfrom(int fd, void* buffer, size_t size, int flags, sockaddr* address,
                                 socklen_t* address_size) {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (ReceivesDatagrams(fd)) [[unlikely]]
      return ReceiveIntoBuffer(fd, buffer, size, flags, address, address_size);
    if (IsPending(fd)) [[unlikely]]
      return CallOncePossible(fd, Direction::kReceive, flags,
                              [=] { return libc::recvfrom(fd, buffer, size, flags, address, address_size); });
  }
  return libc::recvfrom(fd, buffer, size, flags, address, address_size);
}

SOCKSIFY_EXPORT ssize_t __recvfrom_chk(int fd, void* buffer, size_t size, size_t buffer_size, int flags,
                                       sockaddr* address, socklen_t* address_size) {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (ReceivesDatagrams(fd) && size <= buffer_size) [[unlikely]]
      return ReceiveIntoBuffer(fd, buffer, size, flags, address, address_size);
    if (IsPending(fd)) [[unlikely]]
      return CallOncePossible(fd, Direction::kReceive, flags, [=] {
        return libc::recvfrom_chk(fd, buffer, size, buffer_size, flags, address, address_size);
      });
  }
  return libc::recvfrom_chk(fd, buffer, size, buffer_size, flags, address, address_size);
}

SOCKSIFY_EXPORT ssize_t recvmsg(int fd, msghdr* message, int flags) {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (ReceivesDatagrams(fd) && message != nullptr) [[unlikely]]
      return Guarded([&] { return ReceiveRelayed(fd, message, flags); }, ssize_t{-1});
    if (IsPending(fd) && !MayTransfer(fd, Direction::kReceive, flags)) [[unlikely]]
      return -1;
  }
  const ssize_t result = libc::recvmsg(fd, message, flags);
  if (result >= 0 && message != nullptr && message->msg_controllen != 0) NoteReceivedDescriptors(message);
  return result;
}

SOCKSIFY_EXPORT int recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (ReceivesDatagrams(fd) && messages != nullptr) [[unlikely]]
      return Guarded([&] { return ReceiveManyRelayed(fd, messages, count, flags, timeout); }, -1);
    if (IsPending(fd) && !MayTransfer(fd, Direction::kReceive, flags)) [[unlikely]]
      return -1;
  }
  const int received = libc::recvmmsg(fd, messages, count, flags, timeout);
  for (int i = 0; messages != nullptr && i < received; ++i) {
    if (messages[i].msg_hdr.msg_controllen != 0) NoteReceivedDescriptors(&messages[i].msg_hdr);
  }
  return received;
}

SOCKSIFY_EXPORT ssize_t write(int fd, const void* data, size_t size) {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (IsSpecial(fd)) [[unlikely]] {
      const iovec part = {.iov_base = const_cast<void*>(data), .iov_len = size};
      return SendSpecially(fd, 0, &part, 1, [=] { return libc::write(fd, data, size); });
    }
  }
  return libc::write(fd, data, size);
}

SOCKSIFY_EXPORT ssize_t __write(int fd, const void* data, size_t size) {
  return write(fd, data, size);
}

SOCKSIFY_EXPORT ssize_t writev(int fd, const iovec* parts, int count) {
  if (g_descriptors.has_special()) [[unlikely]] {
    // One that has nothing to write sends nothing, unlike write(2).
    if (IsSpecial(fd) && HasRoom(parts, count)) [[unlikely]]
      return SendSpecially(fd, 0, parts, static_cast<size_t>(count),
                           [=] { return libc::writev(fd, parts, count); });
  }
  return libc::writev(fd, parts, count);
}

SOCKSIFY_EXPORT ssize_t pwritev2(int fd, const iovec* parts, int count, off_t offset, int flags) {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (IsConnectedByRelay(fd) && offset == -1 && HasRoom(parts, count)) [[unlikely]] {
      const int own_flags = (flags & RWF_NOWAIT) != 0 ? MSG_DONTWAIT : 0;
      return SendSpecially(fd, own_flags, parts, static_cast<size_t>(count),
                           [=] { return libc::pwritev2(fd, parts, count, offset, flags); });
    }
    if (IsPending(fd)) [[unlikely]]
      return CallOncePossible(fd, Direction::kSend, 0,
                              [=] { return libc::pwritev2(fd, parts, count, offset, flags); });
  }
  return libc::pwritev2(fd, parts, count, offset, flags);
}

SOCKSIFY_EXPORT ssize_t pwritev64v2(int fd, const iovec* parts, int count, off64_t offset, int flags) {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (IsConnectedByRelay(fd) && offset == -1 && HasRoom(parts, count)) [[unlikely]] {
      const int own_flags = (flags & RWF_NOWAIT) != 0 ? MSG_DONTWAIT : 0;
      return SendSpecially(fd, own_flags, parts, static_cast<size_t>(count),
                           [=] { return libc::pwritev64v2(fd, parts, count, offset, flags); });
    }
    if (IsPending(fd)) [[unlikely]]
      return CallOncePossible(fd, Direction::kSend, 0,
                              [=] { return libc::pwritev64v2(fd, parts, count, offset, flags); });
  }
  return libc::pwritev64v2(fd, parts, count, offset, flags);
}

SOCKSIFY_EXPORT ssize_t send(int fd, const void* data, size_t size, int flags) {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (IsSpecial(fd)) [[unlikely]] {
      const iovec part = {.iov_base = const_cast<void*>(data), .iov_len = size};
      return SendSpecially(fd, flags, &part, 1, [=] { return libc::send(fd, data, size, flags); });
    }
  }
  return libc::send(fd, data, size, flags);
}

SOCKSIFY_EXPORT ssize_t __send(int fd, const void* data, size_t size, int flags) {
  return send(fd, data, size, flags);
}

namespace {

// What libc would write piece by piece goes as one datagram.
[[gnu::noinline]] int PrintRelayed(int fd, const char* format, va_list arguments) {
  char* text = nullptr;
  const int size = vasprintf(&text, format, arguments);
  if (size < 0) return -1;
  const ssize_t sent = write(fd, text, static_cast<size_t>(size));
  free(text);
  return static_cast<int>(sent);
}

int Print(int fd, const char* format, va_list arguments) {
  if (IsConnectedByRelay(fd)) [[unlikely]]
    return PrintRelayed(fd, format, arguments);
  if (IsPending(fd) && !MayTransfer(fd, Direction::kSend, 0)) [[unlikely]]
    return -1;
  return libc::vdprintf(fd, format, arguments);
}

int PrintChecked(int fd, int flag, const char* format, va_list arguments) {
  if (IsConnectedByRelay(fd)) [[unlikely]]
    return PrintRelayed(fd, format, arguments);
  if (IsPending(fd) && !MayTransfer(fd, Direction::kSend, 0)) [[unlikely]]
    return -1;
  return libc::vdprintf_chk(fd, flag, format, arguments);
}

}  // namespace

// libc writes these by itself. stdio's streams do so too, but those have no descriptor to be seen here.
SOCKSIFY_EXPORT int vdprintf(int fd, const char* format, va_list arguments) {
  return Print(fd, format, arguments);
}

SOCKSIFY_EXPORT int dprintf(int fd, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int result = Print(fd, format, arguments);
  va_end(arguments);
  return result;
}

SOCKSIFY_EXPORT int __vdprintf_chk(int fd, int flag, const char* format, va_list arguments) {
  return PrintChecked(fd, flag, format, arguments);
}

SOCKSIFY_EXPORT int __dprintf_chk(int fd, int flag, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int result = PrintChecked(fd, flag, format, arguments);
  va_end(arguments);
  return result;
}

namespace {

// The kernel's own copying knows no headers. Programs read and write where it is not to be had (sendfile(2)).
[[gnu::cold]] ssize_t RefuseCopying() {
  errno = EINVAL;
  return -1;
}

}  // namespace

SOCKSIFY_EXPORT ssize_t sendfile(int to, int from, off_t* offset, size_t size) noexcept {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (IsConnectedByRelay(to)) [[unlikely]]
      return RefuseCopying();
    if (IsPending(to)) [[unlikely]]
      return CallOncePossible(to, Direction::kSend, 0,
                              [=] { return libc::sendfile(to, from, offset, size); });
  }
  return libc::sendfile(to, from, offset, size);
}

SOCKSIFY_EXPORT ssize_t sendfile64(int to, int from, off64_t* offset, size_t size) noexcept {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (IsConnectedByRelay(to)) [[unlikely]]
      return RefuseCopying();
    if (IsPending(to)) [[unlikely]]
      return CallOncePossible(to, Direction::kSend, 0,
                              [=] { return libc::sendfile64(to, from, offset, size); });
  }
  return libc::sendfile64(to, from, offset, size);
}

SOCKSIFY_EXPORT ssize_t splice(int from, off64_t* from_offset, int to, off64_t* to_offset, size_t size,
                               unsigned flags) {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (IsConnectedByRelay(to) || IsRelayed(from)) [[unlikely]]
      return RefuseCopying();
    if (IsPending(from) && !MayTransfer(from, Direction::kReceive, 0)) [[unlikely]]
      return -1;
    if (IsPending(to) && !MayTransfer(to, Direction::kSend, 0)) [[unlikely]]
      return -1;
  }
  return libc::splice(from, from_offset, to, to_offset, size, flags);
}

SOCKSIFY_EXPORT int shutdown(int fd, int how) noexcept {
  if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) return libc::shutdown(fd, how);
  if ((g_descriptors.Flags(fd) & kInbound) != 0) [[unlikely]]
    return ShutDownInbound(fd, how);
  if (IsPending(fd) && (DissolvePending(fd) || g_pendings.ShutDown(fd, how))) [[unlikely]]
    return 0;
  // It fails, and has its effect all the same (inet_shutdown()).
  if ((g_descriptors.Flags(fd) & kFreshStream) != 0) g_descriptors.SetFlags(fd, kShutDownEarly);
  return libc::shutdown(fd, how);
}

// Under the name of a variadic function (see runtime.h).
SOCKSIFY_EXPORT int HookedIoctl(int fd, unsigned long request, void* argument) __asm__("ioctl");
SOCKSIFY_EXPORT int HookedIoctl(int fd, unsigned long request, void* argument) {
  // The kernel takes an int.
  if (g_descriptors.has_special() || static_cast<unsigned>(request) == FIONBIO) [[unlikely]]
    return CountSpecially(fd, request, argument);
  return libc::ioctl(fd, request, argument);
}

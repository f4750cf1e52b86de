// SPDX-License-Identifier: BSD-2-Clause
// connect(2) and the sends that can stand for it.

#include <netinet/in.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/errno_keeper.h"
#include "preload/connections.h"
#include "preload/datagrams.h"
#include "preload/dns_by_hand.h"
#include "preload/first_page.h"
#include "preload/libc_aliases.h"
#include "preload/listening.h"
#include "preload/originals.h"
#include "preload/outbound.h"
#include "preload/pending.h"
#include "preload/pending_calls.h"
#include "preload/relayed_sends.h"

namespace socksify {
namespace {

// Sends that carry their destination are judged one by one; the first that may not be passed on as it is
// decides for the call. One without a destination goes to the socket's peer.
AddressedSend JudgeMessage(int fd, const msghdr* message, int flags, Decision* decision) {
  if (message == nullptr) return AddressedSend::kPass;
  const auto* const address = static_cast<const sockaddr*>(message->msg_name);
  if (address == nullptr && IsConnectedByRelay(fd)) return AddressedSend::kRelay;
  if (!IsInternetDestination(address, message->msg_namelen)) return AddressedSend::kPass;
  return JudgeAddressedSend(fd, address, message->msg_namelen, flags, decision);
}

[[gnu::always_inline]] inline bool IsHeldBack(int fd, int flags) {
  if ((g_descriptors.Flags(fd) & kPending) == 0) [[likely]]
    return false;
  return !MayTransfer(fd, Direction::kSend, flags);
}

// Memory of the program's that may not be there: false then, as the kernel has EFAULT for it.
bool CopyFromProgram(const void* from, void* to, size_t size) {
  const iovec local = {.iov_base = to, .iov_len = size};
  const iovec remote = {.iov_base = const_cast<void*>(from), .iov_len = size};
  if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size)) return true;
  if (errno != ENOSYS && errno != EPERM) return false;
  std::memcpy(to, from, size);  // the kernel has no such call, or a filter of the program's denies it
  return true;
}

// Descriptors that another process is about to get (unix(7)), where nobody knows that a proxy still has to
// reply.
[[gnu::noinline]] void SettlePassed(const msghdr& message) {
  const ErrnoKeeper keeper;
  const auto* const control = static_cast<const std::byte*>(message.msg_control);
  cmsghdr header{};
  for (size_t at = 0; at + sizeof header <= message.msg_controllen; at += CMSG_ALIGN(header.cmsg_len)) {
    if (!CopyFromProgram(control + at, &header, sizeof header)) return;
    if (header.cmsg_len < sizeof header || header.cmsg_len > message.msg_controllen - at) return;
    if (CMSG_ALIGN(header.cmsg_len) < header.cmsg_len) return;
    if (header.cmsg_level != SOL_SOCKET || header.cmsg_type != SCM_RIGHTS) continue;
    for (size_t data = CMSG_LEN(0); data + sizeof(int) <= header.cmsg_len; data += sizeof(int)) {
      int fd = -1;
      if (!CopyFromProgram(control + at + data, &fd, sizeof fd)) return;
      if ((g_descriptors.Flags(fd) & kPending) != 0) g_pendings.SettleEarly(fd);
    }
  }
}

[[gnu::always_inline]] inline bool PassesControl(const msghdr& message) {
  return message.msg_control != nullptr && message.msg_controllen != 0;
}

// Whether a message may carry descriptors (SCM_RIGHTS): not by a socket that is known for another one than of
// unix(7). The control data are not looked at, which may not be there.
[[gnu::always_inline]] inline bool MayCarryDescriptors(int fd, const msghdr& message) {
  return PassesControl(message) && g_descriptors.Flags(fd) == 0;
}

[[gnu::always_inline]] inline bool IsRelayed(int fd) {
  return (g_descriptors.Flags(fd) & kRelayed) != 0;
}

ssize_t SendToPeer(int fd, const msghdr& message, int flags) {
  ssize_t sent = 0;
  return SendByKnownPath(fd, message, flags, SendCall::kSendmsg, &sent)
             ? sent
             : SendRelayed(fd, message, flags, nullptr);
}

msghdr WithoutAddress(const msghdr& message) {
  msghdr bare = message;
  bare.msg_name = nullptr;
  bare.msg_namelen = 0;
  return bare;
}

ssize_t AskNameServer(int fd, const msghdr& message) {
  return SendToNameServer(fd, message.msg_iov, message.msg_iovlen,
                          static_cast<const sockaddr*>(message.msg_name), message.msg_namelen);
}

// sendmmsg(2) of queries: all of them, up to the first message that is none.
int AskNameServer(int fd, mmsghdr* messages, unsigned count, int flags) {
  unsigned sent = 0;
  Decision decision;
  for (; sent < count; ++sent) {
    const msghdr& message = messages[sent].msg_hdr;
    const bool is_query = message.msg_name == nullptr
                              ? IsConnectedToNameServer(fd)
                              : JudgeMessage(fd, &message, flags, &decision) == AddressedSend::kAnswer;
    if (!is_query) break;
    const ssize_t size = AskNameServer(fd, message);
    if (size < 0) break;
    messages[sent].msg_len = static_cast<unsigned>(size);
  }
  return sent > 0 ? static_cast<int>(sent) : -1;
}

}  // namespace
}  // namespace socksify

using namespace socksify;

SOCKSIFY_EXPORT int connect(int fd, const sockaddr* address, socklen_t size) {
  if ((g_descriptors.Flags(fd) & kInbound) != 0) [[unlikely]] {
    if (OwnSocketOf(fd) != fd) {
      errno = EISCONN;
      return -1;
    }
    GiveUpInbound(fd);
  }
  if (!IsInternetAddress(address, size)) {
    const bool dissolves =
        !IsInFirstPage(address) && size >= sizeof address->sa_family && address->sa_family == AF_UNSPEC;
    if (dissolves && (g_descriptors.Flags(fd) & kPending) != 0 && DissolvePending(fd)) return 0;
    // While a connection is on its way the kernel does not look at the address.
    if (!dissolves && (g_descriptors.Flags(fd) & kPending) != 0) {
      const std::optional<int> error = Guarded([&] { return JudgeRepetition(fd); }, std::optional<int>(EIO));
      if (error && *error != 0) errno = *error;
      if (error) return *error == 0 ? 0 : -1;
    }
    // Of a connection that is there for the program alone the kernel knows nothing.
    if (dissolves && (g_descriptors.Flags(fd) & kPending) != 0 && g_pendings.Dissolve(fd)) return 0;
    const int result = libc::connect(fd, address, size);
    // AF_UNSPEC dissolves a connection (connect(2)); what we knew of it goes with it.
    if (result == 0 && g_descriptors.Flags(fd) != 0) ForgetConnection(fd);
    return result;
  }
  return Guarded([&] { return ConnectOutbound(fd, address, size); }, -1);
}

SOCKSIFY_EXPORT int __connect(int fd, const sockaddr* address, socklen_t size) {
  return connect(fd, address, size);
}

namespace {

// Out of line, so that the way to libc needs no stack frame.
[[gnu::noinline]] ssize_t SendTo(int fd, const void* data, size_t data_size, int flags,
                                 const sockaddr* address, socklen_t size) {
  if (g_descriptors.has_special()) [[unlikely]] {
    if (IsHeldBack(fd, flags)) [[unlikely]]
      return -1;
    if (address == nullptr && IsConnectedToNameServer(fd)) [[unlikely]]
      return Guarded([&] { return SendToNameServer(fd, data, data_size, nullptr, 0); }, ssize_t{-1});
    if (address == nullptr && IsConnectedByRelay(fd)) [[unlikely]] {
      const iovec part = {.iov_base = const_cast<void*>(data), .iov_len = data_size};
      return Guarded([&] { return SendRelayed(fd, &part, 1, flags); }, ssize_t{-1});
    }
  }
  if (!IsInternetDestination(address, size)) return libc::sendto(fd, data, data_size, flags, address, size);
  iovec part = {.iov_base = const_cast<void*>(data), .iov_len = data_size};
  msghdr message{};
  message.msg_name = const_cast<sockaddr*>(address);
  message.msg_namelen = size;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ssize_t sent = 0;
  if (IsRelayed(fd) && SendByKnownPath(fd, message, flags, SendCall::kSendto, &sent)) return sent;
  return Guarded(
      [&]() -> ssize_t {
        Decision decision;
        switch (JudgeAddressedSend(fd, address, size, flags, &decision)) {
          case AddressedSend::kPass: return libc::sendto(fd, data, data_size, flags, address, size);
          case AddressedSend::kRelay: return SendRelayed(fd, message, flags, &decision);
          case AddressedSend::kAnswer: return SendToNameServer(fd, data, data_size, address, size);
          case AddressedSend::kRefuse: return -1;
          case AddressedSend::kConnectFirst: break;
        }
        if (ConnectOutbound(fd, address, size) != 0) return -1;
        return libc::sendto(fd, data, data_size, flags & ~MSG_FASTOPEN, nullptr, 0U);
      },
      ssize_t{-1});
}

[[gnu::noinline]] ssize_t SendMessage(int fd, const msghdr* message, int flags) {
  const bool has_address = message != nullptr && message->msg_name != nullptr;
  if (message != nullptr && MayCarryDescriptors(fd, *message)) [[unlikely]]
    ShareSockets();
  if (g_descriptors.has_special()) [[unlikely]] {
    if (IsHeldBack(fd, flags)) [[unlikely]]
      return -1;
    if (message != nullptr && g_pendings.is_used() && PassesControl(*message)) SettlePassed(*message);
    const bool is_for_peer = message != nullptr && !has_address;
    if (is_for_peer && IsConnectedToNameServer(fd)) [[unlikely]]
      return Guarded([&] { return AskNameServer(fd, *message); }, ssize_t{-1});
    if (is_for_peer && IsConnectedByRelay(fd)) [[unlikely]]
      return Guarded([&] { return SendToPeer(fd, *message, flags); }, ssize_t{-1});
  }
  if (!has_address) return libc::sendmsg(fd, message, flags);
  ssize_t sent = 0;
  if (IsRelayed(fd) && SendByKnownPath(fd, *message, flags, SendCall::kSendmsg, &sent)) return sent;
  return Guarded(
      [&]() -> ssize_t {
        Decision decision;
        switch (JudgeMessage(fd, message, flags, &decision)) {
          case AddressedSend::kPass: return libc::sendmsg(fd, message, flags);
          case AddressedSend::kRelay: return SendRelayed(fd, *message, flags, &decision);
          case AddressedSend::kAnswer: return AskNameServer(fd, *message);
          case AddressedSend::kRefuse: return -1;
          case AddressedSend::kConnectFirst: break;
        }
        if (ConnectOutbound(fd, static_cast<const sockaddr*>(message->msg_name), message->msg_namelen) != 0) {
          return -1;
        }
        const msghdr bare = WithoutAddress(*message);
        return libc::sendmsg(fd, &bare, flags & ~MSG_FASTOPEN);
      },
      ssize_t{-1});
}

}  // namespace

SOCKSIFY_EXPORT ssize_t sendto(int fd, const void* data, size_t data_size, int flags, const sockaddr* address,
                               socklen_t size) {
  if (address != nullptr || g_descriptors.has_special())
    return SendTo(fd, data, data_size, flags, address, size);
  return libc::sendto(fd, data, data_size, flags, address, size);
}

SOCKSIFY_EXPORT ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  if (g_descriptors.has_special() ||
      (message != nullptr && (message->msg_name != nullptr || MayCarryDescriptors(fd, *message))))
    return SendMessage(fd, message, flags);
  return libc::sendmsg(fd, message, flags);
}

SOCKSIFY_EXPORT int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  if (IsHeldBack(fd, flags)) [[unlikely]]
    return -1;
  const bool may_settle = g_pendings.is_used();
  const bool may_carry = g_descriptors.Flags(fd) == 0;
  for (unsigned i = 0; messages != nullptr && (may_settle || may_carry) && i < count; ++i) {
    if (!PassesControl(messages[i].msg_hdr)) continue;
    if (may_carry) ShareSockets();
    if (may_settle) SettlePassed(messages[i].msg_hdr);
  }
  // Up to the first message that needs us, libc sends; as sendmmsg(2), a failure after that shows in the next
  // call.
  unsigned passed = 0;
  return Guarded(
      [&]() -> int {
        AddressedSend judged = AddressedSend::kPass;
        Decision decision;
        if (messages == nullptr) return libc::sendmmsg(fd, messages, count, flags);
        if (count > 0 && messages[0].msg_hdr.msg_name == nullptr && IsConnectedToNameServer(fd))
          return AskNameServer(fd, messages, count, flags);
        while (passed < count && judged == AddressedSend::kPass) {
          judged = JudgeMessage(fd, &messages[passed].msg_hdr, flags, &decision);
          if (judged == AddressedSend::kPass) ++passed;
        }
        if (judged == AddressedSend::kRelay) return SendManyRelayed(fd, messages, count, flags);
        if (passed == count || passed > 0) return libc::sendmmsg(fd, messages, passed, flags);
        if (judged == AddressedSend::kRefuse) return -1;
        if (judged == AddressedSend::kAnswer) return AskNameServer(fd, messages, count, flags);
        const msghdr& first = messages[0].msg_hdr;
        if (ConnectOutbound(fd, static_cast<const sockaddr*>(first.msg_name), first.msg_namelen) != 0)
          return -1;
        // The kernel ignores the addresses of the messages that follow on a connected stream.
        const msghdr with_address = first;
        messages[0].msg_hdr = WithoutAddress(first);
        const int sent = libc::sendmmsg(fd, messages, count, flags & ~MSG_FASTOPEN);
        messages[0].msg_hdr = with_address;
        return sent;
      },
      -1);
}

// SPDX-License-Identifier: BSD-2-Clause
#include "dialer/system.h"

#include <fcntl.h>
#include <netdb.h>
#include <unistd.h>

#include "base/socket_address.h"
#include "dialer/resolve.h"

namespace socksify {
namespace {

size_t ResolveByLibc(const char* name, std::span<IpAddress> out) {
  return ResolveWith(&::getaddrinfo, &::freeaddrinfo, name, out);
}

constinit const System kLibcSystem = {
    .socket = &::socket,
    .bind = &::bind,
    .connect = &::connect,
    .send = &::send,
    .sendto = &::sendto,
    .recv = &::recv,
    .poll = &::poll,
    .getsockname = &::getsockname,
    .getpeername = &::getpeername,
    .getsockopt = &::getsockopt,
    .setsockopt = &::setsockopt,
    .fcntl = &::fcntl,
    .dup3 = &::dup3,
    .close = &::close,
    .epoll_ctl = &::epoll_ctl,
    .resolve = &ResolveByLibc,
};

}  // namespace

const System& LibcSystem() {
  return kLibcSystem;
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
//
// c-ares calls back from the middle of its work, and nothing may unwind through its frames: the callbacks
// allocate nothing and throw nothing, and a thread is cancelled in none of them. It forgets nothing either:
// without all five socket functions it would fall back on libc's, which inside the preload are the program's.
//
// Its options are all given, so that it looks for none: not in resolv.conf(5), nsswitch.conf(5), host.conf(5)
// and not in the environment.
#include "resolver/dns_channel.h"

#include <arpa/nameser.h>
#include <pthread.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/cancellation_off.h"
#include "base/monotonic_clock.h"
#include "base/socket_address.h"

namespace socksify {
namespace {

// ares_library_init(3) is not thread-safe.
constinit pthread_once_t library_once = PTHREAD_ONCE_INIT;

void InitLibrary() {
  ares_library_init(ARES_LIB_INIT_ALL);
}

// How long the first try of one server may last, if all tries are to fit into the time. By TCP c-ares does
// not repeat a question on a connection that stands; by UDP it does, and waits twice as long each time.
int TryMs(const RealLookupOptions& options, size_t servers) {
  const int rounds = options.protocol == DnsProtocol::kTcp ? 1 : (1 << options.tries) - 1;
  return std::max(1, options.timeout_ms / (static_cast<int>(servers) * rounds));
}

int ParseAnswer(int type, const unsigned char* message, int size, hostent** host) {
  switch (type) {
    case ns_t_a: return ares_parse_a_reply(message, size, host, nullptr, nullptr);
    case ns_t_aaaa: return ares_parse_aaaa_reply(message, size, host, nullptr, nullptr);
    default: return ares_parse_ptr_reply(message, size, nullptr, 0, AF_UNSPEC, host);
  }
}

}  // namespace

const ares_socket_functions DnsChannel::kSocketFunctions = {
    .asocket = &OpenSocket,
    .aclose = &CloseSocket,
    .aconnect = &ConnectSocket,
    .arecvfrom = &Receive,
    .asendv = &Send,
};

DnsChannel::DnsChannel(std::span<const Endpoint> servers, const RealLookupOptions& options,
                       const DnsTransport& transport)
    : servers_(servers),
      transport_(transport),
      try_ms_(TryMs(options, servers.size())),
      deadline_ms_(MonotonicMs() + options.timeout_ms),
      status_(MakeChannel(options)) {}

DnsChannel::~DnsChannel() {
  const CancellationOff no_cancellation;
  if (channel_ != nullptr) ares_destroy(channel_);
}

int DnsChannel::MakeChannel(const RealLookupOptions& options) {
  const CancellationOff no_cancellation;
  pthread_once(&library_once, &InitLibrary);
  ares_options wanted{};
  wanted.flags = options.protocol == DnsProtocol::kTcp ? ARES_FLAG_USEVC : 0;
  wanted.timeout = try_ms_;
  wanted.tries = options.tries;
  wanted.ndots = 1;
  char dns_only[] = "b";
  wanted.lookups = dns_only;
  wanted.sock_state_cb = &OnSocketState;
  wanted.sock_state_cb_data = this;
  // Servers, search list and sort list are given as well, as none.
  const int status = ares_init_options(&channel_, &wanted,
                                       ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
                                           ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE |
                                           ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_SORTLIST);
  if (status != ARES_SUCCESS) return status;
  ares_set_socket_functions(channel_, &kSocketFunctions, this);
  return SetServers();
}

int DnsChannel::SetServers() {
  std::array<ares_addr_port_node, kMaxNameServers> nodes{};
  for (size_t i = 0; i < servers_.size(); ++i) {
    const IpAddress& ip = servers_[i].ip();
    nodes[i].next = i + 1 < servers_.size() ? &nodes[i + 1] : nullptr;
    nodes[i].family = ip.is_v4() ? AF_INET : AF_INET6;
    std::memcpy(&nodes[i].addr, ip.bytes().data(), ip.bytes().size());
    nodes[i].udp_port = servers_[i].port();
    nodes[i].tcp_port = servers_[i].port();
  }
  return ares_set_servers_ports(channel_, nodes.data());
}

const DnsAnswer& DnsChannel::Ask(const char* name, int type) {
  const CancellationOff no_cancellation;
  DnsAnswer* answer = &answers_[answer_count_++];
  answer->type = type;
  answer->is_awaited = true;
  ares_query(channel_, name, ns_c_in, type, &OnAnswer, answer);
  return *answer;
}

void DnsChannel::Run() {
  while (HasQuestions()) {
    const long long remaining_ms = deadline_ms_ - MonotonicMs();
    if (remaining_ms <= 0) break;
    WaitAndProcess(remaining_ms);
  }
  const CancellationOff no_cancellation;
  ares_cancel(channel_);
}

bool DnsChannel::HasQuestions() const {
  return std::ranges::any_of(answers_, &DnsAnswer::is_awaited);
}

void DnsChannel::WaitAndProcess(long long remaining_ms) {
  timeval next{};
  const timeval* const due = ares_timeout(channel_, nullptr, &next);
  // Rounded up: a wait that ends too early would be repeated without a pause.
  const long long due_ms = due != nullptr ? due->tv_sec * 1000LL + due->tv_usec / 1000 + 1 : remaining_ms;

  std::array<pollfd, 2 * kMaxNameServers> polled{};
  std::array<int, 2 * kMaxNameServers> numbers{};
  nfds_t count = 0;
  for (size_t i = 0; i < sockets_.size(); ++i) {
    if (sockets_[i].fd < 0 || sockets_[i].events == 0) continue;
    polled[count] = {.fd = sockets_[i].fd, .events = sockets_[i].events, .revents = 0};
    numbers[count++] = static_cast<int>(i);
  }
  const int ready = transport_.poll(polled.data(), count, static_cast<int>(std::min(due_ms, remaining_ms)));

  const CancellationOff no_cancellation;
  for (nfds_t i = 0; ready > 0 && i < count; ++i) {
    // An error is learnt by reading. A number that has come to mean another socket meanwhile costs an EAGAIN.
    const bool can_read = (polled[i].revents & ~POLLOUT) != 0;
    const bool can_write = (polled[i].revents & POLLOUT) != 0;
    if (!can_read && !can_write) continue;
    ares_process_fd(channel_, can_read ? numbers[i] : ARES_SOCKET_BAD,
                    can_write ? numbers[i] : ARES_SOCKET_BAD);
  }
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

const Endpoint* DnsChannel::FindServer(const sockaddr* address, ares_socklen_t size) const {
  const std::optional<Endpoint> wanted = EndpointFromSockaddr(address, size);
  if (!wanted) return nullptr;
  // c-ares knows no scope.
  const auto is_wanted = [&](const Endpoint& server) {
    return server.port() == wanted->port() && std::ranges::equal(server.ip().bytes(), wanted->ip().bytes());
  };
  const auto found = std::ranges::find_if(servers_, is_wanted);
  return found != servers_.end() ? &*found : nullptr;
}

int DnsChannel::OpenSocket(int /*family*/, int type, int /*protocol*/, void* self) {
  DnsChannel* channel = static_cast<DnsChannel*>(self);
  const auto free = std::ranges::find(channel->sockets_, false, &Socket::is_used);
  if (free == channel->sockets_.end()) {
    errno = EMFILE;
    return -1;
  }
  *free = {.is_used = true, .protocol = type == SOCK_STREAM ? DnsProtocol::kTcp : DnsProtocol::kUdp};
  return static_cast<int>(free - channel->sockets_.begin());
}

int DnsChannel::ConnectSocket(int number, const sockaddr* address, ares_socklen_t size, void* self) {
  DnsChannel* channel = static_cast<DnsChannel*>(self);
  Socket* socket = &channel->sockets_[static_cast<size_t>(number)];
  socket->server = channel->FindServer(address, size);
  if (socket->server == nullptr) {
    errno = EADDRNOTAVAIL;
    return -1;
  }
  // Each question begins with the first server. What kept one from reaching it would keep the other.
  int* open_error = &channel->open_errors_[static_cast<size_t>(socket->server - channel->servers_.data())];
  const long long remaining_ms = channel->deadline_ms_ - MonotonicMs();
  if (*open_error == 0 && remaining_ms <= 0) *open_error = ETIMEDOUT;
  if (*open_error == 0) {
    const int limit_ms = static_cast<int>(std::min<long long>(channel->try_ms_, remaining_ms));
    socket->fd =
        channel->transport_.open(channel->transport_.context, socket->protocol, *socket->server, limit_ms);
    if (socket->fd >= 0) {
      channel->has_reached_a_server_ = true;
      return 0;
    }
    // c-ares takes EINPROGRESS and EAGAIN for the promise of a connection.
    *open_error = errno == EINPROGRESS || errno == EAGAIN || errno == 0 ? ETIMEDOUT : errno;
  }
  errno = *open_error;
  return -1;
}

int DnsChannel::CloseSocket(int number, void* self) {
  DnsChannel* channel = static_cast<DnsChannel*>(self);
  Socket* socket = &channel->sockets_[static_cast<size_t>(number)];
  const int fd = socket->fd;
  *socket = {};
  return fd >= 0 ? channel->transport_.close(fd) : 0;
}

ares_ssize_t DnsChannel::Receive(int number, void* data, size_t size, int /*flags*/, sockaddr* from,
                                 ares_socklen_t* from_size, void* self) {
  const DnsChannel* channel = static_cast<DnsChannel*>(self);
  const Socket& socket = channel->sockets_[static_cast<size_t>(number)];
  // Datagrams come from the server and nobody else; the transport answers for that.
  if (from != nullptr && from_size != nullptr) {
    const Endpoint& server = *socket.server;
    SocketAddress address{};
    const socklen_t address_size =
        ToSockaddr(server.ip(), server.port(), server.ip().is_v4() ? AF_INET : AF_INET6, &address);
    CopySockaddr(address, address_size, from, from_size);
  }
  return channel->transport_.recv(socket.fd, data, size, MSG_DONTWAIT);
}

ares_ssize_t DnsChannel::Send(int number, const iovec* parts, int count, void* self) {
  const DnsChannel* channel = static_cast<DnsChannel*>(self);
  const Socket& socket = channel->sockets_[static_cast<size_t>(number)];
  ares_ssize_t sent = 0;
  for (int i = 0; i < count; ++i) {
    // Without the second flag a server that hangs up would kill the program (SIGPIPE).
    const ssize_t step =
        channel->transport_.send(socket.fd, parts[i].iov_base, parts[i].iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (step < 0) return sent > 0 ? sent : step;
    sent += step;
    if (static_cast<size_t>(step) < parts[i].iov_len) break;
  }
  return sent;
}

void DnsChannel::OnSocketState(void* self, int number, int is_read, int is_written) {
  DnsChannel* channel = static_cast<DnsChannel*>(self);
  const int events = (is_read != 0 ? POLLIN : 0) | (is_written != 0 ? POLLOUT : 0);
  channel->sockets_[static_cast<size_t>(number)].events = static_cast<short>(events);
}

void DnsChannel::OnAnswer(void* answer, int status, int /*timeouts*/, unsigned char* message, int size) {
  DnsAnswer* mine = static_cast<DnsAnswer*>(answer);
  mine->is_awaited = false;
  // The end of the time, or of the channel.
  if (status == ARES_ECANCELLED || status == ARES_EDESTRUCTION) return;
  mine->status = status;
  if (status != ARES_SUCCESS) return;
  hostent* host = nullptr;
  mine->status = ParseAnswer(mine->type, message, size, &host);
  mine->host.reset(host);
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// Attempt: the outbound attempt series behind one connect(): path after path, address after address, hop
// after hop, on the application's own socket.
//
// A resumable state machine that never blocks (save for looking up a proxy's own name): Start() and Advance()
// go as far as they can and say what to wait for. The same object serves a blocking connect (see
// RunToCompletion), a non-blocking one driven from the program's waits, and the tools' probes.
//
// A path that fails for the server's sake leads to the next path; one that fails for the destination's sake
// is the answer. Between paths the socket is taken back to unconnected by connect(AF_UNSPEC), from a refused
// and from an established connection alike, which keeps its options, its bound address and its epoll
// registrations (connect(2), design of the kernel's tcp_disconnect()).
//
// A proxy that answers slowly while others are there is left for later rather than waited for, once another
// process waits for it already; see ServerHealth.
//
// No allocation and no lock, save for replacing a socket and for an HTTP proxy that ends the connection to
// ask for credentials. The rule and the system must outlive the attempt. Not thread-safe.
//
// The socket must not be connected: Linux lets the first connect(2) after a non-blocking one that has come
// about succeed once more, so that mistake cannot be told from a new connection here.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/endpoint.h"
#include "base/failure.h"
#include "base/socket_address.h"
#include "dialer/chain_choice.h"
#include "dialer/server_health.h"
#include "dialer/socket_replacement.h"
#include "dialer/system.h"
#include "protocol/handshake.h"
#include "routing/route_table.h"

namespace socksify {

class Attempt;

// A trial that has failed: one address of one path.
struct FailedTrial {
  const Target* target;
  const Server* server;  // whose failure it is; null on a direct path
  const Failure& failure;
  long long elapsed_ms;
  bool goes_on;  // another address or path is tried
};

struct AttemptOptions {
  unsigned connect_timeout_ms = 10'000;    // to reach one address of one server
  unsigned negotiate_timeout_ms = 20'000;  // for the handshake with one server
  uint64_t draw = 0;                       // see OrderTargets
  bool is_nonblocking = false;             // the socket has O_NONBLOCK when the series starts
  ServerHealth* health = nullptr;          // consulted and told, if there is one; must outlive the attempt
  bool is_bound = false;                   // the program bound it, and may have learnt the port
  // kUdpAssociate: the socket is the caller's own, and the last proxy of a path is asked for a UDP relay
  // (udp_association.h). kBind: likewise, and it is asked to listen (inbound.h); the destination of the
  // attempt is that of the request, and a proxy that refuses leads to the next path. A direct path then
  // touches no socket.
  Socks5Command command = Socks5Command::kConnect;
  // The caller may show the program a connection as soon as may_send_early() says so.
  bool allows_early_data = false;
  // Told of each failed trial, in the middle of Start() or Advance(), if there is one.
  void (*on_failed_trial)(const Attempt& attempt, const FailedTrial& trial) = nullptr;
};

class Attempt {
 public:
  enum class State : uint8_t { kWaitReadable, kWaitWritable, kConnected, kFailed };

  // `fd` is an unconnected stream socket and `family` that of the address which the program gave (AF_INET or
  // AF_INET6). `destination` holds the name where one is known, and no v4-mapped address.
  Attempt(const System& system, int fd, int family, const Rule& rule, const Endpoint& destination,
          const AttemptOptions& options);

  // An attempt that is given up in the middle takes the socket back to unconnected, so that no byte of the
  // program can reach a proxy that expects a handshake.
  ~Attempt();
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  // Another descriptor of the same socket, for when the program closes the first one.
  void set_fd(int fd) { fd_ = fd; }
  // Lets go of the socket as it is: from now on it is somebody else's business.
  void Release();

  // `now_ms` is MonotonicMs(). Start is called once, Advance after readiness or when the deadline has passed;
  // calling it early is harmless.
  State Start(long long now_ms);
  State Advance(long long now_ms);

  State state() const { return state_; }
  long long deadline_ms() const { return wake_ms_; }  // only while waiting
  // Whether the last proxy has the whole request, and takes the program's bytes behind it before it has
  // replied (Server::takes_early_data). From then on the series is bound to this one: whatever goes wrong is
  // final.
  bool may_send_early() const { return may_send_early_; }

  const Endpoint& destination() const { return destination_; }
  const Rule& rule() const { return *rule_; }
  Socks5Command command() const { return options_.command; }
  // The path in use or last tried; null when none was.
  const Target* target() const { return next_target_ > 0 ? targets_[next_target_ - 1] : nullptr; }
  // The proxies of that path which this connection passes, in their order; empty on a direct path.
  std::span<const Server* const> hops() const { return choice_.hops(); }
  // The proxy being spoken to or last tried; null on a direct path.
  const Server* hop() const;
  const Failure& failure() const { return failure_; }  // only in kFailed
  // The address and port that the last proxy gave as its own; 0.0.0.0:0 on a direct path. Only in kConnected.
  const Endpoint& bound() const { return bound_; }
  // The negotiation with the last proxy, which a BIND takes further. Only in kConnected on a path of proxies.
  const Handshake& handshake() const { return handshake_; }
  // The address of the socket's peer, as getpeername(2) has it. Only in kConnected.
  socklen_t PeerAddress(SocketAddress* out) const;
  // What the handshakes of the present path have sent and received on this connection, in bytes.
  uint64_t bytes_sent() const { return bytes_sent_; }
  uint64_t bytes_received() const { return bytes_received_; }
  // Whether an earlier address or path was given up: the socket was taken back at least once.
  bool has_failed_over() const { return has_gone_back_; }
  // Counts whatever has happened: something sent or received, a trial given up.
  unsigned activity() const { return activity_; }
  // The socket behind the descriptor was replaced by an AF_INET6 one (see socket_replacement.h).
  bool is_replaced() const { return is_replaced_; }

 private:
  enum class Phase : uint8_t { kPicking, kConnecting, kNegotiating, kOver };
  enum class Step : uint8_t { kAgain, kWait };
  // Whose time an answer takes.
  enum class Duty : uint8_t { kServers, kDestinations };
  static constexpr size_t kMaxAddresses = 8;
  // How long a proxy may be silent before the others are told that somebody waits for it.
  static constexpr long long kPatienceMs = 1000;

  // attempt.cc: paths and addresses.
  Step Pick(long long now_ms);
  bool PrepareNextTarget(long long now_ms);
  bool PrepareAddresses();
  bool MayUseHops();
  // Records why the present address or hop failed and goes on to the next one, or ends the series.
  Step Fail(const Failure& failure, long long now_ms);
  Step GiveUpPath(const Failure& failure, size_t blamed_hop);
  bool TryOtherHops(size_t blamed_hop);
  bool HasMore() const;
  void NoteAlive(size_t hops, long long now_ms);
  void EndHealth();
  Step Finish(State state);

  // attempt_handshake.cc
  Step StepConnecting(long long now_ms);
  Step StepDirect(long long now_ms);
  Step StepNegotiating(long long now_ms);
  Step SendOutput(long long now_ms);
  Step NoteSent(size_t size, long long now_ms);
  Step WaitForReply(long long now_ms);
  bool TakesEarlyData() const;
  Step WaitEarly(long long now_ms);
  Step ReceiveInput(long long now_ms);
  ssize_t Receive();
  ssize_t ReceivePeeked();
  ssize_t Take(std::span<const uint8_t> buffer, ssize_t received);
  Step Dropped(int error, long long now_ms);
  Step EndOfHop(long long now_ms);
  Step Reconnect();
  Step Wait(State state);
  // Waits for a sign of life of the first proxy, or for what the destination may be slow with.
  Step WaitForAnswer(State state, const Failure& timeout, Duty duty, long long now_ms);
  bool IsSendingAgain();
  size_t ProxiesEnd() const;
  Step Defer();
  Step FailHandshake(long long now_ms);
  void StartHandshake(long long now_ms);
  size_t BlamedHop(const Failure& failure) const;
  bool MayPipeline(const Server& server, long long now_ms) const;
  bool HasLostFlight(const Failure& failure) const;
  bool ExpectsUsualReply(const Server& server, Socks5Command command, long long now_ms) const;
  void NoteReply(long long now_ms);
  Step ReadCarefully(long long now_ms);

  // attempt_socket.cc
  bool UseFamilyOf(const IpAddress& address);
  int Connect(const SocketAddress& address, socklen_t size);
  std::optional<int> FastOpen(const SocketAddress& address, socklen_t size);
  void Disconnect();
  Binding OwnerOfPort() const { return options_.is_bound ? Binding::kProgram : Binding::kKernel; }
  bool is_direct() const { return target()->kind == Target::Kind::kDirect; }

  const System* system_;
  const Rule* rule_;
  int fd_;
  int family_;
  Endpoint destination_;
  AttemptOptions options_;

  size_t target_count_ = 0;
  size_t next_target_ = 0;
  std::array<IpAddress, kMaxAddresses> addresses_{};
  size_t address_count_ = 0;
  size_t address_index_ = 0;
  uint16_t address_port_ = 0;
  Probes probes_;
  ChainChoice choice_;
  size_t hop_index_ = 0;
  size_t deferrals_ = 0;  // paths that were left for later
  // The answer to the credentials that a hop asked for with its last words.
  std::unique_ptr<Handshake> answer_;
  size_t answer_hop_ = 0;

  State state_ = State::kFailed;
  Phase phase_ = Phase::kPicking;
  bool has_touched_socket_ = false;
  bool has_gone_back_ = false;
  bool has_heard_ = false;              // the first proxy of the path has said something
  const Server* waited_for_ = nullptr;  // others know that this attempt waits for it
  long long waiting_since_ms_ = 0;
  bool is_first_to_wait_ = false;  // nobody else was known to wait for it
  size_t sent_early_ = 0;          // with the connection request
  bool is_pipelined_ = false;      // the present hop is asked in one flight
  bool has_lost_flight_ = false;   // one was lost: none is sent any more
  bool reads_carefully_ = false;   // a reply was shorter than expected: nothing is expected any more
  bool may_send_early_ = false;
  bool is_replaced_ = false;
  long long started_ms_ = 0;     // the present trial
  long long connecting_us_ = 0;  // likewise, of connect(2); for the servers' latency
  uint32_t latency_us_ = 0;
  uint64_t bytes_sent_ = 0;
  uint64_t bytes_received_ = 0;
  uint64_t hop_bytes_received_ = 0;  // from the present hop
  bool is_stream_over_ = false;      // the proxy has ended the connection
  long long deadline_ms_ = 0;
  long long look_ms_ = 0;  // when to ask what others know of a proxy that does not answer
  long long wake_ms_ = 0;
  unsigned activity_ = 0;
  Handshake handshake_;
  bool has_asked_ = false;  // something of the handshake was sent
  SocketAddress local_{};   // with is_bound: what the socket was bound to at the start
  socklen_t local_size_ = 0;
  Failure failure_;
  Endpoint bound_;
  std::array<const Target*, RouteTable::kMaxTargets> targets_;
};

// Drives a started attempt until it is over, waiting by system.poll. For blocking connects and for the tools.
Attempt::State RunToCompletion(const System& system, int fd, Attempt* attempt);

}  // namespace socksify

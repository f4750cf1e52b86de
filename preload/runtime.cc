// SPDX-License-Identifier: BSD-2-Clause
// Set-up is guarded by hand: std::call_once and function-local statics wait for ever in a child that was
// forked while another thread was in the middle, and the thread that sets up calls code (NSS, getaddrinfo)
// that may come back into the hooks.

#include "preload/runtime.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstddef>
#include <exception>
#include <new>

#include "base/cancellation_off.h"
#include "base/errno_keeper.h"
#include "base/order.h"
#include "dialer/resolve.h"
#include "preload/connections.h"
#include "preload/originals.h"
#include "preload/set_up_code.h"
#include "preload/set_up_stack.h"
#include "resolver/handed_passwords.h"
#include "resolver/state_directory.h"
#include "routing/config_host.h"
#include "routing/config_linker.h"
#include "routing/udp_paths.h"

namespace socksify {

namespace {

// Whether this is set up: kReady, the id of the process in which a thread is about it, or kNotBegun.
constexpr pid_t kNotBegun = 0;
constexpr pid_t kReady = -1;
constinit std::atomic<pid_t> g_state = kNotBegun;
constinit std::atomic<Runtime*> g_runtime = nullptr;
// Where it is, beside all else that a connection changes.
alignas(Runtime) constinit std::array<std::byte, sizeof(Runtime)> g_runtime_place{};
constinit std::atomic<bool> g_has_fork_handler = false;
constinit thread_local int t_passing_through = 0;

const char* SecureEnvironment(const char* name) {
  return secure_getenv(name);
}

// Found once, with calls that make it and look at it; never destroyed.
constinit std::atomic<const std::expected<std::string, int>*> g_state_directory = nullptr;

const std::expected<std::string, int>& OwnStateDirectory() {
  const auto* known = g_state_directory.load(std::memory_order_acquire);
  if (known != nullptr) return *known;
  auto found = std::make_unique<const std::expected<std::string, int>>(StateDirectory(&SecureEnvironment));
  // Two threads may both find it: the second one's goes away again.
  if (!g_state_directory.compare_exchange_strong(known, found.get())) return *known;
  return *found.release();
}

std::optional<std::string> ReadHandedPassword(const std::string& key) {
  const auto& directory = OwnStateDirectory();
  return directory ? FindHandedPassword(*directory, key) : std::nullopt;
}

size_t ResolveProxyName(const char* name, std::span<IpAddress> out) {
  const PassThroughScope scope;
  // Its address would have to be looked up at every start, a call only when it is made.
  return ResolveWith(libc::getaddrinfo.get(), [](addrinfo* list) noexcept { freeaddrinfo(list); }, name, out);
}

int FcntlByOriginal(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  return libc::fcntl(fd, command, argument);
}

// What the preload does not replace is called by its name.
constinit const System kOriginalSystem = {
    .socket = [](int domain, int type, int protocol) { return libc::socket(domain, type, protocol); },
    .bind = [](int fd, const sockaddr* address, socklen_t size) { return libc::bind(fd, address, size); },
    .connect = [](int fd, const sockaddr* address,
                  socklen_t size) { return libc::connect(fd, address, size); },
    .send = [](int fd, const void* data, size_t size,
               int flags) { return libc::sendto(fd, data, size, flags, nullptr, 0U); },
    .sendto =
        [](int fd, const void* data, size_t size, int flags, const sockaddr* address,
           socklen_t address_size) { return libc::sendto(fd, data, size, flags, address, address_size); },
    .recv = [](int fd, void* data, size_t size, int flags) { return libc::recv(fd, data, size, flags); },
    .poll = [](pollfd* fds, nfds_t count, int timeout_ms) { return libc::poll(fds, count, timeout_ms); },
    .getsockname = [](int fd, sockaddr* address,
                      socklen_t* size) { return libc::getsockname(fd, address, size); },
    .getpeername = [](int fd, sockaddr* address,
                      socklen_t* size) { return libc::getpeername(fd, address, size); },
    .getsockopt = [](int fd, int level, int name, void* value,
                     socklen_t* size) { return libc::getsockopt(fd, level, name, value, size); },
    .setsockopt = [](int fd, int level, int name, const void* value,
                     socklen_t size) { return libc::setsockopt(fd, level, name, value, size); },
    .fcntl = &FcntlByOriginal,
    .dup3 = [](int from, int to, int flags) { return libc::dup3(from, to, flags); },
    .close = [](int fd) { return libc::close(fd); },
    .epoll_ctl = [](int epoll_fd, int operation, int fd,
                    epoll_event* event) { return libc::epoll_ctl(epoll_fd, operation, fd, event); },
    .resolve = &ResolveProxyName,
};

void ReportTrial(const Attempt& attempt, const FailedTrial& trial) {
  const Runtime* const runtime = g_runtime.load(std::memory_order_acquire);
  if (runtime != nullptr) runtime->reporter().Trial(attempt, trial);
}

void AfterForkInChild() {
  // The thread that was setting up, if any, is not in this process.
  if (t_passing_through == 0 && g_state.load() != kReady) g_state.store(kNotBegun);
}

void Pause() {
  const timespec pause = {.tv_sec = 0, .tv_nsec = 200'000};
  nanosleep(&pause, nullptr);
}

}  // namespace

PassThroughScope::PassThroughScope() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous_mask_);
  ++t_passing_through;
}

PassThroughScope::~PassThroughScope() {
  --t_passing_through;
  pthread_sigmask(SIG_SETMASK, &previous_mask_, nullptr);
}

Runtime* Runtime::Get() {
  if (t_passing_through != 0) [[unlikely]]
    return nullptr;
  Runtime* const runtime = g_runtime.load(std::memory_order_acquire);
  return runtime != nullptr ? runtime : SetUp();
}

Runtime* Runtime::SetUp() {
  const ErrnoKeeper keeper;
  for (;;) {
    const PassThroughScope scope;
    pid_t state = kNotBegun;
    const pid_t process = getpid();
    if (g_state.compare_exchange_strong(state, process)) {
      const CancellationOff cancellation_off;
      ClaimProcess();
      if (!g_has_fork_handler.exchange(true)) pthread_atfork(nullptr, nullptr, &AfterForkInChild);
      try {
        CallOnOwnStack(
            [] { g_runtime.store(new (g_runtime_place.data()) Runtime, std::memory_order_release); });
      } catch (...) {
        g_state.store(kNotBegun);
        throw;
      }
      g_state.store(kReady);
      GiveBackSetUpCode();
    } else if (state == process || (state != kReady && IsBorrowedMemory())) {
      Pause();
      continue;
    } else if (state != kReady) {
      // That thread is not in this process: it was forked before the handler was known, or by a call that
      // runs none, such as _Fork(3).
      g_state.compare_exchange_strong(state, kNotBegun);
      continue;
    }
    return g_runtime.load(std::memory_order_acquire);
  }
}

Runtime::Runtime() {
  LoadConfiguration();
  if (!config_) loopback_rule_ = std::make_unique<const Rule>(MakeCatchAllRule("loopback", {}));
}

void Runtime::LoadConfiguration() {
  ConfigSources sources;
  const char* const proxies = secure_getenv("SOCKSIFY_PROXY");
  for (std::string_view rest = proxies != nullptr ? proxies : ""; !rest.empty();) {
    const size_t end = std::min(rest.find(' '), rest.size());
    if (end != 0) sources.proxies.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  ConfigHost host = LocalConfigHost();
  host.handed_password = &ReadHandedPassword;
  auto loaded = LoadConfig(sources, host);
  if (loaded) {
    config_.emplace(std::move(*loaded));
    relays_datagrams_ = HasUdpRelays(config_->routes);
    reporter_.Configure(config_->settings, &SecureEnvironment);
    return;
  }
  reporter_.Configure(Settings(), &SecureEnvironment);
  reporter_.ConfigurationError(loaded.error());
}

std::string_view Runtime::process() const {
  return program_invocation_short_name != nullptr ? program_invocation_short_name : "";
}

uint32_t Runtime::user() const {
  return config_ && config_->routes.names_users() ? getuid() : kNobody;
}

bool Runtime::IsFake(const IpAddress& address) const {
  if (!config_) return false;
  const Settings& settings = config_->settings;
  return address.IsInPrefix(settings.fake_v4, settings.fake_v4_bits) ||
         address.IsInPrefix(settings.fake_v6, settings.fake_v6_bits);
}

FakeTable* Runtime::fake_table() {
  FakeTable* const table = fake_table_.load(std::memory_order_acquire);
  return table != nullptr ? table : OpenFakeTable();
}

FakeTable* Runtime::OpenedFakeTable() {
  const Runtime* const runtime = g_runtime.load(std::memory_order_acquire);
  return runtime != nullptr ? runtime->fake_table_.load(std::memory_order_acquire) : nullptr;
}

// Two threads may both open it: the second one's goes away again.
FakeTable* Runtime::OpenFakeTable() {
  if (!config_) return nullptr;
  const ErrnoKeeper keeper;
  const Settings& settings = config_->settings;
  const FakeRange range = {.v4 = settings.fake_v4,
                           .v4_bits = settings.fake_v4_bits,
                           .v6 = settings.fake_v6,
                           .v6_bits = settings.fake_v6_bits};
  std::expected<std::unique_ptr<FakeTable>, int> opened = std::unexpected(ENOENT);
  const auto& directory = OwnStateDirectory();
  if (directory) opened = FakeTable::Open(*directory, range);
  if (!opened) opened = FakeTable::MakePrivate(range);
  if (!opened) return nullptr;
  FakeTable* expected = nullptr;
  if (!fake_table_.compare_exchange_strong(expected, opened->get())) return expected;
  return opened->release();
}

PeerTable* Runtime::peer_table() {
  PeerTable* const table = peer_table_.load(std::memory_order_acquire);
  return table != nullptr ? table : OpenPeerTable();
}

PeerTable* Runtime::OpenPeerTable() {
  const ErrnoKeeper keeper;
  std::expected<std::unique_ptr<PeerTable>, int> opened = std::unexpected(ENOENT);
  const auto& directory = OwnStateDirectory();
  if (directory) opened = PeerTable::Open(*directory);
  if (!opened) opened = PeerTable::MakePrivate();
  if (!opened) return nullptr;
  PeerTable* expected = nullptr;
  if (!peer_table_.compare_exchange_strong(expected, opened->get())) return expected;
  return opened->release();
}

ServerHealth* Runtime::health() {
  ServerHealth* const health = health_.load(std::memory_order_acquire);
  return health != nullptr ? health : OpenHealth();
}

ServerHealth* Runtime::OpenHealth() {
  if (!config_) return nullptr;
  const ErrnoKeeper keeper;
  std::expected<std::unique_ptr<HealthTable>, int> opened = std::unexpected(ENOENT);
  const auto& directory = OwnStateDirectory();
  if (directory) opened = HealthTable::Open(*directory);
  if (!opened) opened = HealthTable::MakePrivate();
  if (!opened) return nullptr;
  const Settings& settings = config_->settings;
  auto health = std::make_unique<ServerHealth>(opened->get(), settings.max_fail, settings.bad_expire_s,
                                               settings.connect_timeout_ms + settings.negotiate_timeout_ms);
  ServerHealth* expected = nullptr;
  if (!health_.compare_exchange_strong(expected, health.get())) return expected;
  opened->release();  // NOLINT(bugprone-unused-return-value): for as long as the process lives.
  return health.release();
}

uint64_t Runtime::Draw(const Rule& rule) {
  const auto draws = [](const Target& target) {
    return target.chain == Chain::kRandom || target.chain == Chain::kRoundRobin;
  };
  const auto takes_turns = [](const Target& target) { return target.chain == Chain::kRoundRobin; };
  if (rule.balance == Balance::kRoundRobin || std::ranges::any_of(rule.group, takes_turns)) {
    ServerHealth* const health = this->health();
    if (health != nullptr) return health->NextTurn(rule);
  }
  if (rule.balance != Balance::kRandom && rule.balance != Balance::kRoundRobin &&
      std::ranges::none_of(rule.group, draws)) {
    return 0;
  }
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  // Nothing here needs to be unpredictable.
  auto seed = static_cast<uint64_t>(now.tv_nsec) ^ static_cast<uint64_t>(now.tv_sec) << 30 ^
              static_cast<uint64_t>(getpid()) << 48 ^ reinterpret_cast<uintptr_t>(&now);
  return NextNumber(&seed);
}

AttemptOptions Runtime::OptionsFor(const Rule& rule) {
  AttemptOptions options;
  options.connect_timeout_ms = config()->settings.connect_timeout_ms;
  options.negotiate_timeout_ms = config()->settings.negotiate_timeout_ms;
  options.draw = Draw(rule);
  options.health = health();
  if (reporter_.wants_connections()) options.on_failed_trial = &ReportTrial;
  return options;
}

void ReadyUnwinder() {
  const ErrnoKeeper keeper;
  const SignalsBlocked blocked;
  const auto unwind = [](void*) {
    const auto stop_at_once = [](_Unwind_Context*, void*) { return _URC_END_OF_STACK; };
    _Unwind_Backtrace(stop_at_once, nullptr);
  };
  RunOnOwnStack(unwind, nullptr);
  g_is_unwinder_ready.store(true, std::memory_order_relaxed);
}

const System& OriginalSystem() {
  return kOriginalSystem;
}

}  // namespace socksify

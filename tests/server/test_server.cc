// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/test_server.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/socket_address.h"
#include "base/unique_fd.h"
#include "tests/server/connection.h"
#include "tests/server/poller.h"

namespace socksify::testserver {
namespace {

// Tokens of the poller: listeners count up from here, connections from 0 in steps of kTokens.
constexpr uint64_t kFirstListenerToken = uint64_t{1} << 62;
// How long accepting pauses when there are no descriptors left.
constexpr std::chrono::milliseconds kAcceptPause{20};

[[noreturn]] void Fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::generic_category().message(errno));
}

UniqueFd Listen(const std::string& text, Endpoint* endpoint) {
  const std::optional<BoundAddress> wanted = ParseHostPort(text);
  const std::optional<IpAddress> ip = wanted ? IpAddress::Parse(wanted->host) : std::nullopt;
  if (!ip) throw std::runtime_error("listen: " + text + ": expected ADDRESS:PORT or [ADDRESS]:PORT");
  SocketAddress address{};
  const int family = ip->is_v4() ? AF_INET : AF_INET6;
  socklen_t size = ToSockaddr(*ip, wanted->port, family, &address);
  UniqueFd fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!fd.valid()) Fail("socket");
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd.get(), &address.generic, size) < 0) Fail("bind " + text);
  if (listen(fd.get(), SOMAXCONN) < 0) Fail("listen " + text);
  size = sizeof address;
  if (getsockname(fd.get(), &address.generic, &size) < 0) Fail("getsockname");
  *endpoint = EndpointFromSockaddr(&address.generic, size).value_or(Endpoint());
  return fd;
}

Script ParseOrThrow(std::string_view text) {
  std::expected<Script, std::string> script = ParseScript(text);
  if (!script) throw std::invalid_argument(script.error());
  return *std::move(script);
}

}  // namespace

class TestServer::Engine {
 public:
  explicit Engine(ServerOptions options) : book_(std::move(options.on_finished)) {
    if (options.listen.empty()) throw std::runtime_error("listen: no address given");
    for (const std::string& text : options.listen) {
      listeners_.push_back(Listen(text, &endpoints_.emplace_back()));
      poller_.Add(listeners_.back().get(), EPOLLIN, kFirstListenerToken + listeners_.size() - 1);
    }
    thread_ = std::thread([this] { Run(); });
  }

  ~Engine() { Stop(); }

  void Stop() {
    if (!thread_.joinable()) return;
    poller_.Wake();
    thread_.join();
    connections_.clear();
    listeners_.clear();
  }

  Settings& settings() { return settings_; }
  const RecordBook& book() const { return book_; }
  const std::vector<Endpoint>& endpoints() const { return endpoints_; }

 private:
  void Run() {
    while (poller_.RunOnce([this](uint64_t token, uint32_t events) { OnReady(token, events); })) {
    }
  }

  void OnReady(uint64_t token, uint32_t events) {
    if (token >= kFirstListenerToken) return Accept(token);
    const auto found = connections_.find(token - token % Connection::kTokens);
    if (found == connections_.end()) return;  // ended by an earlier event of the same batch
    found->second->OnReady(static_cast<Connection::Side>(token % Connection::kTokens), events);
    if (found->second->finished()) connections_.erase(found);
  }

  void Accept(uint64_t token) {
    const int listener = listeners_[token - kFirstListenerToken].get();
    poller_.Modify(listener, EPOLLIN, token);
    while (true) {
      UniqueFd client(accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!client.valid()) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
          poller_.Modify(listener, 0, token);
          poller_.CallAt(Clock::now() + kAcceptPause, token);
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        return;
      }
      const ConnectionContext context{
          .settings = &settings_, .book = &book_, .poller = &poller_, .binds = &binds_, .nonces = &nonces_};
      connections_.emplace(next_token_,
                           std::make_unique<Connection>(context, next_token_, std::move(client)));
      next_token_ += Connection::kTokens;
    }
  }

  Settings settings_;
  RecordBook book_;
  BindHistory binds_;
  HttpNonces nonces_;
  Poller poller_;
  std::vector<UniqueFd> listeners_;
  std::vector<Endpoint> endpoints_;
  std::unordered_map<uint64_t, std::unique_ptr<Connection>> connections_;
  uint64_t next_token_ = 0;
  std::thread thread_;
};

TestServer::TestServer(ServerOptions options) : engine_(std::make_unique<Engine>(std::move(options))) {}
TestServer::~TestServer() = default;

const std::vector<Endpoint>& TestServer::endpoints() const {
  return engine_->endpoints();
}

void TestServer::AddName(std::string_view pattern, std::string_view address) {
  Origin origin{.kind = OriginKind::kAddress, .text = std::string(address)};
  if (const std::optional<BoundAddress> with_port = ParseHostPort(address)) {
    origin.text = with_port->host;
    origin.port = with_port->port;
  }
  if (!IpAddress::Parse(origin.text)) {
    throw std::invalid_argument("name " + std::string(pattern) + ": " + std::string(address) +
                                ": expected an IP address, or one with a port");
  }
  engine_->settings().AddOrigin(pattern, std::move(origin));
}

void TestServer::AddPage(std::string_view pattern, std::string_view body) {
  engine_->settings().AddOrigin(pattern, {.kind = OriginKind::kPage, .text = std::string(body)});
}

void TestServer::AddEcho(std::string_view pattern) {
  engine_->settings().AddOrigin(pattern, {.kind = OriginKind::kEcho});
}

void TestServer::AddDiscard(std::string_view pattern) {
  engine_->settings().AddOrigin(pattern, {.kind = OriginKind::kDiscard});
}

void TestServer::AddRefused(std::string_view pattern, uint8_t reply_code) {
  engine_->settings().AddOrigin(pattern, {.kind = OriginKind::kRefuse, .code = reply_code});
}

void TestServer::AddScript(std::string_view pattern, std::string_view script) {
  engine_->settings().AddScript(pattern, ParseOrThrow(script));
}

void TestServer::SetScript(std::string_view script) {
  engine_->settings().SetScript(ParseOrThrow(script));
}

void TestServer::SetCredentials(std::string_view user, std::string_view password) {
  engine_->settings().SetCredentials(Credentials{std::string(user), std::string(password)});
}

void TestServer::SetUdp(bool offered) {
  engine_->settings().SetUdp(offered);
}

void TestServer::SetBind(bool offered) {
  engine_->settings().SetBind(offered);
}

void TestServer::SetHttp(bool offered) {
  engine_->settings().SetHttp(offered);
}

std::vector<RequestRecord> TestServer::requests() const {
  return engine_->book().records();
}
size_t TestServer::peak_connections() const {
  return engine_->book().peak_connections();
}

bool TestServer::WaitForFinished(size_t count, std::chrono::milliseconds timeout) const {
  return engine_->book().WaitForFinished(count, timeout);
}

void TestServer::Stop() {
  engine_->Stop();
}

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace socksify::testserver

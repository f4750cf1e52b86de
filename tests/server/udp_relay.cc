// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/udp_relay.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <utility>

#include "tests/server/wire.h"

namespace socksify::testserver {
namespace {

constexpr size_t kMaxRecorded = 1000;
constexpr size_t kMaxPeers = 1024;
constexpr char kJunk = '\xa5';

}  // namespace

UdpRelay::UdpRelay(const ConnectionContext& context, uint64_t token, RequestRecord* record)
    : context_(context), token_(token), record_(record) {}

int UdpRelay::Open(const IpAddress& local, const IpAddress& client_ip) {
  local_ = local;
  client_ip_ = client_ip;
  relay_ = OpenUdpSocket(Endpoint::FromIp(local, 0));
  const std::optional<Endpoint> bound = relay_.valid() ? LocalEndpoint(relay_.get()) : std::nullopt;
  if (!bound) return errno;
  port_ = bound->port();
  context_.poller->Add(relay_.get(), EPOLLIN, token_);
  return 0;
}

void UdpRelay::OnReady(Socket which, uint32_t events) {
  if (events == 0) {
    SendDue();
  } else if (which == Socket::kClient) {
    ReceivePackets(relay_.get(),
                   [this](const Endpoint& from, std::string_view bytes) { ReceiveFromClient(from, bytes); });
  } else {
    ReceivePackets((which == Socket::kV6 ? v6_ : v4_).get(),
                   [this](const Endpoint& from, std::string_view bytes) { ReceiveFromAddress(from, bytes); });
  }
  Flush();
}

void UdpRelay::ReceiveFromClient(const Endpoint& from, std::string_view bytes) {
  if (!client_ && from.ip() == client_ip_) client_ = from;
  DatagramRecord asked;
  const Parsed header = client_ == from ? ParseUdpHeader(bytes, &asked) : Parsed{};
  if (header.size == 0 || header.error != nullptr) {
    ++record_->ignored_datagrams;
    return;
  }
  const std::string_view payload = bytes.substr(header.size);
  asked.size = payload.size();
  asked.head = payload.substr(0, kDatagramHeadSize);
  if (record_->datagrams_from_client++ < kMaxRecorded) new_records_.push_back(asked);
  record_->bytes_from_client += payload.size();

  const UdpScript script = context_.settings->FindScript(asked.host, asked.port).udp;
  if (record_->datagrams_from_client <= script.drop) return;
  const Origin origin = context_.settings->FindOrigin(asked.host, asked.port);
  const bool is_name = asked.address_type == AddressType::kName;
  const BoundAddress source{is_name ? kMadeUpAddress : asked.host, asked.port};
  switch (origin.kind) {
    case OriginKind::kEcho: return AnswerTo(asked, source, payload, script);
    case OriginKind::kPage: return AnswerTo(asked, source, origin.text, script);
    case OriginKind::kAddress: {
      const std::optional<IpAddress> ip = IpAddress::Parse(origin.text);
      const uint16_t port = origin.port != 0 ? origin.port : asked.port;
      if (ip) SendTo(Endpoint::FromIp(*ip, port), asked, payload);
      return;
    }
    case OriginKind::kUnknown:
    case OriginKind::kDiscard:
    case OriginKind::kRefuse: return;
  }
}

void UdpRelay::ReceiveFromAddress(const Endpoint& from, std::string_view bytes) {
  const BoundAddress source{from.HostToString(), from.port()};
  DatagramRecord asked;
  asked.host = source.host;
  asked.port = source.port;
  if (const auto peer = peers_.find(from.ToString()); peer != peers_.end()) asked = peer->second;
  AnswerTo(asked, source, bytes, context_.settings->FindScript(asked.host, asked.port).udp);
}

void UdpRelay::AnswerTo(const DatagramRecord& asked, BoundAddress source, std::string_view payload,
                        const UdpScript& script) {
  if (script.source) source = *script.source;
  if (script.source_is_name) source = {asked.host, asked.port};
  const std::string header = MakeUdpHeader(script.fragment.value_or(0), script.address_type, source);
  Answer answer;
  answer.bytes = header + std::string(payload);
  if (script.truncate && *script.truncate < answer.bytes.size()) answer.bytes.resize(*script.truncate);
  if (script.junk) answer.junk = std::string(*script.junk, kJunk);
  if (script.foreign) answer.foreign = header + "foreign";
  answer.payload_size = payload.size();
  answer.restart = script.restart;
  if (script.delay_ms == 0) return Queue(std::move(answer));
  const Clock::time_point due = Clock::now() + std::chrono::milliseconds(script.delay_ms);
  waiting_.emplace(due, std::move(answer));
  context_.poller->CallAt(due, token_);
}

void UdpRelay::SendDue() {
  while (!waiting_.empty() && waiting_.begin()->first <= Clock::now()) {
    Queue(std::move(waiting_.extract(waiting_.begin()).mapped()));
  }
}

void UdpRelay::Queue(Answer answer) {
  if (ended_ || !client_) return;
  if (answer.foreign) foreign_to_client_.push_back({*client_, *std::move(answer.foreign)});
  if (answer.junk) to_client_.push_back({*client_, *std::move(answer.junk)});
  to_client_.push_back({*client_, std::move(answer.bytes)});
  ++record_->datagrams_to_client;
  record_->bytes_to_client += answer.payload_size;
  ended_ = answer.restart && record_->datagrams_to_client >= *answer.restart;
}

void UdpRelay::SendTo(const Endpoint& to, const DatagramRecord& asked, std::string_view payload) {
  const bool is_v6 = to.ip().is_v6();
  UniqueFd& socket = is_v6 ? v6_ : v4_;
  if (!socket.valid()) {
    constexpr std::array<uint8_t, 16> kAnyV6{};
    socket = OpenUdpSocket(Endpoint::FromIp(is_v6 ? IpAddress::V6(kAnyV6) : IpAddress(), 0));
    if (!socket.valid()) return;
    context_.poller->Add(socket.get(), EPOLLIN, token_ + (is_v6 ? 2 : 1));
  }
  if (peers_.size() >= kMaxPeers) peers_.clear();
  peers_.insert_or_assign(to.ToString(), asked);
  (is_v6 ? to_v6_ : to_v4_).push_back({to, std::string(payload)});
}

void UdpRelay::Flush() {
  // What a client is answered must be on record by then.
  context_.book->StoreDatagrams(*record_, std::exchange(new_records_, {}));
  if (!foreign_to_client_.empty() && !foreign_.valid()) foreign_ = OpenUdpSocket(Endpoint::FromIp(local_, 0));
  const auto send = [](const UniqueFd& socket, std::vector<UdpPacket>* packets) {
    if (socket.valid()) SendPackets(socket.get(), *packets);
    packets->clear();
  };
  send(foreign_, &foreign_to_client_);
  send(relay_, &to_client_);
  send(v4_, &to_v4_);
  send(v6_, &to_v6_);
}

}  // namespace socksify::testserver

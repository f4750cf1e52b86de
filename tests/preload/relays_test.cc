// SPDX-License-Identifier: BSD-2-Clause
#include "preload/relays.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "preload/connections.h"
#include "preload/hidden_descriptors.h"

namespace socksify {
namespace {

constexpr size_t kMost = RelayedSocket::kMaxRelays;

IpAddress V6(const char* text) {
  return *IpAddress::Parse(text);
}

sockaddr_in6 AddressOf(const IpAddress& ip, uint16_t port, int family, socklen_t* size) {
  SocketAddress address{};
  *size = ToSockaddr(ip, port, family, &address);
  return address.v6;
}

SocketAddress Source(const IpAddress& ip, uint16_t port, int family) {
  SocketAddress address{};
  ToSockaddr(ip, port, family, &address);
  return address;
}

// A relay without a connection, told by its number.
RelayData Numbered(const RelayKey& key, uint32_t number, int family = AF_INET) {
  RelayData data;
  data.key = key;
  data.control_cookie = number;
  data.address = AddressOf(IpAddress::V4(0x0a000000 + number), static_cast<uint16_t>(number), family,
                           &data.address_size);
  return data;
}

// The table has no end: it is one of a process.
class RelaysTest : public testing::Test {
 protected:
  RelaysTest() : rules_(kMost + 8) {}
  ~RelaysTest() override {
    for (const UniqueFd& fd : fds_) {
      relays_.Forget(fd.get());
      g_descriptors.ClearFlags(fd.get(), ~0U);
    }
  }

  int Open(int family = AF_INET) { return Keep(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)); }
  int Keep(int fd) {
    fds_.emplace_back(fd);
    g_descriptors.ClearFlags(fd, ~0U);
    return fd;
  }
  // As close(2) does.
  void Close(int fd) {
    relays_.Forget(fd);
    g_descriptors.ClearFlags(fd, ~0U);
  }

  RelayKey KeyOf(size_t rule) const { return {.rule = &rules_[rule]}; }
  // With a connection of its own, which the table is to close.
  RelayData WithControl(const RelayKey& key) const {
    RelayData data = Numbered(key, 1);
    data.control_fd = Hide(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    data.control_cookie = SocketCookie(data.control_fd);
    return data;
  }
  static bool IsOpen(const RelayData& data) { return SocketCookie(data.control_fd) == data.control_cookie; }

  std::vector<Rule> rules_;
  std::vector<UniqueFd> fds_;
  const std::unique_ptr<Relays> own_relays_ = std::make_unique<Relays>();
  Relays& relays_ = *own_relays_;
};

TEST_F(RelaysTest, ADescriptorHasNothingAtFirst) {
  EXPECT_EQ(relays_.Find(0), nullptr);
  EXPECT_EQ(relays_.Find(-1), nullptr);
  EXPECT_EQ(relays_.Find(static_cast<int>(kMaxDescriptors)), nullptr);
  relays_.Forget(5);
  relays_.Copy(5, 6);
  EXPECT_EQ(relays_.Find(6), nullptr);
  EXPECT_EQ(relays_.Provide(-1, AF_INET), nullptr);
}

TEST_F(RelaysTest, ProvidesOnceForEachSocket) {
  const int v4 = Open();
  const int v6 = Open(AF_INET6);
  RelayedSocket* const first = relays_.Provide(v4, AF_INET);
  RelayedSocket* const second = relays_.Provide(v6, AF_INET6);
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  EXPECT_NE(first, second);
  EXPECT_EQ(relays_.Provide(v4, AF_INET), first);
  EXPECT_EQ(relays_.Find(v4), first);
  EXPECT_EQ(relays_.Find(v6), second);
  EXPECT_EQ(first->family, AF_INET);
  EXPECT_EQ(second->family, AF_INET6);
  EXPECT_NE(g_descriptors.Flags(v4) & kRelayed, 0U);
}

TEST_F(RelaysTest, CopiesThatWereMadeBeforeAreGivenTheSame) {
  const int fd = Open();
  const int copy = Keep(dup(fd));
  const int stranger = Open();
  for (const int each : {fd, copy, stranger}) g_descriptors.SetFlags(each, kHasCopies);
  RelayedSocket* const socket = relays_.Provide(fd, AF_INET);
  EXPECT_EQ(relays_.Find(copy), socket);
  EXPECT_NE(g_descriptors.Flags(copy) & kRelayed, 0U);
  EXPECT_EQ(relays_.Find(stranger), nullptr);
  EXPECT_EQ(g_descriptors.Flags(stranger) & kRelayed, 0U);
}

TEST_F(RelaysTest, TheLastOfAllCopiesClosesTheConnection) {
  const int fd = Open();
  const int copy = Keep(dup(fd));
  RelayedSocket* const socket = relays_.Provide(fd, AF_INET);
  const RelayData data = WithControl(KeyOf(0));
  ASSERT_NE(relays_.Enter(socket, data, 0), nullptr);
  relays_.Copy(fd, fd);
  EXPECT_TRUE(IsOpen(data));
  relays_.Copy(fd, copy);
  relays_.Copy(fd, copy);
  EXPECT_EQ(relays_.Find(copy), socket);
  Close(fd);
  EXPECT_EQ(relays_.Find(fd), nullptr);
  EXPECT_TRUE(IsOpen(data));
  Close(fd);
  EXPECT_TRUE(IsOpen(data)) << "it was forgotten before";
  Close(copy);
  EXPECT_FALSE(IsOpen(data));
  EXPECT_FALSE(IsHidden(data.control_fd));
}

TEST_F(RelaysTest, ACopyLosesWhatItHad) {
  const int from = Open();
  const int to = Open();
  RelayedSocket* const kept = relays_.Provide(from, AF_INET);
  const RelayData lost = WithControl(KeyOf(0));
  ASSERT_NE(relays_.Enter(relays_.Provide(to, AF_INET), lost, 0), nullptr);
  relays_.Copy(from, to);
  EXPECT_EQ(relays_.Find(to), kept);
  EXPECT_FALSE(IsOpen(lost));
}

TEST_F(RelaysTest, ANewSocketBeginsWithNothing) {
  const int fd = Open();
  RelayedSocket* const before = relays_.Provide(fd, AF_INET);
  before->header_size = 10;
  before->is_corked = true;
  before->has_queued = true;
  before->connected_to = relays_.Enter(before, Numbered(KeyOf(0), 1), 0);
  Close(fd);
  RelayedSocket* const after = relays_.Provide(fd, AF_INET6);
  ASSERT_EQ(after, before) << "memory is used again";
  RelayData found;
  EXPECT_EQ(Relays::FindRelay(*after, KeyOf(0), &found), nullptr);
  EXPECT_EQ(after->family, AF_INET6);
  EXPECT_EQ(after->header_size, 0U);
  EXPECT_FALSE(after->is_corked);
  EXPECT_FALSE(after->has_queued);
  EXPECT_EQ(after->connected_to, nullptr);
}

TEST_F(RelaysTest, EveryPartOfTheKeyCounts) {
  RelayedSocket* const socket = relays_.Provide(Open(), AF_INET);
  const Target target;
  const std::vector<RelayKey> keys = {
      {.rule = &rules_[0]},
      {.rule = &rules_[1]},
      {.rule = &rules_[0], .first = &target},
      {.rule = &rules_[0], .is_for_name = true},
      {.rule = &rules_[0], .is_for_name = true, .fake = IpAddress::V4(0xc6120001)},
      {.rule = &rules_[0], .is_for_name = true, .fake = V6("2001:2::1")}};
  RelayData found;
  for (uint32_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(Relays::FindRelay(*socket, keys[i], &found), nullptr) << i;
    ASSERT_NE(relays_.Enter(socket, Numbered(keys[i], i + 1), 0), nullptr);
  }
  for (uint32_t i = 0; i < keys.size(); ++i) {
    ASSERT_NE(Relays::FindRelay(*socket, keys[i], &found), nullptr) << i;
    EXPECT_EQ(found.control_cookie, i + 1);
    EXPECT_TRUE(found.key == keys[i]);
  }
}

TEST_F(RelaysTest, AnEndedRelayIsReplaced) {
  RelayedSocket* const socket = relays_.Provide(Open(), AF_INET);
  const RelayData ended = WithControl(KeyOf(0));
  const RelayData fresh = WithControl(KeyOf(0));
  Relay* const relay = relays_.Enter(socket, ended, 0);
  EXPECT_EQ(relays_.Enter(socket, fresh, ended.control_cookie), relay);
  EXPECT_FALSE(IsOpen(ended));
  EXPECT_TRUE(IsOpen(fresh));
  RelayData found;
  EXPECT_EQ(Relays::FindRelay(*socket, KeyOf(0), &found), relay);
  EXPECT_EQ(found.control_cookie, fresh.control_cookie);
}

TEST_F(RelaysTest, TheFasterThreadsRelayStays) {
  RelayedSocket* const socket = relays_.Provide(Open(), AF_INET);
  const RelayData first = WithControl(KeyOf(0));
  Relay* const relay = relays_.Enter(socket, first, 0);
  for (const uint64_t ended : {uint64_t{0}, first.control_cookie + 1'000'000}) {
    const RelayData second = WithControl(KeyOf(0));
    EXPECT_EQ(relays_.Enter(socket, second, ended), relay);
    EXPECT_TRUE(IsOpen(first));
    EXPECT_FALSE(IsOpen(second));
  }
  RelayData found;
  Relays::FindRelay(*socket, KeyOf(0), &found);
  EXPECT_EQ(found.control_cookie, first.control_cookie);
}

TEST_F(RelaysTest, TheOldestMakesWay) {
  RelayedSocket* const socket = relays_.Provide(Open(), AF_INET);
  std::vector<RelayData> all;
  for (size_t i = 0; i < kMost + 3; ++i) {
    all.push_back(WithControl(KeyOf(i)));
    ASSERT_NE(relays_.Enter(socket, all.back(), 0), nullptr);
    RelayData found;
    for (size_t j = 0; j <= i; ++j) {
      const bool is_there = j + kMost > i;
      EXPECT_EQ(Relays::FindRelay(*socket, KeyOf(j), &found) != nullptr, is_there) << j << " after " << i;
      EXPECT_EQ(IsOpen(all[j]), is_there) << j << " after " << i;
    }
  }
}

TEST_F(RelaysTest, AnAnswerIsOfTheRelayWithItsAddress) {
  RelayedSocket* const v4 = relays_.Provide(Open(), AF_INET);
  RelayedSocket* const v6 = relays_.Provide(Open(AF_INET6), AF_INET6);
  const IpAddress near = IpAddress::V4(0x7f000001);
  const IpAddress far = V6("2001:db8::1");
  const auto enter = [&](RelayedSocket* socket, size_t rule, const IpAddress& ip, uint16_t port,
                         bool is_direct) {
    RelayData data;
    data.key = KeyOf(rule);
    data.is_direct = is_direct;
    data.control_cookie = rule + 1;
    data.address = AddressOf(ip, port, socket->family, &data.address_size);
    ASSERT_NE(data.address_size, 0U);
    ASSERT_NE(relays_.Enter(socket, data, 0), nullptr);
  };
  enter(v4, 0, near, 1000, false);
  enter(v4, 1, near, 1001, false);
  enter(v4, 2, IpAddress::V4(0x0a000001), 53, true);
  enter(v6, 0, near, 1000, false);
  enter(v6, 1, far, 1001, false);
  enter(v6, 2, V6("2001:db8::2"), 53, true);
  const struct {
    RelayedSocket* socket;
    IpAddress ip;
    uint16_t port;
    int family;
    uint64_t cookie;  // 0: none
  } kCases[] = {{v4, near, 1000, AF_INET, 1},
                {v4, near, 1001, AF_INET, 2},
                {v4, near, 1002, AF_INET, 0},
                {v4, IpAddress::V4(0x7f000002), 1000, AF_INET, 0},
                {v4, IpAddress::V4(0x0a000001), 53, AF_INET, 3},
                {v4, IpAddress::V4(0x0a000001), 54, AF_INET, 3},
                {v4, near, 1000, AF_INET6, 0},
                {v6, near, 1000, AF_INET6, 1},
                {v6, near, 1001, AF_INET6, 0},
                {v6, far, 1001, AF_INET6, 2},
                {v6, far, 1000, AF_INET6, 0},
                {v6, V6("2001:db8::2"), 9, AF_INET6, 3},
                {v6, V6("2001:db8::3"), 53, AF_INET6, 0}};
  for (const auto& test : kCases) {
    RelayData found;
    const bool is_found = Relays::FindSource(*test.socket, Source(test.ip, test.port, test.family), &found);
    const std::string what = Endpoint::FromIp(test.ip, test.port).ToString();
    EXPECT_EQ(is_found ? found.control_cookie : 0, test.cookie) << what;
  }
}

// A direct path to addresses has no address of its own, and answers no source.
TEST_F(RelaysTest, ADirectPathWithoutAnAddressIsNoSource) {
  RelayedSocket* const socket = relays_.Provide(Open(), AF_INET);
  RelayData data;
  data.key = KeyOf(0);
  data.is_direct = true;
  ASSERT_NE(relays_.Enter(socket, data, 0), nullptr);
  RelayData found;
  EXPECT_NE(Relays::FindRelay(*socket, KeyOf(0), &found), nullptr);
  EXPECT_FALSE(Relays::FindSource(*socket, Source(IpAddress(), 0, AF_INET), &found));
}

TEST_F(RelaysTest, DisconnectingGivesRelaysBackUnlessThePortIsKept) {
  const int fd = Open();
  relays_.NoteDisconnected(fd, false);
  RelayedSocket* const socket = relays_.Provide(fd, AF_INET);
  const RelayData data = WithControl(KeyOf(0));
  Relay* const relay = relays_.Enter(socket, data, 0);
  RelayData found;
  socket->connected_to = relay;
  relays_.NoteDisconnected(fd, true);
  EXPECT_EQ(socket->connected_to, nullptr);
  EXPECT_EQ(Relays::FindRelay(*socket, KeyOf(0), &found), relay);
  EXPECT_TRUE(IsOpen(data));

  socket->connected_to = relay;
  relays_.NoteDisconnected(fd, false);
  EXPECT_EQ(socket->connected_to, nullptr);
  EXPECT_EQ(Relays::FindRelay(*socket, KeyOf(0), &found), nullptr);
  EXPECT_FALSE(IsOpen(data));
  EXPECT_EQ(relays_.Find(fd), socket) << "the socket stays";
  ASSERT_TRUE(relay->data.Read(&found));
  EXPECT_EQ(found.key.rule, nullptr) << "who still has a pointer sees that it is over";
}

TEST_F(RelaysTest, ARuleIsPausedForItsTime) {
  EXPECT_EQ(relays_.PausedError(&rules_[0], 0), std::nullopt);
  relays_.Pause(&rules_[0], ETIMEDOUT, 1000);
  EXPECT_EQ(relays_.PausedError(&rules_[0], 999), ETIMEDOUT);
  EXPECT_EQ(relays_.PausedError(&rules_[0], 1000), std::nullopt);
  EXPECT_EQ(relays_.PausedError(&rules_[1], 0), std::nullopt);
  relays_.Pause(&rules_[0], EACCES, 500);
  EXPECT_EQ(relays_.PausedError(&rules_[0], 499), EACCES);
  EXPECT_EQ(relays_.PausedError(&rules_[0], 500), std::nullopt) << "the last word counts";
}

TEST_F(RelaysTest, OfPausedRulesTheOldestAreForgotten) {
  constexpr size_t kPauses = 16;
  for (size_t i = 0; i < kPauses + 2; ++i) {
    relays_.Pause(&rules_[i], ETIMEDOUT, 1000);
    // Saying it again takes no place more.
    relays_.Pause(&rules_[i], ECONNREFUSED, 2000);
  }
  for (size_t i = 0; i < kPauses + 2; ++i)
    EXPECT_EQ(relays_.PausedError(&rules_[i], 0).has_value(), i >= 2) << i;
}

// Readers take no lock. What they find is whole and has the key that they asked for.
TEST_F(RelaysTest, ReadersBesideWriters) {
  RelayedSocket* const socket = relays_.Provide(Open(), AF_INET);
  const int other = Open();
  std::atomic<bool> is_over = false;
  std::atomic<int> broken = 0;
  std::atomic<int> seen = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      for (uint32_t at = 0; !is_over; ++at) {
        const RelayKey key = KeyOf(at % rules_.size());
        RelayData found;
        if (Relays::FindRelay(*socket, key, &found) != nullptr) {
          const RelayData whole = Numbered(key, static_cast<uint32_t>(found.control_cookie));
          const bool is_whole =
              found.key == key && std::memcmp(&found.address, &whole.address, sizeof(sockaddr_in)) == 0;
          if (!is_whole) ++broken;
          ++seen;
        }
        const uint32_t number = at % 1000 + 1;
        const SocketAddress source =
            Source(IpAddress::V4(0x0a000000 + number), static_cast<uint16_t>(number), AF_INET);
        if (Relays::FindSource(*socket, source, &found) && found.control_cookie != number) ++broken;
        relays_.Find(other);
        relays_.PausedError(&rules_[0], 0);
      }
    });
  }
  std::vector<uint64_t> cookies(rules_.size(), 0);
  for (uint32_t i = 0; i < 20'000 || seen == 0; ++i) {
    const size_t rule = i * 7 % rules_.size();
    const uint32_t number = i % 1000 + 1;
    relays_.Enter(socket, Numbered(KeyOf(rule), number), cookies[rule]);
    cookies[rule] = number;
    relays_.Provide(other, AF_INET);
    relays_.Forget(other);
    relays_.Pause(&rules_[0], EACCES, i);
    if (i % 5000 == 4999) relays_.NoteDisconnected(fds_.front().get(), false);
  }
  is_over = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(broken, 0);
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/poller.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

namespace socksify::testserver {
namespace {

void Control(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  if (epoll_ctl(epoll, operation, fd, &event) < 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

}  // namespace

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!epoll_.valid() || !wake_.valid()) {
    throw std::system_error(errno, std::generic_category(), "epoll or eventfd");
  }
  Add(wake_.get(), EPOLLIN, kWakeToken);
}

void Poller::Add(int fd, uint32_t events, uint64_t token) {
  Control(epoll_.get(), EPOLL_CTL_ADD, fd, events, token);
}

void Poller::Modify(int fd, uint32_t events, uint64_t token) {
  Control(epoll_.get(), EPOLL_CTL_MOD, fd, events, token);
}

void Poller::CallAt(Clock::time_point due, uint64_t token) {
  timers_.emplace(due, token);
}

int Poller::TimeoutMs() const {
  if (timers_.empty()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - Clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60'000));
}

bool Poller::RunOnce(const Ready& ready) {
  std::array<epoll_event, 256> events{};
  const int count = epoll_wait(epoll_.get(), events.data(), events.size(), TimeoutMs());
  for (int i = 0; i < count; ++i) {
    if (events[i].data.u64 == kWakeToken) return false;
    ready(events[i].data.u64, events[i].events);
  }
  // Taken out before they are called: a callback may set timers of its own.
  const auto due_end = timers_.upper_bound(Clock::now());
  std::vector<uint64_t> due;
  for (auto timer = timers_.begin(); timer != due_end; ++timer) due.push_back(timer->second);
  timers_.erase(timers_.begin(), due_end);
  for (const uint64_t token : due) ready(token, 0);
  return true;
}

void Poller::Wake() {
  eventfd_write(wake_.get(), 1);
}

}  // namespace socksify::testserver

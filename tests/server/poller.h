// SPDX-License-Identifier: BSD-2-Clause
// Poller: epoll, timers and a way to wake the thread that waits. Only Wake() may be called from another
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "base/unique_fd.h"
#include "tests/server/paced_output.h"

namespace socksify::testserver {

class Poller {
 public:
  // Throws std::system_error when the kernel gives no descriptors.
  Poller();

  // Watches `fd` for `events` (epoll_ctl(2), level-triggered); a descriptor is forgotten when it is closed.
  // `token` is given back in Ready; kWakeToken is taken.
  void Add(int fd, uint32_t events, uint64_t token);
  void Modify(int fd, uint32_t events, uint64_t token);
  // Calls back once with `token` and no events, at `due` or soon after.
  void CallAt(Clock::time_point due, uint64_t token);

  using Ready = std::function<void(uint64_t token, uint32_t events)>;
  // Waits for something to happen and reports all of it. False once Wake() was called.
  bool RunOnce(const Ready& ready);
  void Wake();

 private:
  static constexpr uint64_t kWakeToken = UINT64_MAX;

  int TimeoutMs() const;

  UniqueFd epoll_;
  UniqueFd wake_;
  std::multimap<Clock::time_point, uint64_t> timers_;
};

}  // namespace socksify::testserver

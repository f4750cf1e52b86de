// SPDX-License-Identifier: BSD-2-Clause
// PacedOutput: what the server has to say on one socket, in segments that may have to wait for their time and
// may be followed by the end of the connection. Not thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "tests/server/script.h"

namespace socksify::testserver {

using Clock = std::chrono::steady_clock;

class PacedOutput {
 public:
  enum class Status : uint8_t {
    kIdle,     // everything is sent
    kBlocked,  // the socket takes no more: wait until it is writable
    kWaiting,  // the next segment's time is due()
    kEnded,    // the script wants the connection to end here
    kFailed,   // the client is gone
  };

  // The connection ends after `limit` bytes in all.
  void SetLimit(std::optional<size_t> limit) { limit_ = limit; }

  // One protocol message, bent by `stage`. False when it is never to be sent, nor anything after it.
  bool PushMessage(std::string message, const StageScript& stage);
  // Application data, sent behind everything that was pushed before.
  void PushData(std::string_view data);
  // The connection ends behind everything that was pushed before.
  void PushEnd();

  // Sends what is due.
  Status Flush(int fd);
  Clock::time_point due() const { return due_; }
  size_t pending() const { return pending_; }  // bytes not sent yet
  uint64_t data_sent() const;                  // bytes of application data that were sent

 private:
  struct Segment {
    std::string bytes;
    uint32_t delay_ms = 0;  // after the segment before it
    bool ends = false;
  };

  void Push(std::string bytes, uint32_t delay_ms, bool ends);

  std::deque<Segment> segments_;
  size_t offset_ = 0;     // bytes of the first segment that were sent
  bool has_due_ = false;  // the first segment's time is running
  Clock::time_point due_;
  std::optional<size_t> limit_;
  size_t pending_ = 0;
  uint64_t sent_ = 0;
  uint64_t message_bytes_ = 0;  // messages come before data, so this tells the two apart in sent_
};

}  // namespace socksify::testserver

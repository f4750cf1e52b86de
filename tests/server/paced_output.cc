// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/paced_output.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace socksify::testserver {

bool PacedOutput::PushMessage(std::string message, const StageScript& stage) {
  if (stage.silent) return false;
  if (stage.junk != 0) message.assign(stage.junk, '\xa5');
  const bool ends = stage.truncate && *stage.truncate < message.size();
  if (ends) message.resize(*stage.truncate);
  message_bytes_ += message.size();
  if (!ends) message += stage.trailing;

  const size_t step = stage.split != 0 ? stage.split : std::max<size_t>(message.size(), 1);
  uint32_t delay_ms = stage.delay_ms;
  size_t at = 0;
  do {
    const std::string part = message.substr(at, step);
    at += part.size();
    Push(part, delay_ms, ends && at >= message.size());
    delay_ms = stage.gap_ms;
  } while (at < message.size());
  return true;
}

void PacedOutput::PushData(std::string_view data) {
  // Behind the first segment, data grows the last one: a stream of small reads makes no long queue.
  if (segments_.size() > 1 && !segments_.back().ends && segments_.back().delay_ms == 0) {
    segments_.back().bytes.append(data);
    pending_ += data.size();
  } else if (!data.empty()) {
    Push(std::string(data), 0, false);
  }
}

void PacedOutput::PushEnd() {
  Push({}, 0, true);
}

void PacedOutput::Push(std::string bytes, uint32_t delay_ms, bool ends) {
  pending_ += bytes.size();
  segments_.push_back({std::move(bytes), delay_ms, ends});
}

uint64_t PacedOutput::data_sent() const {
  return sent_ > message_bytes_ ? sent_ - message_bytes_ : 0;
}

PacedOutput::Status PacedOutput::Flush(int fd) {
  while (true) {
    if (limit_ && sent_ >= *limit_) return Status::kEnded;
    if (segments_.empty()) return Status::kIdle;
    const Segment& segment = segments_.front();
    if (segment.delay_ms != 0) {
      const Clock::time_point now = Clock::now();
      if (!has_due_) due_ = now + std::chrono::milliseconds(segment.delay_ms);
      has_due_ = true;
      if (now < due_) return Status::kWaiting;
    }
    while (offset_ < segment.bytes.size()) {
      if (limit_ && sent_ >= *limit_) return Status::kEnded;
      size_t size = segment.bytes.size() - offset_;
      if (limit_) size = std::min<uint64_t>(size, *limit_ - sent_);
      const ssize_t count = send(fd, segment.bytes.data() + offset_, size, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return errno == EAGAIN ? Status::kBlocked : Status::kFailed;
      offset_ += count;
      sent_ += count;
      pending_ -= count;
    }
    if (segment.ends) return Status::kEnded;
    segments_.pop_front();
    offset_ = 0;
    has_due_ = false;
  }
}

}  // namespace socksify::testserver

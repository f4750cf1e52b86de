// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/record.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace socksify::testserver {

const char* AddressTypeName(AddressType type) {
  switch (type) {
    case AddressType::kNone: return "none";
    case AddressType::kV4: return "v4";
    case AddressType::kV6: return "v6";
    case AddressType::kName: return "name";
  }
  return "none";
}

size_t RecordBook::Open() {
  const std::lock_guard lock(mutex_);
  const size_t id = records_.size();
  records_.emplace_back().id = id;
  peak_ = std::max(peak_, ++open_);
  return id;
}

void RecordBook::Store(const RequestRecord& record) {
  const std::lock_guard lock(mutex_);
  StoreLocked(record);
}

void RecordBook::StoreDatagrams(const RequestRecord& record, std::vector<DatagramRecord> datagrams) {
  const std::lock_guard lock(mutex_);
  StoreLocked(record);
  std::ranges::move(datagrams, std::back_inserter(records_[record.id].datagrams));
}

void RecordBook::StoreLocked(const RequestRecord& record) {
  RequestRecord& stored = records_[record.id];
  std::vector<DatagramRecord> datagrams = std::move(stored.datagrams);
  stored = record;
  stored.datagrams = std::move(datagrams);
}

void RecordBook::Finish(RequestRecord record) {
  {
    const std::lock_guard lock(mutex_);
    record.finished = true;
    record.peak_connections = peak_;
    StoreLocked(record);
    record.datagrams = records_[record.id].datagrams;
    ++finished_;
    --open_;
  }
  changed_.notify_all();
  if (on_finished_) on_finished_(record);
}

std::vector<RequestRecord> RecordBook::records() const {
  const std::lock_guard lock(mutex_);
  return records_;
}

size_t RecordBook::peak_connections() const {
  const std::lock_guard lock(mutex_);
  return peak_;
}

bool RecordBook::WaitForFinished(size_t count, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return finished_ >= count; });
}

}  // namespace socksify::testserver

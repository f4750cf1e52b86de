// SPDX-License-Identifier: BSD-2-Clause
// What the tests of the fake table share that let others act between two steps of a writer.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "resolver/fake_table.h"
#include "tests/resolver/fake_table_fixture.h"

namespace socksify {

// Names of all sizes.
inline std::string NameOf(int i) {
  return LongName(static_cast<size_t>(1 + i % 80), 'n') + std::to_string(i) + ".test";
}

// How many addresses stand for the name.
inline int CountAddresses(const FakeTable& table, const std::string& name) {
  int count = 0;
  for (uint32_t slot = 0; slot < table.capacity(); ++slot) {
    const auto entry = table.EntryAt(slot);
    if (entry && entry->name == name) ++count;
  }
  return count;
}

// At a step of a writer somebody does something to `table`.
struct Interruption {
  int step;
  std::function<void(FakeTable& table)> act;
  FakeTable* table;

  static void Step(void* context) {
    auto* const self = static_cast<Interruption*>(context);
    if (--self->step == 0) self->act(*self->table);
  }
};

// Counts the steps of a writer, and at one of them tells another and waits for it, for ten seconds at most.
struct Meeting {
  int step;
  std::atomic<bool>* here;
  const std::atomic<bool>* go_on;
  int count = 0;

  static void Step(void* context) {
    auto* const self = static_cast<Meeting*>(context);
    if (++self->count != self->step) return;
    self->here->store(true);
    AwaitTrue(*self->go_on);
  }
  static void AwaitTrue(const std::atomic<bool>& flag) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!flag.load() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  }
  FakeTableSteps steps() { return {.hook = Step, .context = this}; }
};

// Enters "name.test" in a thread of its own, which meets others at some of its steps.
class MeetingWriter {
 public:
  MeetingWriter(FakeTable* table, std::vector<Meeting> meetings)
      : meetings_(std::move(meetings)), thread_([this, table] {
          table->set_steps({.hook = Step, .context = this});
          const auto address = table->AddressFor("name.test", IpVersion::kV4);
          answer_ = address ? address->ToString() : "errno " + std::to_string(address.error());
        }) {}
  ~MeetingWriter() {
    if (thread_.joinable()) thread_.join();
  }
  MeetingWriter(const MeetingWriter&) = delete;
  MeetingWriter& operator=(const MeetingWriter&) = delete;

  std::string Join() {
    thread_.join();
    return answer_;
  }

 private:
  static void Step(void* context) {
    for (Meeting& meeting : static_cast<MeetingWriter*>(context)->meetings_) Meeting::Step(&meeting);
  }

  std::vector<Meeting> meetings_;
  std::string answer_;
  std::thread thread_;
};

// One that stops when it has taken its slot, and goes on at `go_on`. It says when it has entered the name in
// the index.
class LateWriter {
 public:
  LateWriter(FakeTable* table, const std::atomic<bool>* go_on)
      : writer_(table, {{.step = kTaken, .here = &has_begun_, .go_on = go_on},
                        {.step = kInIndex, .here = &has_entered_, .go_on = &has_begun_}}) {
    Meeting::AwaitTrue(has_begun_);
  }

  std::string Join() { return writer_.Join(); }
  const std::atomic<bool>* has_entered() const { return &has_entered_; }

 private:
  static constexpr int kTaken = 1;
  static constexpr int kInIndex = kTaken + 2 + 1 + 1;  // 9 bytes and the size, and the check

  std::atomic<bool> has_begun_ = false;
  std::atomic<bool> has_entered_ = false;
  MeetingWriter writer_;
};

}  // namespace socksify

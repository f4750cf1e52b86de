// SPDX-License-Identifier: BSD-2-Clause
// FakeTableLock: one at a time, among the threads of all processes, who changes of the fake table what others
// use: its size, the slots of names, the entries of the index.
//
// Held for the lifetime of the object. While it is held the thread takes no signals and cannot be cancelled,
// and at the end errno is what it was. The kernel drops it when its holder dies at any instruction.
#pragma once

#include <signal.h>

#include <atomic>
#include <cstdint>
#include <string>

namespace socksify {

class FakeTableLock {
 public:
  // Locks files in `directory`, which are made if need be. Where `directory` is empty or has gone, and
  // `owner` is not null, *owner in the shared memory is the lock instead. Waits up to about two seconds.
  FakeTableLock(const std::string& directory, std::atomic<uint32_t>* owner);
  ~FakeTableLock();
  FakeTableLock(const FakeTableLock&) = delete;
  FakeTableLock& operator=(const FakeTableLock&) = delete;

  // 0 when the lock is held, else an errno value; ETIMEDOUT when others held it all the time.
  int error() const { return error_; }

 private:
  int LockFiles(const std::string& directory);
  int LockOwner(std::atomic<uint32_t>* owner);

  int error_ = 0;
  int threads_fd_ = -1;
  int processes_fd_ = -1;
  uint32_t pid_ = 0;
  std::atomic<uint32_t>* owner_ = nullptr;

  int saved_errno_ = 0;
  int saved_cancel_state_ = 0;
  sigset_t saved_signals_{};
};

}  // namespace socksify

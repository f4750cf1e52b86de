// SPDX-License-Identifier: BSD-2-Clause
//
// The kernel has two kinds of file locks, and neither is enough here (fcntl(2)):
//
//   - One that belongs to the open file (flock, F_OFD_SETLK) excludes threads, but a child that another
//   thread
//     forks while it is held shares it. When the parent is then killed, the child holds it for as long as it
//     lives, and nobody can write.
//   - One that belongs to the process (F_SETLK) is not inherited and goes with its process, but the threads
//   of
//     the process do not exclude each other, and it is lost when any thread closes any descriptor of the
//     file.
//
// So a writer takes both, on two files. First, of the file "threads", the byte whose number is its process
// id, as an open file lock: that excludes the threads of this process, and other copies of this code in it,
// and a child that inherits it has another process id and is not concerned. Then, as a process lock, the file
// "processes", which no thread opens or closes without holding the first. A mutex in memory instead of the
// first would be unknown to another copy of this code, and would need care over fork.
//
// Lock files are opened anew each time and closed at once, so the program has no descriptor of ours; a child
// forked just then has two, which it does not know of, until it executes a program. A program that itself
// opens and closes the file "processes" while another thread of it enters a name loses the exclusion for that
// moment.
//
// Without a file the lock is a word that holds the process id of its owner; a waiter takes it from an owner
// that is dead. That is only for the processes that inherited a private table by fork, and for those whose
// directory was removed under them. Its weakness, an owner's id that is given to another process, costs new
// names until that one ends; it cannot let two writers in.
//
// Close goes by its system call: libc's is a cancellation point, and replaced in the preload.
#include "resolver/fake_table_lock.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "resolver/process_life.h"

namespace socksify {
namespace {

constexpr int64_t kWaitLimitNs = 2'000'000'000;
constexpr int64_t kFirstSleepNs = 20'000;
constexpr int64_t kLongestSleepNs = 2'000'000;

int64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Repeats try_once() until it returns something else than EAGAIN or the time is up.
template <typename TryOnce>
int Wait(TryOnce try_once) {
  int error = try_once();
  if (error != EAGAIN) return error;
  const int64_t deadline_ns = NowNs() + kWaitLimitNs;
  for (int64_t sleep_ns = kFirstSleepNs;; sleep_ns = std::min(sleep_ns * 2, kLongestSleepNs)) {
    timespec pause{};
    pause.tv_nsec = static_cast<decltype(pause.tv_nsec)>(sleep_ns);
    nanosleep(&pause, nullptr);
    error = try_once();
    if (error != EAGAIN) return error;
    if (NowNs() >= deadline_ns) return ETIMEDOUT;
  }
}

int SetLock(int fd, int command, short type, off64_t start) {
#ifdef SYS_fcntl64
  constexpr long kFcntl = SYS_fcntl64;
#else
  constexpr long kFcntl = SYS_fcntl;
#endif
  struct flock64 lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = start;
  lock.l_len = 1;
  if (syscall(kFcntl, fd, command, &lock) == 0) return 0;
  return errno == EACCES ? EAGAIN : errno;
}

// A lock file is ours and an ordinary file, or it is none. Returns a descriptor or a negated errno value.
int OpenLockFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                      S_IRUSR | S_IWUSR);
  if (fd < 0) return -errno;
  struct stat64 status{};
  int error = fstat64(fd, &status) == 0 ? 0 : errno;
  if (error == 0 && (!S_ISREG(status.st_mode) || status.st_uid != geteuid())) error = EPERM;
  if (error == 0) return fd;
  syscall(SYS_close, fd);
  return -error;
}

}  // namespace

FakeTableLock::FakeTableLock(const std::string& directory, std::atomic<uint32_t>* owner)
    : pid_(static_cast<uint32_t>(getpid())), saved_errno_(errno) {
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &saved_cancel_state_);
  sigset_t blocked;
  sigfillset(&blocked);
  // A fault cannot be put off: blocked, these would kill a program that has handlers for them.
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigdelset(&blocked, fault);
  pthread_sigmask(SIG_SETMASK, &blocked, &saved_signals_);

  error_ = directory.empty() ? ENOENT : LockFiles(directory);
  if (error_ == ENOENT && owner != nullptr) error_ = LockOwner(owner);
}

FakeTableLock::~FakeTableLock() {
  if (owner_ != nullptr) owner_->store(0, std::memory_order_release);
  if (processes_fd_ >= 0) syscall(SYS_close, processes_fd_);
  if (threads_fd_ >= 0) {
    // Said aloud, because a child may hold the open file too.
    SetLock(threads_fd_, F_OFD_SETLK, F_UNLCK, pid_);
    syscall(SYS_close, threads_fd_);
  }
  pthread_sigmask(SIG_SETMASK, &saved_signals_, nullptr);
  pthread_setcancelstate(saved_cancel_state_, nullptr);
  errno = saved_errno_;
}

int FakeTableLock::LockFiles(const std::string& directory) {
  threads_fd_ = OpenLockFile(directory + "/names-threads.lock");
  if (threads_fd_ < 0) return -threads_fd_;
  int error = Wait([&] { return SetLock(threads_fd_, F_OFD_SETLK, F_WRLCK, pid_); });
  if (error != 0) return error;
  processes_fd_ = OpenLockFile(directory + "/names-processes.lock");
  if (processes_fd_ < 0) return -processes_fd_;
  return Wait([&] { return SetLock(processes_fd_, F_SETLK64, F_WRLCK, 0); });
}

int FakeTableLock::LockOwner(std::atomic<uint32_t>* owner) {
  const int error = Wait([&] {
    uint32_t holder = 0;
    if (owner->compare_exchange_strong(holder, pid_)) return 0;
    if (holder == pid_ || !IsDead(holder)) return EAGAIN;
    return owner->compare_exchange_strong(holder, pid_) ? 0 : EAGAIN;
  });
  if (error == 0) owner_ = owner;
  return error;
}

}  // namespace socksify

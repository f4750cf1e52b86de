// SPDX-License-Identifier: BSD-2-Clause
// select(2) with the kernel's own select: a pending socket stands in the set that its handshake waits for,
// and is shown in none.

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <limits>
#include <string_view>

#include "preload/connections.h"
#include "preload/originals.h"
#include "preload/pending.h"
#include "preload/scratch.h"
#include "preload/time_limit.h"
#include "preload/waiting.h"

namespace socksify {
namespace {

using Word = unsigned long;
constexpr int kBitsInWord = sizeof(Word) * CHAR_BIT;

// Programs allocate larger sets than fd_set is (select(2), "BUGS"), so FD_ISSET would not do.
Word* WordsOf(const fd_set* set) {
  return reinterpret_cast<Word*>(const_cast<fd_set*>(set));
}
bool Has(const Word* words, int fd) {
  return words != nullptr && (words[fd / kBitsInWord] >> fd % kBitsInWord & 1) != 0;
}
void Put(Word* words, int fd, bool is_in) {
  const Word bit = Word{1} << fd % kBitsInWord;
  Word& word = words[fd / kBitsInWord];
  word = is_in ? word | bit : word & ~bit;
}

// The kernel looks at no more of the sets than the process's table of descriptors is long, and programs pass
// any number (getdtablesize(3)) with sets that are shorter.
int LimitOfSets(int count) {
  if (count <= FD_SETSIZE) return count;
  char text[2048];
  const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FD_SETSIZE;
  const ssize_t size = libc::read(fd, text, sizeof text);
  libc::close(fd);
  const std::string_view status(text, static_cast<size_t>(std::max<ssize_t>(size, 0)));
  constexpr std::string_view kKey = "FDSize:\t";
  const size_t at = status.find(kKey);
  if (at == std::string_view::npos) return FD_SETSIZE;
  int table_size = FD_SETSIZE;
  std::from_chars(status.data() + at + kKey.size(), status.data() + status.size(), table_size);
  return std::min(count, table_size);
}

class SelectWait {
 public:
  enum Set : size_t { kRead, kWrite, kExcept, kSets };

  // `room` is for kRooms sets of `count` bits.
  static constexpr size_t kRooms = 2 * kSets + 2;
  SelectWait(int count, size_t words, const fd_set* const* asked, Word* room) : count_(count), words_(words) {
    handshakes_ = room + 2 * kSets * words;
    early_ = handshakes_ + words;
    for (size_t set = 0; set < kSets; ++set) {
      asked_[set] = room + set * words;
      kernels_[set] = room + (kSets + set) * words;
      if (asked[set] != nullptr) std::memcpy(asked_[set], asked[set], words * sizeof(Word));
    }
  }

  int Run(TimeLimit* limit, const sigset_t* mask, fd_set* const* shown);

 private:
  void Prepare(const SignalsBlocked& blocked);
  void Collect(const SignalsBlocked& blocked);
  int Show(fd_set* const* shown) const;
  bool IsAsked(int fd) const {
    return Has(asked_[kRead], fd) || Has(asked_[kWrite], fd) || Has(asked_[kExcept], fd);
  }
  template <typename Visit>
  void ForEachOfOurs(const Visit& visit) {
    const int end = std::min(count_, static_cast<int>(g_descriptors.used_end()));
    for (int fd = 0; fd < end; ++fd) {
      const unsigned flags = g_descriptors.Flags(fd);
      if ((flags & (kPending | kEpollSet)) != 0 && IsAsked(fd)) visit(fd, flags);
    }
  }

  int count_;
  size_t words_;
  Word* asked_[kSets]{};
  Word* kernels_[kSets]{};
  Word* handshakes_;  // for which the kernel was asked in another way
  Word* early_;       // likewise, but for writing
  LookAgain look_again_;
  long long deadline_ms_ = 0;
  bool has_ended_ = false;
};

void SelectWait::Prepare(const SignalsBlocked& blocked) {
  deadline_ms_ = std::numeric_limits<long long>::max();
  for (size_t set = 0; set < kSets; ++set) std::memcpy(kernels_[set], asked_[set], words_ * sizeof(Word));
  std::memset(handshakes_, 0, words_ * sizeof(Word));
  std::memset(early_, 0, words_ * sizeof(Word));
  bool has_handshakes = false;
  ForEachOfOurs([&](int fd, unsigned flags) {
    if ((flags & kPending) == 0) return;
    if (!has_handshakes) g_pendings.Verify(fd, blocked);
    const PendingView view = g_pendings.View(fd);
    if (!IsUnderWay(view.progress)) return;
    const bool is_early = view.progress == Progress::kEarly;
    for (size_t set = 0; set < kSets; ++set) {
      if (!is_early || set != kWrite) Put(kernels_[set], fd, false);
    }
    Put(kernels_[view.events == POLLIN ? kRead : kWrite], fd, true);
    Put(is_early ? early_ : handshakes_, fd, true);
    deadline_ms_ = std::min(deadline_ms_, view.deadline_ms);
    has_handshakes = true;
  });
  if (has_handshakes) deadline_ms_ = std::min(deadline_ms_, look_again_.NextMs());
}

void SelectWait::Collect(const SignalsBlocked& blocked) {
  has_ended_ = false;
  const bool is_overdue = MonotonicMs() >= deadline_ms_;
  const int end = std::min(count_, static_cast<int>(g_descriptors.used_end()));
  for (int fd = 0; fd < end; ++fd) {
    const bool is_early = Has(early_, fd);
    if (!is_early && !Has(handshakes_, fd)) continue;
    // Another thread may have ended the handshake: then the kernel was not asked for what the program wants.
    const bool is_due = is_overdue || Has(kernels_[kRead], fd) || (!is_early && Has(kernels_[kWrite], fd));
    const Progress progress = is_due ? g_pendings.Advance(fd, blocked) : g_pendings.View(fd).progress;
    if (progress != (is_early ? Progress::kEarly : Progress::kWaiting)) has_ended_ = true;
    Put(kernels_[kRead], fd, false);
    if (!is_early) Put(kernels_[kWrite], fd, false);
  }
  ForEachOfOurs([&](int fd, unsigned flags) {
    if ((flags & kEpollSet) != 0 && Has(kernels_[kRead], fd) && !IsSetReadable(fd, blocked))
      Put(kernels_[kRead], fd, false);
  });
}

int SelectWait::Show(fd_set* const* shown) const {
  int members = 0;
  for (size_t set = 0; set < kSets; ++set) {
    if (shown[set] == nullptr) continue;
    for (size_t i = 0; i < words_; ++i) {
      members += __builtin_popcountl(kernels_[set][i]);
    }
    std::memcpy(WordsOf(shown[set]), kernels_[set], words_ * sizeof(Word));
  }
  return members;
}

int SelectWait::Run(TimeLimit* limit, const sigset_t* mask, fd_set* const* shown) {
  const SignalsBlocked blocked;
  constexpr timespec kNow{};
  for (;;) {
    Prepare(blocked);
    // After the end of a handshake the kernel is asked again, for what the program wants to know.
    const timespec* const left = has_ended_ ? &kNow : limit->Left(deadline_ms_);
    const int result = libc::pselect(
        count_, reinterpret_cast<fd_set*>(kernels_[kRead]), reinterpret_cast<fd_set*>(kernels_[kWrite]),
        reinterpret_cast<fd_set*>(kernels_[kExcept]), left, mask != nullptr ? mask : blocked.wait_mask());
    if (result < 0) return result;
    Collect(blocked);
    if (has_ended_) continue;
    const bool is_any = std::any_of(kernels_, kernels_ + kSets, [&](const Word* words) {
      return std::any_of(words, words + words_, [](Word word) { return word != 0; });
    });
    if (is_any || limit->HasPassed()) return Show(shown);
  }
}

}  // namespace

bool ConcernsPending(int count, const fd_set* read, const fd_set* write, const fd_set* except) {
  if (!g_pendings.is_used()) return false;
  const int end = std::min(count, static_cast<int>(g_descriptors.used_end()));
  for (int fd = 0; fd < end; ++fd) {
    if ((g_descriptors.Flags(fd) & (kPending | kEpollSet)) == 0) continue;
    if (Has(WordsOf(read), fd) || Has(WordsOf(write), fd) || Has(WordsOf(except), fd)) return true;
  }
  return false;
}

int WaitSelect(int count, fd_set* read, fd_set* write, fd_set* except, const timespec* timeout,
               const sigset_t* mask, timespec* left) {
  const int limited = LimitOfSets(count);
  const size_t words = static_cast<size_t>(limited + kBitsInWord - 1) / kBitsInWord;
  constexpr size_t kRooms = SelectWait::kRooms;
  Scratch<Word, kRooms * FD_SETSIZE / kBitsInWord> room(words * kRooms);
  if (room.data() == nullptr) {
    errno = ENOMEM;
    return -1;
  }
  std::memset(room.data(), 0, words * kRooms * sizeof(Word));
  const fd_set* const asked[] = {read, write, except};
  fd_set* const shown[] = {read, write, except};
  TimeLimit limit(timeout);
  const int result = SelectWait(limited, words, asked, room.data()).Run(&limit, mask, shown);
  if (left != nullptr && timeout != nullptr) *left = *limit.Left(std::numeric_limits<long long>::max());
  return result;
}

}  // namespace socksify

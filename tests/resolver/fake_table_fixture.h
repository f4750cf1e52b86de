// SPDX-License-Identifier: BSD-2-Clause
// What the tests of the fake table share: a directory that goes away, ranges, and children.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "resolver/fake_digest.h"
#include "resolver/fake_key.h"
#include "resolver/fake_table.h"
#include "resolver/fake_table_layout.h"

namespace socksify {

#ifdef SOCKSIFY_IS_SANITIZED
inline constexpr bool kIsSanitized = true;
#else
inline constexpr bool kIsSanitized = false;
#endif

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "fake-table-XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

// 198.18.0.0 and 100::/96, `v4_bits` long: 32 - v4_bits bits of slots.
inline FakeRange MakeRange(unsigned v4_bits = 15) {
  return {.v4 = *IpAddress::Parse("198.18.0.0"),
          .v4_bits = v4_bits,
          .v6 = *IpAddress::Parse("100::"),
          .v6_bits = 96};
}

inline std::string TableFileName(unsigned v4_bits = 15) {
  return "names-5-198.18.0.0-" + std::to_string(v4_bits) + "-100::-96";
}

// A table in a directory of its own.
class FakeTableFixture : public testing::Test {
 protected:
  std::unique_ptr<FakeTable> Open(unsigned v4_bits = 15) {
    auto table = FakeTable::Open(directory_.path(), MakeRange(v4_bits));
    EXPECT_TRUE(table) << table.error();
    return table ? std::move(*table) : nullptr;
  }
  static std::string V4(FakeTable& table, const std::string& name) {
    const auto address = table.AddressFor(name, IpVersion::kV4);
    return address ? address->ToString() : "errno " + std::to_string(address.error());
  }
  // The name that an address stands for.
  static std::string NameAt(FakeTable& table, const std::string& address) {
    const auto endpoint = table.NameFor(*IpAddress::Parse(address), 0);
    return endpoint ? std::string(endpoint->name()) : "none";
  }
  // Of all files.
  std::string Content() const {
    std::string content;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      std::ifstream file(entry.path(), std::ios::binary);
      content.append(std::istreambuf_iterator<char>(file), {});
    }
    return content;
  }

  TemporaryDirectory directory_;
};

// A name of `size` bytes: `c` again and again, with dots where labels would become too long.
inline std::string LongName(size_t size, char c) {
  std::string name(size, c);
  for (size_t i = 50; i + 1 < size; i += 51) name[i] = '.';
  return name;
}

// The seed of the hashes in a table's file, and a name of the pattern for which accepts(hash) holds.
inline uint64_t SeedIn(const std::string& path) {
  uint64_t seed = 0;
  std::ifstream file(path, std::ios::binary);
  file.seekg(offsetof(FakeTableHeader, hash_seed));
  file.read(reinterpret_cast<char*>(&seed), sizeof seed);
  return seed;
}
template <typename Accepts>
std::string NameWithHash(const std::string& pattern, uint64_t seed, Accepts accepts) {
  const FakeDigester digester(seed);
  for (uint32_t i = 0;; ++i) {
    std::string name = pattern + std::to_string(1'000'000 + i);
    FakeKey key;
    if (key.Assign(name) && accepts(digester.Of(key).hash)) return name;
  }
}

// Memory of zeroes that children share.
template <typename T>
class SharedArray {
 public:
  explicit SharedArray(size_t size)
      : size_(size),
        data_(static_cast<T*>(
            mmap(nullptr, size * sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~SharedArray() { munmap(data_, size_ * sizeof(T)); }
  SharedArray(const SharedArray&) = delete;
  SharedArray& operator=(const SharedArray&) = delete;

  T& operator[](size_t i) { return data_[i]; }

 private:
  size_t size_;
  T* data_;
};

// Runs `body` in a child that ends without running anybody's exit handlers; its status is what `body`
// returns.
template <typename Body>
pid_t StartChild(Body body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body());
  return pid;
}

// The wait(2) status of `pid`.
inline int Reap(pid_t pid) {
  int status = -1;
  waitpid(pid, &status, 0);
  return status;
}

// What `open`, a function that returns the errno of opening a table in `directory` (0 for success), says in a
// child that may not write there; nothing where this user can write anywhere. The directory is of no use
// afterwards.
template <typename Open>
std::optional<int> ErrorWithoutTheRightToWrite(const std::string& directory, Open open) {
  constexpr int kCannotTry = 255;
  const int status = Reap(StartChild([&] {
    if (chmod(directory.c_str(), 0500) != 0) return kCannotTry;
    if (geteuid() == 0 && (chown(directory.c_str(), 12'345, 12'345) != 0 || seteuid(12'345) != 0))
      return kCannotTry;
    return open();
  }));
  EXPECT_TRUE(WIFEXITED(status));
  return WEXITSTATUS(status) == kCannotTry ? std::nullopt : std::optional(WEXITSTATUS(status));
}

// Likewise in a child whose files may not be longer than `bytes`. -1 when a signal ended it.
template <typename Open>
int ErrorUnderAFileSizeLimit(rlim_t bytes, Open open) {
  const int status = Reap(StartChild([&] {
    const rlimit limit{.rlim_cur = bytes, .rlim_max = bytes};
    return setrlimit(RLIMIT_FSIZE, &limit) != 0 ? 255 : open();
  }));
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Kills this process at the given store of a writer, counted from 1.
struct DeathAtStep {
  int countdown;

  static void Step(void* context) {
    if (--static_cast<DeathAtStep*>(context)->countdown == 0) kill(getpid(), SIGKILL);
  }
  FakeTableSteps steps() { return {.hook = Step, .context = this}; }
};

// Whether a child that does body() is killed at the given store to `table`; it has come to a good end if not.
template <typename Body>
bool DiesAt(int step, FakeTable& table, Body body) {
  const int status = Reap(StartChild([&] {
    DeathAtStep death{step};
    table.set_steps(death.steps());
    return body() ? 0 : 1;
  }));
  EXPECT_TRUE(WIFSIGNALED(status) || status == 0) << "at step " << step;
  return WIFSIGNALED(status);
}
template <typename Body>
void DieAt(int step, FakeTable& table, Body body) {
  EXPECT_TRUE(DiesAt(step, table, body)) << "ended before step " << step;
}

}  // namespace socksify

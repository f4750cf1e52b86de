// SPDX-License-Identifier: BSD-2-Clause
//
// The file is small and seldom written, so it is read whole, and replaced whole by rename(2), instead of
// being mapped as the tables beside it are: that leaves no password in memory that others map.
#include "resolver/handed_passwords.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <expected>
#include <vector>

#include "base/wipe.h"
#include "resolver/fake_table_lock.h"
#include "resolver/state_file.h"

namespace socksify {
namespace {

struct Header {
  char magic[8] = {'S', 'o', 'c', 'k', 's', 'P', 'w', '1'};
  uint32_t size = 0;
  uint32_t sum = 0;
};

constexpr size_t kMaxFileSize =
    sizeof(Header) + kMaxHandedPasswords * (kMaxHandedKeySize + kMaxHandedPasswordSize + 2);

// How often a reader may find that the file has just been replaced.
constexpr int kMaxTrials = 100;

// Text that is wiped at the end of its life.
struct Secret {
  std::string text;
  Secret() = default;
  ~Secret() { Wipe(&text); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
};

std::string PathIn(const std::string& directory) {
  return directory + "/passwords-1";
}

// FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/. It finds damage, not malice: who can write the file can
// also read it.
uint32_t Sum(std::string_view text) {
  uint32_t sum = 2'166'136'261;
  for (const char c : text) sum = (sum ^ static_cast<uint8_t>(c)) * 16'777'619;
  return sum;
}

bool IsStorable(std::string_view text, size_t max_size) {
  return !text.empty() && text.size() <= max_size && text.find('\0') == std::string_view::npos;
}

bool IsStorable(const HandedPassword& entry) {
  return IsStorable(entry.key, kMaxHandedKeySize) && IsStorable(entry.password, kMaxHandedPasswordSize);
}

// Reads the whole of a file of ours. Returns 0 or an errno value; EAGAIN for a file that a writer has
// replaced since it was opened, EUCLEAN for one that is not ours.
int ReadOnce(const std::string& path, std::string* content) {
  const RawDescriptor fd(OpenStateFile(path));
  if (!fd.valid()) return errno;
  struct stat64 status{};
  if (fstat64(fd.get(), &status) != 0) return errno;
  if (status.st_nlink == 0) return EAGAIN;
  const uint64_t size = static_cast<uint64_t>(status.st_size);
  if (size < sizeof(Header) || size > kMaxFileSize) return EUCLEAN;
  if (const int error = CheckStateFile(fd.get(), size, &status)) return status.st_nlink == 0 ? EAGAIN : error;
  content->resize(size);
  if (pread64(fd.get(), content->data(), size, 0) != static_cast<ssize_t>(size)) return EUCLEAN;
  return 0;
}

int Read(const std::string& path, std::string* content) {
  int error = EAGAIN;
  for (int trial = 0; trial < kMaxTrials && error == EAGAIN; ++trial) error = ReadOnce(path, content);
  return error;
}

// Takes the text up to a NUL and the NUL off the front of `rest`.
std::optional<std::string_view> TakeField(std::string_view* rest) {
  const size_t end = rest->find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view field = rest->substr(0, end);
  rest->remove_prefix(end + 1);
  return field;
}

// The entries point into `content`. EUCLEAN where that is damaged.
std::expected<std::vector<HandedPassword>, int> Parse(std::string_view content) {
  Header header;
  const Header expected;
  std::memcpy(static_cast<void*>(&header), content.data(), sizeof header);
  std::string_view rest = content.substr(sizeof header);
  if (std::memcmp(header.magic, expected.magic, sizeof header.magic) != 0 || header.size != rest.size() ||
      header.sum != Sum(rest)) {
    return std::unexpected(EUCLEAN);
  }
  std::vector<HandedPassword> entries;
  while (!rest.empty()) {
    const auto key = TakeField(&rest);
    const auto password = TakeField(&rest);
    if (!key || !password) return std::unexpected(EUCLEAN);
    const HandedPassword entry{*key, *password};
    if (!IsStorable(entry) || entries.size() == kMaxHandedPasswords) return std::unexpected(EUCLEAN);
    entries.push_back(entry);
  }
  return entries;
}

std::expected<std::vector<HandedPassword>, int> ReadEntries(const std::string& path, std::string* content) {
  if (const int error = Read(path, content)) return std::unexpected(error);
  return Parse(*content);
}

void Merge(std::span<const HandedPassword> passwords, std::vector<HandedPassword>* entries) {
  for (const HandedPassword& password : passwords) {
    std::erase_if(*entries, [&](const HandedPassword& entry) { return entry.key == password.key; });
    entries->push_back(password);
  }
  if (entries->size() > kMaxHandedPasswords) {
    entries->erase(entries->begin(), entries->end() - static_cast<ptrdiff_t>(kMaxHandedPasswords));
  }
}

void Serialize(std::span<const HandedPassword> entries, std::string* content) {
  size_t size = sizeof(Header);
  for (const HandedPassword& entry : entries) size += entry.key.size() + entry.password.size() + 2;
  // At once: a string that grows leaves copies of what it held.
  content->reserve(size);
  content->resize(sizeof(Header));
  for (const HandedPassword& entry : entries) {
    content->append(entry.key).append(1, '\0').append(entry.password).append(1, '\0');
  }
  Header header;
  const std::string_view body = std::string_view(*content).substr(sizeof header);
  header.size = static_cast<uint32_t>(body.size());
  header.sum = Sum(body);
  std::memcpy(content->data(), static_cast<const void*>(&header), sizeof header);
}

int WriteAll(int fd, std::string_view content) {
  // Whatever the umask has taken away.
  if (fchmod(fd, S_IRUSR | S_IWUSR) != 0) return errno;
  for (size_t at = 0; at < content.size();) {
    const ssize_t written = pwrite64(fd, content.data() + at, content.size() - at, static_cast<off64_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : ENOSPC;
    at += static_cast<size_t>(written);
  }
  return 0;
}

int Replace(const std::string& path, std::string_view content) {
  const std::string fresh = path + ".new";
  const RawDescriptor fd(MakeStateFile(fresh, content.size()));
  if (!fd.valid()) return errno;
  int error = WriteAll(fd.get(), content);
  if (error == 0 && rename(fresh.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) unlink(fresh.c_str());
  return error;
}

}  // namespace

int HandPasswords(const std::string& directory, std::span<const HandedPassword> passwords) {
  if (!std::ranges::all_of(passwords, [](const HandedPassword& entry) { return IsStorable(entry); }))
    return EINVAL;
  if (passwords.empty()) return 0;
  // The names' lock serves here as well.
  const FakeTableLock lock(directory, nullptr);
  if (lock.error() != 0) return lock.error();
  const std::string path = PathIn(directory);
  Secret before;
  auto entries = ReadEntries(path, &before.text);
  if (!entries && entries.error() != ENOENT && entries.error() != EUCLEAN) return entries.error();
  if (!entries) entries.emplace();
  Merge(passwords, &*entries);
  Secret after;
  Serialize(*entries, &after.text);
  return Replace(path, after.text);
}

std::optional<std::string> FindHandedPassword(const std::string& directory, std::string_view key) {
  if (directory.empty()) return std::nullopt;
  Secret content;
  const auto entries = ReadEntries(PathIn(directory), &content.text);
  if (!entries) return std::nullopt;
  const auto found = std::ranges::find(*entries, key, &HandedPassword::key);
  if (found == entries->end()) return std::nullopt;
  return std::string(found->password);
}

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// A table file of any content, then reads and writes. The input is laid over a valid table of eight slots
// from an offset that its first two bytes give in units of 16, so that both headers and what stands behind a
// sound one are met.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/unique_fd.h"
#include "resolver/fake_table.h"
#include "resolver/fake_table_layout.h"
#include "tests/fuzz/fuzz_directory.h"

namespace socksify {
namespace {

FakeRange Range() {
  return {.v4 = IpAddress::V4(0xc6120000), .v4_bits = 29, .v6 = *IpAddress::Parse("100::"), .v6_bits = 96};
}

void Exercise(FakeTable& table) {
  for (uint32_t slot = 0; slot < table.capacity(); ++slot) {
    const IpAddress address = IpAddress::V4(0xc6120000 + slot);
    table.NameFor(address, 1);
    if (const auto entry = table.EntryAt(slot)) Check(entry->v4 == address && !entry->name.empty());
  }
  table.Hold(IpAddress::V4(0xc6120001));
  for (uint32_t i = 0; i < 2 * table.capacity(); ++i) {
    // Up to 105 bytes, in labels that are not too long: slots and tails.
    const size_t size = i * size_t{7};
    const std::string name =
        std::to_string(i) + std::string(size / 2, 'x') + ".fuzz-" + std::string(size / 2, 'y');
    const auto address = table.AddressFor(name, IpVersion::kV4);
    Check(address.has_value());
    const auto endpoint = table.NameFor(*address, 1);
    Check(endpoint && endpoint->name() == name);
    Check(table.AddressFor(name, IpVersion::kV4) == address);
  }
  table.Release(IpAddress::V4(0xc6120001));
  Check(table.size() <= table.capacity());
  Check(table.Clear().has_value());
  Check(table.size() == 0);
  for (uint32_t slot = 0; slot < table.capacity(); ++slot) Check(!table.EntryAt(slot));
}

}  // namespace
}  // namespace socksify

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace socksify;
  static const FuzzDirectory directory("fake-table-fuzz");
  static const std::string path = directory.path() + "/names-5-198.18.0.0-29-100::-96";
  constexpr FakeTableLayout kLayout(8);
  if (size < 2) return 0;
  unlink(path.c_str());
  {
    auto table = FakeTable::Open(directory.path(), Range());
    Check(table.has_value());
    for (const char* name : {"one", "two.test", "a-longer-name.example.test", "four", "five"}) {
      Check((*table)->AddressFor(name, IpVersion::kV4).has_value());
    }
  }
  const size_t offset = (data[0] | size_t{data[1]} << 8) * 16 % kLayout.FileSize();
  size = std::min(size - 2, kLayout.FileSize() - offset);
  {
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    Check(pwrite(fd.get(), data + 2, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size));
  }
  auto table = FakeTable::Open(directory.path(), Range());
  Check(table.has_value());
  Exercise(**table);
  return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
// Any text as a file of credentials: it is read, or the problem is told without showing the word in kSecret.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "routing/netrc.h"

namespace socksify {
namespace {

constexpr std::string_view kSecret = "Xs3cretX";
constexpr size_t kMaxCredentialSize = 255;

void CheckEntries(const std::vector<NetrcEntry>& entries) {
  for (const NetrcEntry& entry : entries) {
    if (entry.login.size() > kMaxCredentialSize || entry.password.size() > kMaxCredentialSize) std::abort();
  }
  for (const char* const username : {"", "alice"}) {
    const NetrcEntry* const found =
        FindNetrcEntry(entries, *Endpoint::FromHost("proxy.test", 1080), "office", username);
    if (found == nullptr) continue;
    if (!found->has_password || (found->port != 0 && found->port != 1080)) std::abort();
    if (*username == '\0' ? found->login.empty() : found->has_login && found->login != username) std::abort();
  }
}

}  // namespace
}  // namespace socksify

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace socksify;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto entries = ParseNetrc(text);
  if (entries) {
    CheckEntries(*entries);
    return 0;
  }
  const NetrcProblem& problem = entries.error();
  const auto lines = static_cast<size_t>(std::ranges::count(text, '\n')) + 1;
  if (problem.message.empty() || problem.line == 0 || problem.line > lines) std::abort();
  if (problem.message.find(kSecret) != std::string::npos ||
      problem.remedy.find(kSecret) != std::string::npos) {
    std::abort();
  }
  return 0;
}

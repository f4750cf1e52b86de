// SPDX-License-Identifier: BSD-2-Clause
// Any text as a proxy's URL: it is read within its limits, or refused with a message that does not show what
// stands in front of the '@'.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "routing/proxy_url.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace socksify;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto url = ParseProxyUrl(text);
  if (url) {
    if (url->address.port() == 0 || url->username.size() > 255 || url->password.size() > 255) std::abort();
    if (url->has_username == url->username.empty()) std::abort();
    return 0;
  }
  if (url.error().message.empty()) std::abort();
  const size_t at = text.rfind('@');
  const size_t slashes = text.find("://");
  if (at == std::string_view::npos || slashes == std::string_view::npos || slashes > at) return 0;
  const std::string_view user_info = text.substr(slashes + 3, at - slashes - 3);
  constexpr size_t kLongEnoughToBeNoAccident = 24;
  if (user_info.size() < kLongEnoughToBeNoAccident) return 0;
  // What also stands elsewhere may be shown from there.
  if (text.find(user_info) != slashes + 3 || text.rfind(user_info) != slashes + 3) return 0;
  if (url.error().message.find(user_info) != std::string::npos) std::abort();
  return 0;
}

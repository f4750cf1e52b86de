// SPDX-License-Identifier: BSD-2-Clause
// Any text as a proxy's URL: it is read within its limits or refused. The same with a password in front of
// it: no message shows that.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "routing/proxy_url.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace socksify;
  constexpr std::string_view kSecret = "Xs3cretX";
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (text.find(kSecret) != std::string::npos) return 0;
  for (const std::string& each :
       {text, "socks5://user:" + std::string(kSecret) + "@" + text, std::string(kSecret) + "@" + text}) {
    const auto url = ParseProxyUrl(each);
    if (url) {
      if (url->address.port() == 0 || url->username.size() > 255 || url->password.size() > 255) std::abort();
      if (url->has_username == url->username.empty()) std::abort();
      continue;
    }
    if (url.error().message.empty()) std::abort();
    if (url.error().message.find(kSecret) != std::string::npos) std::abort();
    if (url.error().remedy.find(kSecret) != std::string::npos) std::abort();
  }
  return 0;
}

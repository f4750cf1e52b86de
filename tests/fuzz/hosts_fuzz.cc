// SPDX-License-Identifier: BSD-2-Clause
// The hosts parser: the first line is the name that is asked for, the rest is the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "resolver/local_names.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace socksify;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view name = input.substr(0, input.find('\n'));
  const std::string_view hosts = input.substr(name.size() < size ? name.size() + 1 : size);
  const bool has_name = HostsHaveName(hosts, name);
  if (IsNeverFaked(name, "box", hosts) != (IsNumericHost(name) || IsOwnName(name, "box") || has_name))
    abort();
  // What is not in the text at all cannot be found in it.
  if (has_name && name.size() > hosts.size() + 1) abort();
  // A line that is added decides both questions.
  const std::string more = std::string(hosts) + "\n192.0.2.77 added.test\n";
  if (!HostsHaveName(more, "Added.TEST.") || !HostsHaveAddress(more, IpAddress::V4(0xc000024d))) abort();
  HostsHaveAddress(hosts, IpAddress::V4(0x7f000001));
  // Each name that is shown can be found, and the one that is found is shown.
  struct Shown {
    std::string_view hosts;
    std::string_view name;
    bool has_name = false;
  } shown{hosts, name.ends_with('.') ? name.substr(0, name.size() - 1) : name};
  EachNameOfHosts(
      hosts,
      [](void* context, std::string_view each) {
        auto* const self = static_cast<Shown*>(context);
        if (!each.empty() && !HostsHaveName(self->hosts, std::string(each) + ".")) abort();
        if (!each.empty() && EqualsIgnoreCase(each, self->name)) self->has_name = true;
      },
      &shown);
  if (shown.has_name != has_name) abort();
  return 0;
}

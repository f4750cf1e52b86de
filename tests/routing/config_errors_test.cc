// SPDX-License-Identifier: BSD-2-Clause
// The complete texts of errors: they are what a user has to go by.
#include <gtest/gtest.h>

#include "tests/routing/fake_machine.h"

namespace socksify {
namespace {

struct BadConfig {
  const char* text;
  const char* errors;
};

class ConfigErrorsTest : public testing::TestWithParam<BadConfig> {};

TEST_P(ConfigErrorsTest, ReportsWholeText) {
  FakeMachine machine;
  EXPECT_EQ(machine.ErrorsOf(GetParam().text), GetParam().errors);
}

constexpr BadConfig kBadConfigs[] = {
    {"rout {\n  from: 0/0\n}\n", ""},
    {"route { from: 0/0 to: 0/0 port = htp via: direct }\n", ""},
    {"route { from: 0/0 to: 0/0 via: d2 }\nserver d1 { address: 10.0.0.1 }\n", ""},
    {"route { from: 0/0 to: 10.0.0.0/255.0.255.0 via: direct }\n", ""},
    {"route { from: 0/0 to: 0/0 via: 10.0.0.1 port = 99999 }\n", ""},
    {"resolveprotocol: udp\nlogoutputt: stderr\ntimeout.connect: soon\n", ""},
    {"internal: eth0 port = 1080\nclient pass { from: 0/0 to: 0/0 }\ndebug: 1\n", ""},
    {"route {\n\tfrom: 0/0 to: 0/0\n\tvia: direct\n\nroute { to: 0/0 via: block }\n", ""},
    {"route { to: 0/0 }\n", ""},
    {"route { from: 0/0 from: 0/0 to: 0/0 via: direct }\n", ""},
    {"server a { address: 10.0.0.1; password: geheim }\nroute { to: 0/0 via: a }\n", ""},
    {"server a { address: 10.0.0.1 username: u password: ge heim }\nroute { to: 0/0 via: a }\n", ""},
    {"server a { address: 10.0.0.1 pasword: geheim }\nroute { to: 0/0 via: a }\n", ""},
    {"route { to: 0/0 via: socks5://alice:ge heim@10.0.0.1:1080 }\n", ""},
    {"route { to: 0/0 via: https://10.0.0.1 }\n", ""},
    {"route { to: *.example.org via: direct }\n", ""},
    {"route { to: 0/0 via: direct then 10.0.0.1 }\n", ""},
    {"route { to: 0/0 via: direct protocol: tpc }\n", ""},
};

INSTANTIATE_TEST_SUITE_P(All, ConfigErrorsTest, testing::ValuesIn(kBadConfigs));

}  // namespace
}  // namespace socksify

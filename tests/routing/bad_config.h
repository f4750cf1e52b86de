// SPDX-License-Identifier: BSD-2-Clause
// What the tables of configurations in error share.
#pragma once

#include <gtest/gtest.h>

#include <span>

#include "tests/routing/fake_machine.h"

namespace socksify {

// A text, and all that is said of it.
struct BadConfig {
  const char* text;
  const char* errors;
};

inline void ExpectErrors(std::span<const BadConfig> table) {
  for (const BadConfig& bad : table) {
    FakeMachine machine;
    EXPECT_EQ(machine.ErrorsOf(bad.text), bad.errors) << "for:\n" << bad.text;
  }
}

}  // namespace socksify

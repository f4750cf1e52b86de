// SPDX-License-Identifier: BSD-2-Clause
// Warnings of routes that are never reached are those that a comparison of all pairs would give.
#include <gtest/gtest.h>

#include <algorithm>

#include "routing/config_linker.h"
#include "tests/routing/fake_machine.h"
#include "tests/routing/random_rules.h"

namespace socksify {
namespace {

// "LATER<EARLIER " for each rule that an earlier one covers.
std::string Compare(const std::vector<Rule>& rules) {
  std::string text;
  for (size_t later = 0; later < rules.size(); ++later) {
    const auto earlier = std::find_if(rules.begin(), rules.begin() + static_cast<ptrdiff_t>(later),
                                      [&](const Rule& rule) { return rule.Covers(rules[later]); });
    if (earlier == rules.begin() + static_cast<ptrdiff_t>(later)) continue;
    text += rules[later].where.ToString() + "<" + earlier->where.ToString() + " ";
  }
  return text;
}

// The same from the warnings.
std::string Warn(const std::vector<Rule>& rules) {
  const SourceText source("f", std::string(rules.size(), '\n'), SourceText::Lines::kNumbered);
  std::vector<RouteDraft> drafts(rules.size());
  for (RouteDraft& draft : drafts) draft.source = &source;
  Reporter reporter;
  WarnOfUnreachableRules(drafts, rules, &reporter);
  std::string text;
  for (const Diagnostic& warning : reporter.TakeWarnings()) {
    constexpr std::string_view kBefore = "this route is never reached: ";
    EXPECT_TRUE(warning.message.starts_with(kBefore)) << warning.message;
    const std::string_view rest = std::string_view(warning.message).substr(kBefore.size());
    text += warning.where.ToString() + "<" + std::string(rest.substr(0, rest.find(' '))) + " ";
  }
  return text;
}

TEST(UnreachableRulesTest, FindsWhatComparingAllPairsFinds) {
  const auto source = std::make_shared<const std::string>("f");
  size_t found = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    RandomRules random(seed);
    std::vector<Rule> rules = random.Rules();
    // What matches no destination at all is covered by everything, and not looked for.
    std::erase_if(rules, [](const Rule& rule) {
      return !rule.to.empty() && std::ranges::all_of(rule.to, [](const AddressPattern& pattern) {
        return pattern.kind == AddressPattern::Kind::kNothing;
      });
    });
    for (size_t i = 0; i < rules.size(); ++i) rules[i].where = {source, static_cast<unsigned>(i + 1), 1};
    const std::string expected = Compare(rules);
    ASSERT_EQ(Warn(rules), expected) << "seed " << seed;
    found += static_cast<size_t>(std::ranges::count(expected, '<'));
  }
  EXPECT_GT(found, 10'000u);
}

std::string Host(size_t number) {
  return "host" + std::to_string(number) + ".test";
}

// A file of more than a mebibyte, with a server for every tenth route.
TEST(UnreachableRulesTest, LooksThroughLongFiles) {
  constexpr size_t kRoutes = 20'000;
  std::string text = "autoroute: none\n";
  for (size_t i = 0; i < kRoutes / 10; ++i) {
    text += "server s" + std::to_string(i) + " { address: 10.0.0.1 port = " + std::to_string(i + 1) + " }\n";
  }
  for (size_t i = 0; i < kRoutes; ++i) {
    text += "route { from: 0/0 to: " + Host(i) + " via: s" + std::to_string(i / 10) + " }\n";
  }
  text += "route { to: " + Host(kRoutes - 1) + " port = 80 via: direct }\n";
  ASSERT_GT(text.size(), size_t{1} << 20);
  FakeMachine machine;
  const auto config = machine.LoadText(text);
  ASSERT_TRUE(config.has_value()) << FakeMachine::Join(config);
  ASSERT_EQ(config->warnings.size(), 1u);
  EXPECT_EQ(
      config->warnings[0].ToString(),
      "test.conf:22002:1: warning: this route is never reached: test.conf:22001 matches everything that "
      "it does\n"
      "  route { to: host19999.test port = 80 via: direct }\n"
      "  ^\n"
      "  put the more special route first, or remove this one\n");
  for (size_t i = 0; i < kRoutes; i += 999) {
    const Endpoint host = *Endpoint::FromName(Host(i), 80);
    const Rule* const rule = config->routes.Decide({host});
    ASSERT_NE(rule, nullptr) << i;
    EXPECT_EQ(rule->where.line, 2002 + i);
    EXPECT_EQ(rule->group[0].hops[0]->address.port(), i / 10 + 1);
  }
}

// So many routes for one network that not all pairs of them can be compared.
TEST(UnreachableRulesTest, GivesUpWhereAllWouldHaveToBeCompared) {
  std::vector<Rule> rules(5000);
  const auto source = std::make_shared<const std::string>("f");
  for (size_t i = 0; i < rules.size(); ++i) {
    rules[i].to_port = {static_cast<uint16_t>(i), static_cast<uint16_t>(i), false};
    rules[i].where = {source, static_cast<unsigned>(i + 1), 1};
  }
  rules[1000].to_port = rules[500].to_port;
  rules[4999].to_port = rules[4998].to_port;
  EXPECT_EQ(Warn(rules), "f:1001<f:501 ");
}

}  // namespace
}  // namespace socksify

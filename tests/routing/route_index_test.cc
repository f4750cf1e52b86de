// SPDX-License-Identifier: BSD-2-Clause
// The index changes nothing: tables of every kind are asked, and a plain scan of the same rules must say the
// same.
#include "routing/route_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string>
#include <utility>

#include "routing/route_table.h"
#include "tests/routing/random_rules.h"

namespace {

thread_local size_t g_allocations = 0;

}  // namespace

void* operator new(size_t size) {
  ++g_allocations;
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace socksify {
namespace {

using Kind = AddressPattern::Kind;

// What RouteTable::Decide() says, by its contract.
const Rule* Scan(const RouteTable& table, const Query& query) {
  const auto rule =
      std::ranges::find_if(table.rules(), [&](const Rule& each) { return each.Matches(query); });
  return rule == table.rules().end() ? nullptr : &*rule;
}

// What RouteTable::HowToResolve() says, by its contract.
NameRule ScanForName(const RouteTable& table, std::string_view name, std::string_view process) {
  const auto rules = table.rules();
  const bool has_say =
      std::ranges::any_of(rules, [](const Rule& r) { return r.SayInResolving().has_value(); });
  bool only_direct = true;
  bool met_any = false;
  bool must_stay_name = false;
  for (const Rule& rule : rules) {
    if (!rule.MayMeetName(name, process, kNobody)) continue;
    met_any = true;
    const std::optional<ResolveProtocol> say = rule.SayInResolving();
    if (say && (!must_stay_name || *say == ResolveProtocol::kFake)) return {*say, &rule};
    only_direct = only_direct && rule.IsPurelyDirect();
    must_stay_name = must_stay_name || (!rule.IsPurelyDirect() && rule.IsForNamesAlone());
    if (rule.IsUnconditional() || (!only_direct && !has_say)) break;
  }
  return {met_any && only_direct ? ResolveProtocol::kLocal : ResolveProtocol::kTcp, nullptr};
}

IpAddress Ip(const char* text) {
  return IpAddress::Parse(text).value();
}

AddressPattern Network(const char* address, unsigned prefix_bits) {
  return {.kind = Kind::kNetwork, .network = Ip(address), .prefix_bits = prefix_bits, .name = {}};
}

AddressPattern Name(Kind kind, std::string name) {
  return {.kind = kind, .network = {}, .prefix_bits = 0, .name = std::move(name)};
}

Rule To(std::vector<AddressPattern> patterns) {
  Rule rule;
  rule.group.resize(1);
  rule.to = std::move(patterns);
  return rule;
}

std::vector<uint32_t> Numbers(Candidates candidates) {
  std::vector<uint32_t> numbers;
  for (uint32_t i = candidates.Next(); i != Candidates::kEnd; i = candidates.Next()) numbers.push_back(i);
  return numbers;
}

using List = std::vector<uint32_t>;

TEST(RouteIndexTest, DecidesLikeAScan) {
  size_t met = 0;
  size_t missed = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    RandomRules random(seed);
    const RouteTable table(random.Rules(), {});
    for (int i = 0; i < 100; ++i) {
      const Endpoint host = random.Host();
      const IpAddress source = random.Address();
      const std::string process = random.Process();
      const Query query{.destination = host,
                        .transport = random.AnyTransport(),
                        .command = random.AnyCommand(),
                        .source = random.Below(2) == 0 ? &source : nullptr,
                        .process = process,
                        .source_port = random.Port()};
      const Rule* const expected = Scan(table, query);
      ASSERT_EQ(table.Decide(query), expected) << "seed " << seed << ", " << host.ToString();
      ++(expected != nullptr ? met : missed);
    }
  }
  EXPECT_GT(met, 50'000u);
  EXPECT_GT(missed, 30'000u);
}

TEST(RouteIndexTest, ResolvesLikeAScan) {
  size_t met = 0;
  size_t missed = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    RandomRules random(seed);
    const RouteTable table(random.Rules(), {});
    for (int i = 0; i < 50; ++i) {
      const std::string name = random.Name();
      const std::string process = random.Process();
      const NameRule expected = ScanForName(table, name, process);
      const NameRule found = table.HowToResolve(name, process, kNobody, ResolveProtocol::kTcp);
      ASSERT_EQ(found.rule, expected.rule) << "seed " << seed << ", " << name;
      ASSERT_EQ(found.protocol, expected.protocol) << "seed " << seed << ", " << name;
      ++(expected.rule != nullptr ? met : missed);
    }
  }
  EXPECT_GT(met, 5'000u);
  EXPECT_GT(missed, 10'000u);
}

// For an address exactly the rules that match it, or the index would be of no use.
TEST(RouteIndexTest, LeavesOutWhatDoesNotMatch) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    RandomRules random(seed);
    const RouteTable table(random.Rules(), {});
    const RouteIndex index(table.rules(), 0);
    for (int i = 0; i < 50; ++i) {
      const IpAddress address = random.Address();
      List expected;
      for (uint32_t number = 0; number < table.rules().size(); ++number) {
        const std::vector<AddressPattern>& to = table.rules()[number].to;
        const auto matches = [&](const AddressPattern& pattern) { return pattern.MatchesAddress(address); };
        if (to.empty() || std::ranges::any_of(to, matches)) expected.push_back(number);
      }
      ASSERT_EQ(Numbers(index.ForAddress(address)), expected)
          << "seed " << seed << ", " << address.ToString();
    }
  }
}

TEST(RouteIndexTest, FindsNetworksInEachOther) {
  const std::vector<Rule> rules = {To({Network("10.1.2.3", 32)}),
                                   To({Network("10.1.2.99", 24)}),  // the bits past the mask do not count
                                   To({Network("10.1.3.0", 24)}),
                                   To({Network("10.0.0.0", 8), Network("10.0.0.0", 16)}),
                                   To({Network("255.255.255.255", 32), Network("0.0.0.0", 32)}),
                                   To({Network("2001:db8::", 32)}),
                                   To({Network("2001:db8::1", 128), Network("2001:db8::", 65)}),
                                   To({Network("10.1.2.3", 33)})};
  const RouteIndex index(rules, 0);
  const std::pair<const char*, List> expected[] = {{"10.1.2.3", {0, 1, 3}},
                                                   {"10.1.2.4", {1, 3}},
                                                   {"10.1.2.255", {1, 3}},
                                                   {"10.1.3.0", {2, 3}},
                                                   {"10.1.4.0", {3}},
                                                   {"10.0.255.255", {3}},
                                                   {"10.255.255.255", {3}},
                                                   {"9.255.255.255", {}},
                                                   {"11.0.0.0", {}},
                                                   {"255.255.255.255", {4}},
                                                   {"255.255.255.254", {}},
                                                   {"0.0.0.0", {4}},
                                                   {"0.0.0.1", {}},
                                                   {"::ffff:10.1.2.3", {}},
                                                   {"a01:203::", {}},
                                                   {"2001:db8::1", {5, 6}},
                                                   {"2001:db8::1%7", {5, 6}},
                                                   {"2001:db8::7fff:ffff:ffff:ffff", {5, 6}},
                                                   {"2001:db8::8000:0:0:0", {5}},
                                                   {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", {5}},
                                                   {"2001:db9::", {}},
                                                   {"::", {}}};
  for (const auto& [address, numbers] : expected) {
    EXPECT_EQ(Numbers(index.ForAddress(Ip(address))), numbers) << address;
  }
}

TEST(RouteIndexTest, FindsNamesByTheirDots) {
  const std::vector<Rule> rules = {To({Name(Kind::kDomain, "example.org")}),
                                   To({Name(Kind::kDomain, "org")}),
                                   To({Name(Kind::kName, "www.example.org")}),
                                   To({Name(Kind::kDomain, "www.example.org"), Name(Kind::kName, "a")}),
                                   To({Name(Kind::kDomain, "")}),
                                   To({Name(Kind::kDomain, "b."), Name(Kind::kName, ".c")})};
  const RouteIndex index(rules, 0);
  const std::pair<const char*, List> expected[] = {
      {"www.example.org", {0, 1, 2, 3}},
      {"WWW.eXample.ORG.", {0, 1, 2, 3}},
      {"example.org", {0, 1}},
      {"wwww.example.org", {0, 1}},
      {"xexample.org", {1}},
      {".example.org", {0, 1}},
      {"example..org", {1}},
      {"org", {1}},
      {"forg", {}},
      {"example.org.test", {}},
      {"org..", {4}},  // one dot does not count, the other ends it
      {"a", {3}},
      {"A.", {3}},
      {"", {4}},
      {".", {4}},
      {"..", {4}},
      {"b..", {4, 5}},
      {"x.b..", {4, 5}},
      {".c", {5}},
      {"c", {}}};
  for (const auto& [name, numbers] : expected) EXPECT_EQ(Numbers(index.ForName(name)), numbers) << name;
}

TEST(RouteIndexTest, TakesEverythingForWhatItIs) {
  const std::vector<Rule> rules = {
      To({}),
      To({AddressPattern{}}),
      To({Name(Kind::kNothing, "")}),
      To({Name(Kind::kEveryName, "")}),
      To({Network("10.0.0.0", 0)}),
      To({Network("::", 0)}),
      To({AddressPattern{}, Network("10.0.0.0", 8), Name(Kind::kName, "a.test")})};
  const RouteIndex index(rules, 0);
  EXPECT_EQ(Numbers(index.ForAddress(Ip("10.0.0.1"))), (List{0, 1, 4, 6}));
  EXPECT_EQ(Numbers(index.ForAddress(Ip("1.2.3.4"))), (List{0, 1, 4, 6}));
  EXPECT_EQ(Numbers(index.ForAddress(Ip("::1"))), (List{0, 1, 5, 6}));
  EXPECT_EQ(Numbers(index.ForName("a.test")), (List{0, 1, 3, 4, 5, 6}));
  EXPECT_EQ(Numbers(index.ForName("b.test")), (List{0, 1, 3, 4, 5, 6}));
}

// More lists than are merged: all rules are asked.
TEST(RouteIndexTest, BearsNetworksOfEverySize) {
  std::vector<Rule> v4;
  for (unsigned bits = 0; bits <= 32; ++bits) v4.push_back(To({Network("10.1.2.3", bits)}));
  List first_33(33);
  for (uint32_t i = 0; i < 33; ++i) first_33[i] = i;
  EXPECT_EQ(Numbers(RouteIndex(v4, 0).ForAddress(Ip("10.1.2.3"))), first_33);
  first_33.pop_back();
  EXPECT_EQ(Numbers(RouteIndex(v4, 0).ForAddress(Ip("10.1.2.2"))), first_33);

  std::vector<Rule> v6;
  for (unsigned bits = 129; bits-- > 0;) v6.push_back(To({Network("2001:db8::1", bits)}));
  const RouteTable table(std::move(v6), {});
  const auto decide = [&](const char* address) {
    return table.Decide({Endpoint::FromIp(Ip(address), 80)}) - table.rules().data();
  };
  EXPECT_EQ(decide("2001:db8::1"), 0);
  EXPECT_EQ(decide("2001:db8::"), 1);
  EXPECT_EQ(decide("2001:db8::ffff"), 16);
  EXPECT_EQ(decide("8000::"), 128);
}

TEST(RouteIndexTest, BearsNamesOfEveryDepth) {
  std::string name = "a";
  std::vector<Rule> rules;
  std::vector<std::string> names;
  for (int depth = 0; depth < 127; ++depth) {
    names.push_back(name);
    rules.insert(rules.begin(), To({Name(Kind::kDomain, name)}));
    name += ".a";
  }
  ASSERT_EQ(names.back().size(), 253u);
  const RouteTable table(std::move(rules), {});
  for (size_t depth = 0; depth < names.size(); ++depth) {
    const Endpoint host = *Endpoint::FromName(names[depth], 80);
    EXPECT_EQ(table.Decide({host}) - table.rules().data(), 126 - static_cast<ptrdiff_t>(depth));
  }
  const Endpoint dots = *Endpoint::FromName(std::string(255, '.'), 80);
  EXPECT_EQ(table.Decide({dots}), nullptr);
  const std::string long_name = std::string(1000, 'b') + ".a";
  EXPECT_EQ(table.HowToResolve(long_name, "", kNobody, ResolveProtocol::kTcp).protocol,
            ResolveProtocol::kLocal);
}

TEST(RouteIndexTest, GoesThroughSmallTablesFromTheStart) {
  for (const size_t size : {RouteIndex::kMaxScanned - 1, RouteIndex::kMaxScanned}) {
    const std::vector<Rule> rules(size, To({Name(Kind::kNothing, "")}));
    EXPECT_EQ(Numbers(RouteIndex(rules).ForName("a")).size(), size);
    EXPECT_EQ(Numbers(RouteIndex(rules).ForAddress(Ip("::1"))).size(), size);
  }
  const std::vector<Rule> rules(RouteIndex::kMaxScanned + 1, To({Name(Kind::kNothing, "")}));
  EXPECT_EQ(Numbers(RouteIndex(rules).ForName("a")), List{});
  EXPECT_EQ(Numbers(RouteIndex(rules).ForAddress(Ip("::1"))), List{});
  EXPECT_EQ(Numbers(RouteIndex().ForName("a")), List{});
}

TEST(RouteIndexTest, StaysGoodWhenTheTableMoves) {
  std::vector<Rule> rules(50, To({Network("10.0.0.0", 8)}));
  rules.push_back(To({Name(Kind::kDomain, "test")}));
  RouteTable first(std::move(rules), {});
  const RouteTable table = std::move(first);
  const Endpoint host = *Endpoint::FromName("web.test", 80);
  EXPECT_EQ(table.Decide({host}), &table.rules()[50]);
}

TEST(RouteIndexTest, DecidesWithoutAllocating) {
  RandomRules random(4);
  std::vector<Rule> rules(1000, To({Network("10.0.0.0", 8), Name(Kind::kDomain, "com")}));
  for (Rule& rule : rules) rule.to_port = {443, 443, false};
  const RouteTable table(std::move(rules), {});
  std::vector<Endpoint> hosts;
  for (int i = 0; i < 1000; ++i) hosts.push_back(random.Host());
  const std::string long_name(1000, '.');
  const size_t before = g_allocations;
  ASSERT_NE(before, 0u);
  for (const Endpoint& host : hosts) table.Decide({host});
  table.HowToResolve(long_name, "curl", kNobody, ResolveProtocol::kFake);
  EXPECT_EQ(g_allocations, before);
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// What a route decision costs, by the number of rules: a third of them for IPv4 networks, a third for IPv6
// networks, a third for names and domains; and what it costs to load such a table.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "tests/routing/fake_machine.h"

namespace socksify {
namespace {

enum class Kind : uint8_t { kV4, kV6, kName };

std::string V4Text(uint32_t value) {
  return IpAddress::V4(value).ToString();
}

std::string V6Text(uint64_t high, uint64_t low) {
  std::array<uint8_t, 16> bytes{};
  for (size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<uint8_t>(high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<uint8_t>(low >> (56 - 8 * i));
  }
  return IpAddress::V6(bytes).ToString();
}

// A configuration of `count` routes, and for each a host that it matches.
struct Routes {
  std::string text;
  std::array<std::vector<Endpoint>, 3> hosts;  // by Kind
};

Routes MakeRoutes(size_t count) {
  Routes routes;
  routes.text = "autoroute: none\nserver work { address: 10.0.0.1 port = 1080 }\n";
  std::mt19937_64 random(1);
  for (size_t i = 0; i < count; ++i) {
    const uint64_t bits = random();
    std::string to;
    std::string host;
    switch (static_cast<Kind>(i % 3)) {
      case Kind::kV4: {
        const auto address = static_cast<uint32_t>(0x40000000 | (bits >> 34));
        to = V4Text(address) + "/" + std::to_string(18 + bits % 15);
        host = V4Text(address);
        break;
      }
      case Kind::kV6: {
        const uint64_t high = 0x2000000000000000 | bits >> 4;
        to = V6Text(high, 0) + "/" + std::to_string(40 + bits % 25);
        host = V6Text(high, random());
        break;
      }
      case Kind::kName: {
        const std::string name = "site" + std::to_string(bits % 1'000'000'000) + ".example.org";
        const bool is_domain = bits % 4 != 0;
        to = (is_domain ? "." : "") + name;
        host = (is_domain ? "www." : "") + name;
        break;
      }
    }
    routes.text += "route { from: 0/0 to: " + to + " via: work }\n";
    routes.hosts[i % 3].push_back(*Endpoint::FromHost(host, 443));
  }
  return routes;
}

// Hosts among those of the routes, few of which any route matches.
std::vector<Endpoint> MakeStrangers(Kind kind, size_t count) {
  std::vector<Endpoint> hosts;
  std::mt19937_64 random(2);
  for (size_t i = 0; i < count; ++i) {
    const uint64_t bits = random();
    const std::string host = kind == Kind::kV4   ? V4Text(static_cast<uint32_t>(0x40000000 | (bits >> 34)))
                             : kind == Kind::kV6 ? V6Text(0x2000000000000000 | bits >> 4, random())
                                                 : "www.elsewhere" + std::to_string(bits) + ".example.org";
    hosts.push_back(*Endpoint::FromHost(host, 443));
  }
  return hosts;
}

// In random order, and in this order in memory too: to fetch the question is not part of the decision.
void Measure(benchmark::State& state, const Routes& routes, std::vector<Endpoint> hosts) {
  FakeMachine machine;
  const auto config = machine.LoadText(routes.text);
  if (!config || hosts.empty()) return state.SkipWithError("no table");
  std::ranges::shuffle(hosts, std::mt19937(3));
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(config->routes.Decide({.destination = hosts[i], .process = "curl"}));
    if (++i == hosts.size()) i = 0;
  }
}

template <Kind kKind>
void Hit(benchmark::State& state) {
  const Routes routes = MakeRoutes(static_cast<size_t>(state.range(0)));
  Measure(state, routes, routes.hosts[static_cast<size_t>(kKind)]);
}

template <Kind kKind>
void Miss(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  Measure(state, MakeRoutes(count), MakeStrangers(kKind, count / 3));
}

void Counts(benchmark::internal::Benchmark* benchmark) {
  for (const int count : {8, 10, 100, 1000, 10'000, 100'000}) benchmark->Arg(count);
}
BENCHMARK(Hit<Kind::kV4>)->Apply(Counts);
BENCHMARK(Hit<Kind::kV6>)->Apply(Counts);
BENCHMARK(Hit<Kind::kName>)->Apply(Counts);
BENCHMARK(Miss<Kind::kV4>)->Apply(Counts);
BENCHMARK(Miss<Kind::kV6>)->Apply(Counts);
BENCHMARK(Miss<Kind::kName>)->Apply(Counts);

// Many routes for one network, which differ in their ports; the last one matches.
void OneNetworkManyPorts(benchmark::State& state) {
  Routes routes;
  const auto count = static_cast<int>(state.range(0));
  for (int port = 1; port <= count; ++port) {
    routes.text += "route { from: 0/0 to: 10.0.0.0/8 port = " + std::to_string(port) + " via: direct }\n";
  }
  Measure(state, routes, {*Endpoint::FromHost("10.1.2.3", static_cast<uint16_t>(count))});
}
BENCHMARK(OneNetworkManyPorts)->Arg(10)->Arg(100)->Arg(1000)->Arg(10'000);

void Load(benchmark::State& state) {
  const Routes routes = MakeRoutes(static_cast<size_t>(state.range(0)));
  FakeMachine machine;
  for (auto _ : state) benchmark::DoNotOptimize(machine.LoadText(routes.text));
}
BENCHMARK(Load)->Arg(10)->Arg(1000)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace socksify

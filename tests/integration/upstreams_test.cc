// SPDX-License-Identifier: BSD-2-Clause
// Groups of proxies and many processes: a proxy that is killed while all of them use it, and how a group that
// is balanced shares out their connections.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <fstream>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/unique_fd.h"
#include "tests/integration/preload_fixture.h"

namespace socksify {
namespace {

using testserver::RequestRecord;
using testserver::TestServer;

// A test server in a process of its own, which can be killed. It connects to everything.
class ServerProcess {
 public:
  ServerProcess() {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    output_.Reset(ends[0]);
    const UniqueFd write_end(ends[1]);
    std::vector<std::string> arguments = {SOCKSIFY_TESTSERVER, "--lifetime", "60", "--echo", "*",
                                          "--record",          "/dev/stdout"};
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
    if (posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ) != 0) pid_ = -1;
    posix_spawn_file_actions_destroy(&actions);
    endpoint_ = ReadLine().substr(std::string("listening on ").size());
  }
  ~ServerProcess() { Kill(); }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  std::string url() const { return "socks5://" + endpoint_; }

  void WaitForConnections(size_t count) {
    for (size_t i = 0; i < count; ++i) ReadLine();
  }

  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  std::string ReadLine() {
    std::string line;
    for (char c = 0; read(output_.get(), &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }

  pid_t pid_ = -1;
  UniqueFd output_;
  std::string endpoint_;
};

class UpstreamsTest : public PreloadTest {
 protected:
  static constexpr size_t kServers = 3;

  UpstreamsTest() {
    options_.deadline = std::chrono::seconds(60);
    for (TestServer& server : servers_) server.AddEcho("*");
  }

  // Everything goes through these; `more` are options of the route.
  void UseGroup(const std::vector<std::string>& targets, const std::string& more = {}) {
    std::string via;
    for (const std::string& target : targets) via += (via.empty() ? "" : ", ") + target;
    UseConfig("route { from: 0/0 to: 0/0 via: " + via + ' ' + more + " }\n");
  }
  void UseServers(const std::string& more) {
    UseGroup({ProxyUrl(servers_[0]), ProxyUrl(servers_[1]), ProxyUrl(servers_[2])}, more);
  }

  // So many processes at once, each of which has to make all its connections.
  std::vector<std::future<ProgramOutcome>> StartLoads(size_t processes,
                                                      const std::vector<std::string>& arguments) const {
    std::vector<std::future<ProgramOutcome>> loads;
    loads.reserve(processes);
    for (size_t i = 0; i < processes; ++i)
      loads.push_back(std::async(std::launch::async, [this, arguments] { return Run("load", arguments); }));
    return loads;
  }
  static void ExpectConnected(std::vector<std::future<ProgramOutcome>> loads, size_t each) {
    for (std::future<ProgramOutcome>& load : loads) {
      const ProgramOutcome outcome = load.get();
      EXPECT_EQ(outcome.out, "connected " + std::to_string(each) + '\n');
      EXPECT_EQ(outcome.err, "");
    }
  }

  std::vector<size_t> Counts() const {
    std::vector<size_t> counts;
    counts.reserve(kServers);
    for (const TestServer& server : servers_) counts.push_back(server.requests().size());
    return counts;
  }

  // Which servers each destination was asked of.
  std::map<std::string, std::set<size_t>> ServersOfHosts() const {
    std::map<std::string, std::set<size_t>> servers;
    for (size_t i = 0; i < kServers; ++i) {
      for (const RequestRecord& request : servers_[i].requests()) servers[request.host].insert(i);
    }
    return servers;
  }

  // The events of the trace, by "EVENT OUTCOME".
  static std::map<std::string, size_t> CountEvents(const std::string& path) {
    std::map<std::string, size_t> counts;
    std::ifstream trace(path);
    for (std::string line; std::getline(trace, line);) {
      const nlohmann::json event = nlohmann::json::parse(line);
      ++counts[event.value("event", "?") + ' ' + event.value("outcome", "?")];
    }
    return counts;
  }

  std::array<TestServer, kServers> servers_;
};

// No connect() fails. Whoever is in the middle of a handshake, or has not heard yet, notices on its own; the
// others know from them.
TEST_F(UpstreamsTest, ProxyIsKilledUnderLoad) {
  constexpr size_t kProcesses = 50;
  constexpr size_t kEach = 40;
  ServerProcess first;
  UseGroup({first.url(), ProxyUrl(servers_[1]), ProxyUrl(servers_[2])});
  const std::string trace = directory_ + "/trace";
  options_.environment["SOCKSIFY_TRACE"] = trace;
  std::vector<std::future<ProgramOutcome>> loads =
      StartLoads(kProcesses, {std::to_string(kEach), "7", "10.99.99.99"});
  first.WaitForConnections(kProcesses * kEach / 10);
  first.Kill();
  ExpectConnected(std::move(loads), kEach);
  std::map<std::string, size_t> events = CountEvents(trace);
  EXPECT_EQ(events["connect ok"], kProcesses * kEach);
  const size_t trials =
      events["trial ECONNREFUSED"] + events["trial ECONNRESET"] + events["trial ECONNABORTED"];
  EXPECT_GE(trials, 1U);
  EXPECT_LE(trials, 2 * kProcesses);
  EXPECT_EQ(events["trial ETIMEDOUT"], 0U);
  EXPECT_GT(servers_[1].requests().size(), kProcesses * kEach / 2);
  EXPECT_TRUE(servers_[2].requests().empty());
}

TEST_F(UpstreamsTest, RoundRobinIsEvenOverProcesses) {
  UseServers("balance: roundrobin");
  ExpectConnected(StartLoads(30, {"100", "7", "10.99.99.99"}), 100);
  EXPECT_THAT(Counts(), testing::Each(testing::AllOf(testing::Ge(990U), testing::Le(1010U))));
}

TEST_F(UpstreamsTest, RoundRobinByWeight) {
  UseGroup(
      {ProxyUrl(servers_[0]) + " weight = 3", ProxyUrl(servers_[1]) + " weight = 2", ProxyUrl(servers_[2])},
      "balance: roundrobin");
  ExpectConnected(StartLoads(30, {"40", "7", "10.99.99.99"}), 40);
  EXPECT_EQ(Counts(), (std::vector<size_t>{600, 400, 200}));
}

// Far more than four standard deviations from a third, so that a fair draw cannot fail.
TEST_F(UpstreamsTest, RandomIsRoughlyEven) {
  UseServers("balance: random");
  ExpectConnected(StartLoads(30, {"50", "7", "10.99.99.99"}), 50);
  EXPECT_THAT(Counts(), testing::Each(testing::AllOf(testing::Ge(400U), testing::Le(600U))));
}

TEST_F(UpstreamsTest, HashKeepsDestinations) {
  std::vector<std::string> arguments = {"2", "7"};
  for (int i = 0; i < 100; ++i) arguments.push_back("host" + std::to_string(i) + ".test");
  UseServers("balance: hash");
  ExpectConnected(StartLoads(8, arguments), 200);
  const std::map<std::string, std::set<size_t>> before = ServersOfHosts();
  ASSERT_EQ(before.size(), 100U);
  std::array<size_t, kServers> hosts{};
  for (const auto& [host, servers] : before) {
    EXPECT_EQ(servers.size(), 1U) << host;
    ++hosts[*servers.begin()];
  }
  EXPECT_THAT(hosts, testing::Each(testing::Ge(10U)));

  // The second one goes; the others keep what they had, and share what it leaves.
  servers_[1].Stop();
  ExpectConnected(StartLoads(8, arguments), 200);
  for (const auto& [host, servers] : ServersOfHosts()) {
    const size_t owner = *before.at(host).begin();
    if (owner != 1) {
      EXPECT_EQ(servers, std::set{owner}) << host;
    } else {
      EXPECT_EQ(servers.size(), 2U) << host;
    }
  }
}

}  // namespace
}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
// The client of README.md for libevent's bufferevents.
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netdb.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

constexpr int kConnections = 20;

struct Client {
  event_base* base = nullptr;
  std::array<bufferevent*, kConnections> connections{};
  int connected = 0;
  int answered = 0;
  int right = 0;
};

static void SendAll(Client& client) {
  for (int number = 0; number < kConnections; ++number) {
    const std::string line = std::to_string(number) + '\n';
    bufferevent_write(client.connections.at(static_cast<size_t>(number)), line.data(), line.size());
  }
}

static void OnEvent(bufferevent*, short what, void* context) {
  auto& client = *static_cast<Client*>(context);
  if ((what & BEV_EVENT_CONNECTED) != 0) {
    if (++client.connected == kConnections) SendAll(client);
    return;
  }
  std::puts(strerrorname_np(EVUTIL_SOCKET_ERROR()));
  event_base_loopbreak(client.base);
  client.right = -1;
}

static void OnLine(bufferevent* connection, void* context) {
  auto& client = *static_cast<Client*>(context);
  const std::unique_ptr<char, decltype(&std::free)> line(
      evbuffer_readln(bufferevent_get_input(connection), nullptr, EVBUFFER_EOL_LF), &std::free);
  if (line == nullptr) return;
  for (int number = 0; number < kConnections; ++number) {
    if (client.connections.at(static_cast<size_t>(number)) == connection &&
        line.get() == std::to_string(number))
      ++client.right;
  }
  if (++client.answered == kConnections) event_base_loopbreak(client.base);
}

// libevent chooses the call to wait with by what the environment does not forbid.
static void Choose(const char* how) {
  if (std::strcmp(how, "epoll") == 0) return;
  setenv("EVENT_NOEPOLL", "1", 1);
  if (std::strcmp(how, "select") == 0) setenv("EVENT_NOPOLL", "1", 1);
}

int main(int argc, char** argv) {
  if (argc != 4) return EXIT_FAILURE;
  Choose(argv[3]);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* where = nullptr;
  if (getaddrinfo(argv[1], argv[2], &hints, &where) != 0) return EXIT_FAILURE;
  Client client;
  client.base = event_base_new();
  if (std::strcmp(event_base_get_method(client.base), argv[3]) != 0) return EXIT_FAILURE;
  for (bufferevent*& connection : client.connections) {
    connection = bufferevent_socket_new(client.base, -1, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(connection, OnLine, nullptr, OnEvent, &client);
    bufferevent_enable(connection, EV_READ | EV_WRITE);
    bufferevent_socket_connect(connection, where->ai_addr, static_cast<int>(where->ai_addrlen));
  }
  event_base_dispatch(client.base);
  if (client.right >= 0) std::printf("%d\n", client.right);
  for (bufferevent* connection : client.connections) bufferevent_free(connection);
  event_base_free(client.base);
  freeaddrinfo(where);
}

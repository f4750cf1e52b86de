// SPDX-License-Identifier: BSD-2-Clause
// The client of README.md for Boost.Asio: a socket is registered with epoll, edge-triggered, before it
// connects.
#include <boost/asio.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr int kConnections = 20;

struct Connection {
  explicit Connection(asio::io_context& context) : socket(context) {}

  tcp::socket socket;
  std::string sent;
  std::string received;
};

class Client {
 public:
  Client(asio::io_context& context, const tcp::resolver::results_type& where) {
    for (int number = 0; number < kConnections; ++number) {
      auto& connection = *connections_.emplace_back(std::make_unique<Connection>(context));
      connection.sent = std::to_string(number) + '\n';
      asio::async_connect(connection.socket, where,
                          [this](boost::system::error_code error, const tcp::endpoint&) {
                            FailOn(error);
                            if (++connected_ == kConnections) SendAll();
                          });
    }
  }

  int right() const { return right_; }

 private:
  static void FailOn(boost::system::error_code error) {
    if (!error) return;
    std::cout << (error == asio::error::connection_refused ? "ECONNREFUSED" : error.message()) << std::endl;
    std::exit(EXIT_SUCCESS);
  }

  void SendAll() {
    for (auto& owned : connections_) {
      Connection& connection = *owned;
      asio::async_write(connection.socket, asio::buffer(connection.sent),
                        [](boost::system::error_code error, std::size_t) { FailOn(error); });
      asio::async_read_until(connection.socket, asio::dynamic_buffer(connection.received), '\n',
                             [this, &connection](boost::system::error_code error, std::size_t) {
                               FailOn(error);
                               if (connection.received == connection.sent) ++right_;
                             });
    }
  }

  std::vector<std::unique_ptr<Connection>> connections_;
  int connected_ = 0;
  int right_ = 0;
};

int main(int argc, char** argv) {
  if (argc != 3) return EXIT_FAILURE;
  asio::io_context context;
  Client client(context, tcp::resolver(context).resolve(argv[1], argv[2]));
  context.run();
  std::cout << client.right() << std::endl;
}

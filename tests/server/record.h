// SPDX-License-Identifier: BSD-2-Clause
// What the server was asked: one RequestRecord per accepted connection, collected in a RecordBook.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace socksify::testserver {

// How the destination was written in the request.
enum class AddressType : uint8_t { kNone, kV4, kV6, kName };

const char* AddressTypeName(AddressType type);  // "none", "v4", "v6", "name"

// How many bytes of a datagram's payload are kept.
constexpr size_t kDatagramHeadSize = 64;

// One datagram of the client, its destination as sent.
struct DatagramRecord {
  AddressType address_type = AddressType::kNone;
  std::string host{};  // {} for -Wmissing-field-initializers
  uint16_t port = 0;
  size_t size = 0;     // of the payload
  std::string head{};  // the payload's first bytes
};

struct RequestRecord {
  size_t id = 0;             // counts from 0 in the order of acceptance
  std::string client;        // the peer's address: 127.0.0.1:40000
  std::string listener;      // the address that it connected to
  std::string protocol;      // "socks4", "socks4a", "socks5", "http", or empty: nothing understood yet
  std::vector<int> methods;  // the methods a SOCKS5 client offered, in its order
  int method = -1;           // the one the server named, -1 for none yet
  std::string user;          // user name, or SOCKS4 user id
  std::string password;      // not of HTTP Digest, which does not tell it
  std::string auth;          // the scheme of an HTTP client's last credentials: "basic", "digest"
  std::string algorithm;     // of Digest: "MD5", "SHA-256", ...
  size_t requests = 0;       // of an HTTP client on this connection
  int command = 0;           // 1 CONNECT, 2 BIND, 3 UDP ASSOCIATE; 0 before the request
  AddressType address_type = AddressType::kNone;
  std::string host;  // the destination as sent; addresses in their usual text form
  uint16_t port = 0;
  int reply_code = -1;  // the code in the server's last reply, with HTTP the status; -1 for none yet
  // "" while negotiating; "connected", "associated", "bound" (no peer has come yet), "accepted", "timed out",
  // "refused", "bad credentials", "no credentials" and "stale credentials" (HTTP: the last answer was a 407),
  // "no acceptable method", "silent", "malformed: WHY", "client left", "ended by script", "stopped" (with the
  // server): what became of the request, not how a connected one ended.
  std::string outcome;
  std::string raw;                 // the handshake's bytes as the client sent them
  uint64_t bytes_from_client = 0;  // application data; both counts are final when `finished`
  uint64_t bytes_to_client = 0;
  // Of a BIND.
  std::string bound;               // where it listens, whatever the reply says: 127.0.0.1:40000
  int second_code = -1;            // the code in the second reply, -1 for none yet
  std::vector<std::string> peers;  // who has connected; with Dante's bind extension the first 1000
  // Of a UDP association; its byte counts are those of the payloads.
  uint64_t datagrams_from_client = 0;  // with a whole header, whatever became of them
  uint64_t datagrams_to_client = 0;
  uint64_t ignored_datagrams = 0;         // of strangers, fragments, without a whole header
  std::vector<DatagramRecord> datagrams;  // the first 1000 from the client
  size_t peak_connections = 0;            // most connections at a time, up to the end of this one
  bool finished = false;                  // the connection is over
};

// Thread-safe.
class RecordBook {
 public:
  // Called in the server's thread whenever a connection is over. Set before the server starts.
  using FinishedCallback = std::function<void(const RequestRecord&)>;
  explicit RecordBook(FinishedCallback on_finished = nullptr) : on_finished_(std::move(on_finished)) {}

  size_t Open();  // the new record's id
  // A record is stored before the bytes it speaks of are sent: a client that has seen the reply finds the
  // request here.
  // The datagrams stay as they are here: they come by StoreDatagrams alone.
  void Store(const RequestRecord& record);
  // Stores `record` and appends to its datagrams.
  void StoreDatagrams(const RequestRecord& record, std::vector<DatagramRecord> datagrams);
  void Finish(RequestRecord record);

  std::vector<RequestRecord> records() const;
  size_t peak_connections() const;
  bool WaitForFinished(size_t count, std::chrono::milliseconds timeout) const;

 private:
  void StoreLocked(const RequestRecord& record);

  const FinishedCallback on_finished_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<RequestRecord> records_;
  size_t finished_ = 0;
  size_t open_ = 0;
  size_t peak_ = 0;
};

}  // namespace socksify::testserver

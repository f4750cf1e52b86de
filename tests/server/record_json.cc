// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/record_json.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

namespace socksify::testserver {
namespace {

const char* CommandName(int command) {
  switch (command) {
    case 1: return "connect";
    case 2: return "bind";
    case 3: return "udp associate";
    default: return "unknown";
  }
}

std::string ToHex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

nlohmann::ordered_json DatagramsToJson(const std::vector<DatagramRecord>& datagrams) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const DatagramRecord& datagram : datagrams) {
    nlohmann::ordered_json& json = list.emplace_back();
    json["type"] = AddressTypeName(datagram.address_type);
    json["host"] = datagram.host;
    json["port"] = datagram.port;
    json["size"] = datagram.size;
    json["head"] = ToHex(datagram.head);
  }
  return list;
}

}  // namespace

std::string ToJsonLine(const RequestRecord& record, bool with_raw) {
  nlohmann::ordered_json json;
  json["id"] = record.id;
  json["client"] = record.client;
  json["listener"] = record.listener;
  if (!record.protocol.empty()) json["protocol"] = record.protocol;
  if (!record.methods.empty()) json["methods"] = record.methods;
  if (record.method >= 0) json["method"] = record.method;
  if (!record.user.empty()) json["user"] = record.user;
  if (!record.password.empty()) json["password"] = record.password;
  if (!record.auth.empty()) json["auth"] = record.auth;
  if (!record.algorithm.empty()) json["algorithm"] = record.algorithm;
  if (record.requests != 0) json["requests"] = record.requests;
  if (record.address_type != AddressType::kNone) {
    json["command"] = CommandName(record.command);
    json["type"] = AddressTypeName(record.address_type);
    json["host"] = record.host;
    json["port"] = record.port;
  }
  if (record.reply_code >= 0) json["reply"] = record.reply_code;
  if (!record.bound.empty()) json["bound"] = record.bound;
  if (record.second_code >= 0) json["second_reply"] = record.second_code;
  if (!record.peers.empty()) json["peers"] = record.peers;
  json["outcome"] = record.outcome;
  json["bytes_from_client"] = record.bytes_from_client;
  json["bytes_to_client"] = record.bytes_to_client;
  if (record.outcome == "associated") {
    json["datagrams_from_client"] = record.datagrams_from_client;
    json["datagrams_to_client"] = record.datagrams_to_client;
    json["ignored_datagrams"] = record.ignored_datagrams;
    json["datagrams"] = DatagramsToJson(record.datagrams);
  }
  json["peak_connections"] = record.peak_connections;
  if (with_raw) json["raw"] = ToHex(record.raw);
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace socksify::testserver

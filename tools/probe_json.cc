// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>

#include "tools/json_text.h"
#include "tools/probe.h"

namespace socksify {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const std::optional<Failure>& failure) {
  if (!failure) return nullptr;
  return {{"errno", ErrnoName(failure->error)},
          {"reply_code", failure->reply_code >= 0 ? Json(failure->reply_code) : Json()},
          {"reason", failure->reason}};
}

Json ToJson(const ProbeAnswer& answer) {
  Json object;
  object["yes"] = answer.state == ProbeAnswer::State::kNotAsked ? Json() : Json(answer.is_yes());
  object["failure"] = ToJson(answer.failure);
  return object;
}

Json WithAddress(const ProbeAnswer& answer, const std::string& address) {
  Json object = ToJson(answer);
  object["address"] = TextOrNull(address);
  return object;
}

Json ServerToJson(const ProbeReport& report) {
  Json object;
  object["server"] = report.server;
  object["name"] = TextOrNull(report.name);
  object["where"] = TextOrNull(report.where);
  object["protocol"] = ProtocolName(report.protocol);
  object["usable"] = report.problem.empty();
  object["problem"] = TextOrNull(report.problem);
  object["addresses"] = Json::array();
  for (const ProbedAddress& probed : report.addresses) {
    object["addresses"].push_back({{"address", probed.address.ToString()},
                                   {"connect_ms", probed.failure ? Json() : Json(probed.connect_ms)},
                                   {"failure", ToJson(probed.failure)}});
  }
  object["protocols"] = {{"socks5", ToJson(report.socks5)},
                         {"socks4", ToJson(report.socks4)},
                         {"socks4a", ToJson(report.socks4a)},
                         {"http", ToJson(report.http)}};
  object["methods"] = {{"none", ToJson(report.none)},
                       {"username", ToJson(report.username)},
                       {"gssapi", ToJson(report.gssapi)}};
  object["credentials"] = ToJson(report.credentials);
  Json connect = ToJson(report.connect);
  connect["ms"] = report.connect.is_yes() ? Json(report.connect_ms) : Json();
  object["commands"] = {{"connect", std::move(connect)},
                        {"bind", WithAddress(report.bind, report.listens_at)},
                        {"udp", WithAddress(report.udp, report.relay)}};
  object["round_trips"] = report.round_trips != 0 ? Json(report.round_trips) : Json();
  object["pipelining"] = ToJson(report.pipelining);
  return object;
}

}  // namespace

std::string ToJson(const std::vector<ProbeReport>& reports) {
  Json object;
  object["ok"] = std::ranges::all_of(reports, &std::string::empty, &ProbeReport::problem);
  object["destination"] = reports.empty() ? Json() : TextOrNull(reports[0].destination);
  object["servers"] = Json::array();
  for (const ProbeReport& report : reports) object["servers"].push_back(ServerToJson(report));
  return ToLine(object);
}

}  // namespace socksify

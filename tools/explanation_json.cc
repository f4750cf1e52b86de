// SPDX-License-Identifier: BSD-2-Clause
#include <nlohmann/json.hpp>

#include "base/failure.h"
#include "tools/explanation.h"
#include "tools/json_text.h"

namespace socksify {
namespace {

using Json = nlohmann::ordered_json;

Json PathToJson(const PathReport& path) {
  Json hops = Json::array();
  for (const HopReport& hop : path.hops) {
    hops.push_back({{"server", TextOrNull(hop.name)},
                    {"address", hop.address},
                    {"protocols", hop.protocols},
                    {"where", TextOrNull(hop.where)},
                    {"unusable", TextOrNull(hop.unusable)}});
  }
  const char* const kind = path.kind == Target::Kind::kDirect  ? "direct"
                           : path.kind == Target::Kind::kBlock ? "block"
                                                               : "proxy";
  const bool is_chain = path.hops.size() > 1;
  return {{"kind", kind},
          {"fallback", path.is_fallback},
          {"usable", path.IsUsable()},
          {"weight", path.weight},
          {"chain", is_chain ? Json(ToString(path.chain)) : Json()},
          {"length", path.chain_length != 0 ? Json(path.chain_length) : Json()},
          {"hops", std::move(hops)}};
}

Json PathsToJson(const std::vector<PathReport>& paths) {
  Json list = Json::array();
  for (const PathReport& path : paths) list.push_back(PathToJson(path));
  return list;
}

Json ErrnoOrNull(int error) {
  return error == 0 ? Json() : Json(ErrnoName(error));
}

}  // namespace

std::string ToJson(const Explanation& explanation) {
  Json object;
  object["destination"] = explanation.destination;
  object["transport"] = ToString(explanation.transport);
  object["process"] = TextOrNull(explanation.process);
  object["user"] = TextOrNull(explanation.user);
  object["verdict"] = ToString(explanation.verdict);
  object["errno"] = ErrnoOrNull(explanation.error);
  object["reason"] = TextOrNull(explanation.reason);
  object["rule"] = nullptr;
  if (explanation.has_rule) {
    object["rule"] = LocationToJson(explanation.where);
    object["rule"]["text"] = TextOrNull(explanation.rule_text);
    object["rule"]["balance"] = ToString(explanation.balance);
  }
  object["paths"] = PathsToJson(explanation.paths);
  object["resolution"] = ToString(explanation.resolution);
  object["resolve_rule"] = TextOrNull(explanation.resolve_where);
  object["name_servers"] = Json::array();
  for (const Explanation& server : explanation.name_servers) {
    object["name_servers"].push_back({{"address", server.destination},
                                      {"verdict", ToString(server.verdict)},
                                      {"errno", ErrnoOrNull(server.error)},
                                      {"reason", TextOrNull(server.reason)},
                                      {"rule", TextOrNull(server.has_rule ? server.where.ToString() : "")},
                                      {"paths", PathsToJson(server.paths)}});
  }
  object["addresses"] = Json::array();
  for (const IpAddress& address : explanation.addresses) object["addresses"].push_back(address.ToString());
  return ToLine(object);
}

}  // namespace socksify

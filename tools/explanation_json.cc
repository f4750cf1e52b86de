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
  return {
      {"kind", kind}, {"fallback", path.is_fallback}, {"usable", path.IsUsable()}, {"hops", std::move(hops)}};
}

}  // namespace

std::string ToJson(const Explanation& explanation) {
  Json object;
  object["destination"] = explanation.destination;
  object["transport"] = ToString(explanation.transport);
  object["process"] = TextOrNull(explanation.process);
  object["verdict"] = ToString(explanation.verdict);
  object["errno"] = explanation.error == 0 ? Json() : Json(ErrnoName(explanation.error));
  object["reason"] = TextOrNull(explanation.reason);
  object["rule"] = nullptr;
  if (explanation.has_rule) {
    object["rule"] = LocationToJson(explanation.where);
    object["rule"]["text"] = TextOrNull(explanation.rule_text);
    object["rule"]["balance"] = ToString(explanation.balance);
  }
  object["paths"] = Json::array();
  for (const PathReport& path : explanation.paths) object["paths"].push_back(PathToJson(path));
  object["resolution"] = ToString(explanation.resolution);
  object["addresses"] = Json::array();
  for (const IpAddress& address : explanation.addresses) object["addresses"].push_back(address.ToString());
  return ToLine(object);
}

}  // namespace socksify

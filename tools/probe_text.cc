// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "tools/probe.h"
#include "tools/text_table.h"

namespace socksify {
namespace {

// Every line: two blanks, a label in this width, a value.
constexpr size_t kLeastLabelWidth = 12;

class Lines {
 public:
  void Add(std::string_view label, std::string_view value) {
    labels_.emplace_back(label);
    values_.emplace_back(value);
  }
  // Nothing for what was not asked.
  void Add(std::string_view label, const ProbeAnswer& answer, std::string_view yes, std::string_view no) {
    if (answer.state == ProbeAnswer::State::kNotAsked) return;
    std::string value(answer.is_yes() ? yes : no);
    if (answer.failure && !answer.is_yes()) value += ": " + Describe(answer.failure);
    Add(label, value);
  }
  std::string ToText() const {
    size_t width = kLeastLabelWidth;
    for (const std::string& label : labels_) width = std::max(width, label.size());
    std::string text;
    for (size_t i = 0; i < labels_.size(); ++i)
      text += "  " + labels_[i] + std::string(width - labels_[i].size() + 2, ' ') + values_[i] + '\n';
    return text;
  }

 private:
  std::vector<std::string> labels_;
  std::vector<std::string> values_;
};

std::string Headline(const ProbeReport& report) {
  std::string text = std::string(ProtocolName(report.protocol)) + ' ' + report.server;
  text += " (" + report.name + (report.name.empty() || report.where.empty() ? "" : ", ") + report.where + ")";
  return text + (report.problem.empty() ? " can be used" : " cannot be used: " + report.problem) + '\n';
}

// A request that was refused shows that the protocol is spoken, and why is worth telling.
void AddProtocol(Lines* lines, std::string_view label, const ProbeAnswer& answer) {
  std::string yes = "yes";
  if (answer.is_yes() && answer.failure) yes += "; to the request: " + Describe(answer.failure);
  lines->Add(label, answer, yes, "no");
}

std::string DescribeUsername(const ProbeReport& report) {
  switch (report.credentials.state) {
    case ProbeAnswer::State::kYes: return "accepted, and so are the user name and password";
    case ProbeAnswer::State::kNo:
      return "accepted, but not this user: " + Describe(report.credentials.failure);
    case ProbeAnswer::State::kNotAsked: break;
  }
  return "accepted";
}

// "not accepted" says it all, and is no reason for itself.
void AddMethod(Lines* lines, std::string_view label, const ProbeAnswer& answer, std::string_view yes) {
  if (answer.state == ProbeAnswer::State::kNo) {
    lines->Add(label, Describe(answer.failure));
  } else {
    lines->Add(label, answer, yes, "");
  }
}

}  // namespace

std::string Describe(const std::optional<Failure>& failure) {
  if (!failure) return {};
  std::string text = failure->reason;
  // HTTP's reasons have the status in them.
  if (failure->reply_code >= 0 && failure->reply_code < 100)
    return text + " (reply " + std::to_string(failure->reply_code) + ")";
  constexpr std::array kSaidByReason = {ECONNABORTED, ETIMEDOUT, EACCES, EOPNOTSUPP, EAFNOSUPPORT};
  const bool is_said = failure->reply_code >= 0 || std::ranges::count(kSaidByReason, failure->error) > 0;
  return is_said ? text : text + ": " + std::strerror(failure->error);
}

std::string ToText(const ProbeReport& report) {
  Lines lines;
  for (const ProbedAddress& probed : report.addresses) {
    lines.Add(probed.address.ToString(),
              probed.failure ? Describe(probed.failure) : "connects in " + Milliseconds(probed.connect_ms));
  }
  AddProtocol(&lines, "socks5", report.socks5);
  AddMethod(&lines, "  none", report.none, "accepted");
  AddMethod(&lines, "  username", report.username, DescribeUsername(report));
  AddMethod(&lines, "  gssapi", report.gssapi, "accepted");
  AddProtocol(&lines, "socks4", report.socks4);
  AddProtocol(&lines, "socks4a", report.socks4a);
  AddProtocol(&lines, "http", report.http);
  lines.Add("connect", report.connect,
            "granted to " + report.destination + " in " + Milliseconds(report.connect_ms),
            "no way to " + report.destination);
  lines.Add("bind", report.bind, "listens at " + report.listens_at, "no");
  lines.Add("udp", report.udp, "relays at " + report.relay, "no");
  if (report.round_trips > 0)
    lines.Add("round trips", std::to_string(report.round_trips) + " for a connection, with that of TCP");
  lines.Add("pipelining", report.pipelining, "yes", "no");
  return Headline(report) + lines.ToText();
}

}  // namespace socksify

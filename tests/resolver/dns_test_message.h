// SPDX-License-Identifier: BSD-2-Clause
// DNS messages for the test server: questions read, answers written (RFC 1035 section 4).
#pragma once

#include <arpa/inet.h>
#include <arpa/nameser.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace socksify {

struct ServedQuestion {
  bool is_tcp = false;
  std::string name;  // web.test
  int type = 0;
  std::string message;  // all of it, without the length that TCP has in front
};

struct ServedRecord {
  std::string name;
  int type = 0;
  std::string data;
};

inline std::string TwoBytes(size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

inline std::string DnsName(std::string_view name) {
  std::string labels;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    labels += static_cast<char>(label.size());
    labels += label;
    name.remove_prefix(label.size() < name.size() ? label.size() + 1 : label.size());
  }
  return labels + '\0';
}

inline ServedRecord ARecord(std::string name, const char* address) {
  std::string data(4, '\0');
  inet_pton(AF_INET, address, data.data());
  return {std::move(name), ns_t_a, std::move(data)};
}

inline ServedRecord AaaaRecord(std::string name, const char* address) {
  std::string data(16, '\0');
  inet_pton(AF_INET6, address, data.data());
  return {std::move(name), ns_t_aaaa, std::move(data)};
}

inline ServedRecord NameRecord(std::string name, int type, std::string_view target) {
  return {std::move(name), type, DnsName(target)};
}

// Reads a message with one question.
inline ServedQuestion ReadQuestion(std::string message, bool is_tcp) {
  ServedQuestion question;
  question.is_tcp = is_tcp;
  size_t at = 12;
  while (at < message.size() && message[at] != '\0') {
    const auto size = static_cast<size_t>(message[at]);
    if (!question.name.empty()) question.name += '.';
    question.name += message.substr(at + 1, size);
    at += size + 1;
  }
  question.type = at + 2 < message.size()
                      ? static_cast<uint8_t>(message[at + 1]) << 8 | static_cast<uint8_t>(message[at + 2])
                      : 0;
  question.message = std::move(message);
  return question;
}

// QR, RD and RA are set; `flags` adds to them: a response code, or kTruncated.
inline constexpr unsigned kTruncated = 0x0200;

inline std::string AnswerTo(const ServedQuestion& question, const std::vector<ServedRecord>& records,
                            unsigned flags = 0) {
  std::string answer = question.message;
  answer.replace(2, 2, TwoBytes(0x8180 | flags));
  answer.replace(6, 2, TwoBytes(records.size()));
  for (const ServedRecord& record : records) {
    answer += DnsName(record.name) + TwoBytes(static_cast<size_t>(record.type)) + TwoBytes(ns_c_in);
    answer += TwoBytes(0) + TwoBytes(60);  // time to live
    answer += TwoBytes(record.data.size()) + record.data;
  }
  return answer;
}

}  // namespace socksify

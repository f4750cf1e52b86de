// SPDX-License-Identifier: BSD-2-Clause
// OptionReader: tells the options of a command line from its words, and stores them.
//
// Written as getopt_long(3) takes them: `-v`, `-f FILE`, `-fFILE`, `-vf FILE`, `--file FILE`, `--file=FILE`.
// That function itself also takes what is only the beginning of a long option, so that a new option breaks
// old scripts, and has words of its own for mistakes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace socksify {

struct Option {
  char letter = 0;  // 0: it has a name only
  std::string_view name;
  // Where it is stored: a flag, a value that may be given once, or one that may be repeated.
  std::variant<bool*, std::string*, std::vector<std::string>*> target;
  bool is_given = false;
};

class OptionReader {
 public:
  enum class Words : uint8_t {
    kEndOptions,  // the first one and all behind it are left alone
    kBetweenOptions,
  };

  // What is stored into must outlive the reading.
  void Add(char letter, std::string_view name, decltype(Option::target) target) {
    options_.push_back({letter, name, target});
  }

  // Reads what stands behind argv[0]; what is wrong, or nothing. An option that was not added is no mistake
  // here but a word, as is `--`.
  std::optional<std::string> Read(std::span<const char* const> argv, Words words);

  // The words, `--` among them; behind it everything is a word.
  std::vector<std::string>& words() { return words_; }

  bool IsGiven(std::string_view name) const;

 private:
  std::optional<std::string> ReadLong(std::string_view text);
  std::optional<std::string> ReadLetters(std::string_view letters);
  std::optional<std::string> ReadOption(Option* option, std::optional<std::string_view> attached);

  std::vector<Option> options_;
  std::span<const char* const> rest_;  // what has not been looked at
  std::vector<std::string> words_;
};

}  // namespace socksify

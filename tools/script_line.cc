// SPDX-License-Identifier: BSD-2-Clause
#include "tools/script_line.h"

#include <algorithm>
#include <cstddef>

#include "base/text.h"

namespace socksify {
namespace {

// BINPRM_BUF_SIZE of the kernel.
constexpr size_t kMaxLineSize = 256;

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kPreload = "LD_PRELOAD";

}  // namespace

std::optional<ScriptLine> ParseScriptLine(std::span<const uint8_t> file) {
  const size_t size = std::min(file.size(), kMaxLineSize);
  std::string text(file.begin(), file.begin() + static_cast<ptrdiff_t>(size));
  if (!text.starts_with("#!")) return std::nullopt;
  text.resize(std::min(text.find('\n'), text.size()));

  const std::string_view line = Trim(std::string_view(text).substr(2));
  const size_t end = std::min(line.find_first_of(kBlanks), line.size());
  if (end == 0) return std::nullopt;
  return ScriptLine{.interpreter = std::string(line.substr(0, end)),
                    .argument = std::string(Trim(line.substr(end)))};
}

std::vector<std::string> SplitEnvString(std::string_view text) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quote == 0 && kBlanks.find(c) != std::string_view::npos) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (c == quote) {
      quote = 0;
      continue;
    }
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
      continue;
    }
    if (c == '\\' && quote != '\'' && i + 1 < text.size()) c = text[++i];
    words.back() += c;
  }
  return words;
}

namespace {

// The words that env gets to see. The kernel hands over one argument; env splits it where it says -S, alone
// or at the end of a group of short options, which are then a word of their own.
std::vector<std::string> EnvWords(std::string_view argument) {
  constexpr std::string_view kLong = "--split-string=";
  if (argument.empty()) return {};
  if (argument.starts_with(kLong)) return SplitEnvString(argument.substr(kLong.size()));
  const size_t split = argument.find('S');
  const bool is_short = argument.starts_with('-') && !argument.starts_with("--");
  if (!is_short || split == std::string_view::npos || split > argument.find_first_of(kBlanks)) {
    return {std::string(argument)};
  }
  std::vector<std::string> words = SplitEnvString(argument.substr(split + 1));
  if (split > 1) words.emplace(words.begin(), argument.substr(0, split));
  return words;
}

}  // namespace

EnvCommand ParseEnvArgument(std::string_view argument) {
  EnvCommand command;
  const std::vector<std::string> words = EnvWords(argument);
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "-u" || word == "-C") {
      if (word == "-u" && i + 1 < words.size() && words[i + 1] == kPreload) command.clears_environment = true;
      ++i;
    } else if (word.starts_with("-")) {
      const bool is_short = !word.starts_with("--") && !word.starts_with("-u");
      const bool ignores =
          word == "-" || word == "--ignore-environment" || (is_short && word.find('i') != std::string::npos);
      const bool unsets =
          (word.starts_with("-u") || word.starts_with("--unset=")) && word.ends_with(kPreload);
      command.clears_environment = command.clears_environment || ignores || unsets;
    } else if (const size_t equals = word.find('='); equals != std::string::npos) {
      if (word.substr(0, equals) == kPreload) command.clears_environment = true;
    } else {
      command.program = word;
      break;
    }
  }
  return command;
}

}  // namespace socksify

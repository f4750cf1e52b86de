// SPDX-License-Identifier: BSD-2-Clause
#include "tools/option_reader.h"

#include <algorithm>

namespace socksify {

std::optional<std::string> OptionReader::Read(std::span<const char* const> argv, Words words) {
  rest_ = argv.subspan(std::min<size_t>(argv.size(), 1));
  while (!rest_.empty()) {
    const std::string_view text = rest_.front();
    rest_ = rest_.subspan(1);
    const size_t words_before = words_.size();
    if (text == "--") {
      words_.emplace_back(text);
      break;
    }
    std::optional<std::string> mistake;
    if (text.starts_with("--")) {
      mistake = ReadLong(text);
    } else if (text.starts_with('-') && text.size() > 1) {
      mistake = ReadLetters(text.substr(1));
    } else {
      words_.emplace_back(text);
    }
    if (mistake) return mistake;
    if (words == Words::kEndOptions && words_.size() > words_before) break;
  }
  words_.insert(words_.end(), rest_.begin(), rest_.end());
  return std::nullopt;
}

bool OptionReader::IsGiven(std::string_view name) const {
  const auto option = std::ranges::find(options_, name, &Option::name);
  return option != options_.end() && option->is_given;
}

std::optional<std::string> OptionReader::ReadLong(std::string_view text) {
  const size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals).substr(2);
  const auto option = std::ranges::find(options_, name, &Option::name);
  if (option == options_.end()) {
    words_.emplace_back(text);
    return std::nullopt;
  }
  if (equals == std::string_view::npos) return ReadOption(&*option, std::nullopt);
  if (std::holds_alternative<bool*>(option->target)) {
    return "--" + std::string(name) + " takes no value, found '" + std::string(text.substr(equals + 1)) + "'";
  }
  return ReadOption(&*option, text.substr(equals + 1));
}

std::optional<std::string> OptionReader::ReadLetters(std::string_view letters) {
  while (!letters.empty()) {
    const auto option = std::ranges::find(options_, letters[0], &Option::letter);
    if (option == options_.end()) {
      words_.push_back("-" + std::string(letters));
      return std::nullopt;
    }
    letters.remove_prefix(1);
    if (!std::holds_alternative<bool*>(option->target)) {
      return ReadOption(&*option, letters.empty() ? std::nullopt : std::optional(letters));
    }
    if (letters.starts_with('=')) {
      return "-" + std::string(1, option->letter) + " takes no value, found '" +
             std::string(letters.substr(1)) + "'";
    }
    ReadOption(&*option, std::nullopt);
  }
  return std::nullopt;
}

// `attached` is the value in the same word.
std::optional<std::string> OptionReader::ReadOption(Option* option,
                                                    std::optional<std::string_view> attached) {
  const bool is_repeated = option->is_given;
  option->is_given = true;
  if (bool* const* const flag = std::get_if<bool*>(&option->target)) {
    **flag = true;
    return std::nullopt;
  }
  if (!attached) {
    if (rest_.empty()) return "--" + std::string(option->name) + " needs a value behind it";
    attached = rest_.front();
    rest_ = rest_.subspan(1);
  }
  if (auto* const* const values = std::get_if<std::vector<std::string>*>(&option->target)) {
    (*values)->emplace_back(*attached);
    return std::nullopt;
  }
  if (is_repeated) return "--" + std::string(option->name) + " is given more than once";
  *std::get<std::string*>(option->target) = *attached;
  return std::nullopt;
}

}  // namespace socksify

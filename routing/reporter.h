// SPDX-License-Identifier: BSD-2-Clause
// Reporter: collects what is wrong with one configuration, up to a bound, so that a file of garbage does not
// make a report as long as itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "routing/diagnostic.h"
#include "routing/source_text.h"

namespace socksify {

class Reporter {
 public:
  static constexpr size_t kMaxErrors = 100;

  void Error(const SourceText& source, const Location& where, std::string message, std::string remedy = {});
  void Warning(const SourceText& source, const Location& where, std::string message, std::string remedy = {});
  // For a text that must not be shown.
  void Error(const Location& where, std::string message, std::string remedy = {});
  // For what has no text of its own: a missing file.
  void Error(std::string_view source, std::string message, std::string remedy = {});
  void Warning(std::string_view source, std::string message, std::string remedy = {});

  bool has_errors() const { return !errors_.empty(); }
  bool full() const { return errors_.size() > kMaxErrors; }

  // In the order of their places, which is not always that of their discovery.
  std::vector<Diagnostic> TakeErrors();
  std::vector<Diagnostic> TakeWarnings();

 private:
  void AddError(Diagnostic diagnostic);

  std::vector<Diagnostic> errors_;
  std::vector<Diagnostic> warnings_;
};

}  // namespace socksify

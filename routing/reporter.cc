// SPDX-License-Identifier: BSD-2-Clause
#include "routing/reporter.h"

#include <memory>
#include <utility>

#include "routing/place_order.h"

namespace socksify {
namespace {

using Severity = Diagnostic::Severity;

Diagnostic MakeDiagnostic(Severity severity, const SourceText& source, const Location& where,
                          std::string message, std::string remedy) {
  Diagnostic diagnostic{severity, where, std::move(message), source.LineOf(where), std::move(remedy)};
  // A line that was cut before a secret is shorter than the column may say.
  const auto shown = static_cast<unsigned>(diagnostic.source_line.size());
  if (diagnostic.source_line.ends_with("***") && where.column > shown) diagnostic.where.column = shown - 2;
  return diagnostic;
}

Diagnostic MakeDiagnostic(Severity severity, std::string_view source, std::string message,
                          std::string remedy) {
  const Location where{std::make_shared<const std::string>(source), 0, 0};
  return {severity, where, std::move(message), {}, std::move(remedy)};
}

// One line of another client's configuration may become several of ours, with the same mistake in each.
bool IsSaid(const std::vector<Diagnostic>& diagnostics, const Diagnostic& another) {
  if (diagnostics.empty()) return false;
  const Diagnostic& last = diagnostics.back();
  return last.where.line == another.where.line && last.where.column == another.where.column &&
         last.message == another.message && last.where.ToString() == another.where.ToString();
}

std::vector<Diagnostic> InOrder(std::vector<Diagnostic> diagnostics) {
  return InPlaceOrder(std::move(diagnostics),
                      [](const Diagnostic& each) -> const Location& { return each.where; });
}

}  // namespace

void Reporter::Error(const SourceText& source, const Location& where, std::string message,
                     std::string remedy) {
  AddError(MakeDiagnostic(Severity::kError, source, where, std::move(message), std::move(remedy)));
}

void Reporter::Warning(const SourceText& source, const Location& where, std::string message,
                       std::string remedy) {
  if (warnings_.size() >= kMaxErrors) return;
  Diagnostic diagnostic =
      MakeDiagnostic(Severity::kWarning, source, where, std::move(message), std::move(remedy));
  if (!IsSaid(warnings_, diagnostic)) warnings_.push_back(std::move(diagnostic));
}

void Reporter::Error(const Location& where, std::string message, std::string remedy) {
  AddError({Severity::kError, where, std::move(message), {}, std::move(remedy)});
}

void Reporter::Error(std::string_view source, std::string message, std::string remedy) {
  AddError(MakeDiagnostic(Severity::kError, source, std::move(message), std::move(remedy)));
}

void Reporter::Warning(std::string_view source, std::string message, std::string remedy) {
  if (warnings_.size() >= kMaxErrors) return;
  warnings_.push_back(MakeDiagnostic(Severity::kWarning, source, std::move(message), std::move(remedy)));
}

void Reporter::AddError(Diagnostic diagnostic) {
  if (full() || IsSaid(errors_, diagnostic)) return;
  if (errors_.size() == kMaxErrors) {
    diagnostic.message = "too many errors; the rest is not shown";
    diagnostic.remedy.clear();
  }
  errors_.push_back(std::move(diagnostic));
}

std::vector<Diagnostic> Reporter::TakeErrors() {
  return InOrder(std::move(errors_));
}

std::vector<Diagnostic> Reporter::TakeWarnings() {
  return InOrder(std::move(warnings_));
}

}  // namespace socksify

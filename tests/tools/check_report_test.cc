// SPDX-License-Identifier: BSD-2-Clause
#include "tools/check_report.h"

#include <gtest/gtest.h>

#include "tools/configuration.h"

namespace socksify {
namespace {

Diagnostic MakeDiagnostic(Diagnostic::Severity severity) {
  return {.severity = severity,
          .where = {.source = std::make_shared<const std::string>("a.conf"), .line = 3, .column = 9},
          .message = "expected a port number, found 'htp'",
          .source_line = "via: socks5://u:secret@h",
          .remedy = "did you mean 'http'?"};
}

TEST(CheckReportTest, SortsDiagnosticsBySeverity) {
  const CheckReport report = MakeCheckReport(std::unexpected(std::vector<Diagnostic>{
      MakeDiagnostic(Diagnostic::Severity::kWarning), MakeDiagnostic(Diagnostic::Severity::kError)}));
  EXPECT_EQ(report.errors.size(), 1U);
  EXPECT_EQ(report.warnings.size(), 1U);
  EXPECT_EQ(ToText(report), "1 error, 1 warning\n");
}

TEST(CheckReportTest, CountsInWords) {
  CheckReport report{.origin = "/etc/socks.conf", .routes = 1, .servers = 2, .errors = {}, .warnings = {}};
  EXPECT_EQ(ToText(report), "/etc/socks.conf: 1 route, 2 servers, no errors, no warnings\n");
  report.warnings.push_back(MakeDiagnostic(Diagnostic::Severity::kWarning));
  EXPECT_EQ(ToText(report), "/etc/socks.conf: 1 route, 2 servers, no errors, 1 warning\n");
}

TEST(CheckReportTest, WritesJsonWithoutPasswords) {
  CheckReport report;
  report.errors.push_back(MakeDiagnostic(Diagnostic::Severity::kError));
  EXPECT_EQ(
      ToJson(report),
      R"({"ok":false,"origin":null,"routes":0,"servers":0,"errors":[{"where":"a.conf:3","file":"a.conf",)"
      R"("line":3,"column":9,"message":"expected a port number, found 'htp'",)"
      R"("source_line":"via: socks5://u:***@h","remedy":"did you mean 'http'?"}],"warnings":[]})"
      "\n");
}

}  // namespace
}  // namespace socksify

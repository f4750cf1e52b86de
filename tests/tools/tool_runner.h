// SPDX-License-Identifier: BSD-2-Clause
// Runs a tool as its user would, with a small environment, and collects what it says.
#pragma once

#include <string>
#include <vector>

namespace socksify::testing {

struct ToolResult {
  int exit_code = -1;  // 128 plus the number of the signal that ended it
  int signal = 0;      // that ended it, or 0
  std::string out;
  std::string err;
  int pid = 0;
};

// Runs arguments[0]. The environment is PATH, HOME (an empty directory) and `environment`, each "NAME=VALUE".
// A program that runs for more than 30 s is killed and reported as a failure of the test.
ToolResult RunTool(const std::vector<std::string>& arguments,
                   const std::vector<std::string>& environment = {});

// A directory for one test, removed with everything in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  // Writes a file and returns its path.
  std::string Write(const std::string& name, const std::string& content, unsigned mode = 0644) const;

 private:
  std::string path_;
};

}  // namespace socksify::testing

// SPDX-License-Identifier: BSD-2-Clause
// What the fuzz targets of tables in files share: a place for the file, and a check that ends the run.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace socksify {

// One directory for the whole run, removed at its end.
class FuzzDirectory {
 public:
  explicit FuzzDirectory(const char* name) {
    std::string pattern = (std::filesystem::temp_directory_path() / name).string() + "-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) abort();
    path_ = pattern;
  }
  ~FuzzDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  FuzzDirectory(const FuzzDirectory&) = delete;
  FuzzDirectory& operator=(const FuzzDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline void Check(bool holds) {
  if (!holds) abort();
}

}  // namespace socksify

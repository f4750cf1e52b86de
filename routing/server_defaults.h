// SPDX-License-Identifier: BSD-2-Clause
// ServerDefaults: what a server gets that its configuration does not say. A user name and password come from
// the first of: the server itself, the environment, the file of credentials, the launcher.
#pragma once

#include <string>
#include <vector>

#include "routing/config_draft.h"
#include "routing/config_linker.h"
#include "routing/netrc.h"
#include "routing/reporter.h"

namespace socksify {

class ServerDefaults {
 public:
  // Reads the file that `draft` names, if it names one; without, the file in the user's own directory when it
  // is first needed. What is wrong with either is reported. `host` and `reporter` must outlive it.
  ServerDefaults(const ConfigHost& host, const ConfigDraft& draft, Credentials environment,
                 Reporter* reporter);

  // A user name whose password nobody knows.
  enum class Unknown : uint8_t {
    kLeftAlone,
    kAskedFor,  // by the launcher, if it can; the server is usable without, too
  };
  void Fill(Server* server, Unknown password = Unknown::kLeftAlone);

 private:
  void TakeFromEnvironment(Server* server) const;
  void TakeFromFile(Server* server);
  void TakeHanded(Server* server, Unknown password) const;
  void ReadNamedFile(const ConfigDraft& draft);
  void ReadOwnFile();
  void Parse(const std::string& path, const std::string& text);

  const ConfigHost& host_;
  Credentials environment_;
  Reporter& reporter_;
  std::vector<NetrcEntry> entries_;
  bool has_looked_ = false;  // for a file of credentials
};

}  // namespace socksify

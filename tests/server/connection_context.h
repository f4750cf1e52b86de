// SPDX-License-Identifier: BSD-2-Clause
// What all connections of a server share; outlives them.
#pragma once

#include "tests/server/bind_listener.h"
#include "tests/server/http_nonces.h"
#include "tests/server/poller.h"
#include "tests/server/record.h"
#include "tests/server/settings.h"

namespace socksify::testserver {

struct ConnectionContext {
  const Settings* settings = nullptr;
  RecordBook* book = nullptr;
  Poller* poller = nullptr;
  BindHistory* binds = nullptr;
  HttpNonces* nonces = nullptr;
};

}  // namespace socksify::testserver

// SPDX-License-Identifier: BSD-2-Clause
// Answers to the DNS queries that programs write themselves, or have libc's resolver(3) write.
//
// A, AAAA, PTR and ANY questions about names that are to be faked are answered from the table of fake
// addresses. What else may be asked about such names (MX, TXT, SRV, HTTPS, ...) goes over TCP (RFC 7766), by
// the way that the table has for the name server, and gets an empty answer where there is none. All of that
// happens within the call, without a thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "base/endpoint.h"
#include "preload/runtime.h"

namespace socksify {

// What is said of a query.
struct QueryAnswer {
  enum class Kind : uint8_t {
    kNone,    // it deserves no answer (RFC 1035 section 7.3)
    kAnswer,  // `size` bytes have been written
    kLibc,    // nothing hinders it from going out as it is: what it asks about is resolved locally
  };
  Kind kind = Kind::kNone;
  size_t size = 0;
};

// Where a query comes from, and what may become of it.
struct QueryPath {
  // The name servers for what the table of fake addresses does not know, in the order in which they are
  // asked.
  std::span<const Endpoint> servers;
  // Whether a query about a name that is resolved locally may be left to the caller's own means (kLibc).
  // Otherwise it is carried to `servers` like the others.
  bool may_leave = false;
  // The longest answer that the program takes, in bytes; what is longer is cut to one with TC set. 0: what it
  // says itself that it takes over UDP (RFC 6891 section 6.2.3).
  size_t limit = 0;
};

// Answers `query` into `out`, which should have room for what a name server may say. May take some seconds
// for what is carried.
QueryAnswer AnswerQuery(Runtime* runtime, std::span<const uint8_t> query, const QueryPath& path,
                        std::span<uint8_t> out);

}  // namespace socksify

// SPDX-License-Identifier: BSD-2-Clause
//
// What is made without libc is held against what libc makes.
#include "preload/addrinfo_entry.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace socksify {
namespace {

struct Case {
  const char* address;
  const char* service;
  int socktype;
  int protocol;
  int flags;
};

addrinfo HintsOf(const Case& test) {
  addrinfo hints{};
  hints.ai_socktype = test.socktype;
  hints.ai_protocol = test.protocol;
  hints.ai_flags = test.flags;
  return hints;
}

std::string Describe(const Case& test) {
  return std::string(test.address) + " service " + (test.service != nullptr ? test.service : "none") +
         " type " + std::to_string(test.socktype) + " protocol " + std::to_string(test.protocol) + " flags " +
         std::to_string(test.flags);
}

TEST(AddrinfoEntryTest, IsWhatLibcMakes) {
  for (const char* address : {"198.18.0.5", "2001:2::5"}) {
    for (const char* service : {static_cast<const char*>(nullptr), "80", "0", "00080", "65535"}) {
      for (const Case& kind : {Case{nullptr, nullptr, SOCK_STREAM, 0, 0},
                               {nullptr, nullptr, SOCK_STREAM, IPPROTO_TCP, AI_NUMERICSERV},
                               {nullptr, nullptr, SOCK_DGRAM, 0, AI_PASSIVE},
                               {nullptr, nullptr, SOCK_DGRAM, IPPROTO_UDP, AI_NUMERICSERV}}) {
        const Case test{address, service, kind.socktype, kind.protocol, kind.flags | AI_NUMERICHOST};
        const addrinfo hints = HintsOf(test);
        addrinfo* libcs = nullptr;
        ASSERT_EQ(getaddrinfo(address, service, &hints, &libcs), 0) << Describe(test);
        addrinfo* const ours = MakeSingleEntry(*IpAddress::Parse(address), service, &hints);
        ASSERT_NE(ours, nullptr) << Describe(test);
        ASSERT_EQ(libcs->ai_next, nullptr) << Describe(test);
        EXPECT_EQ(ours->ai_next, nullptr);
        EXPECT_EQ(ours->ai_canonname, nullptr);
        EXPECT_EQ(ours->ai_flags, libcs->ai_flags) << Describe(test);
        EXPECT_EQ(ours->ai_family, libcs->ai_family) << Describe(test);
        EXPECT_EQ(ours->ai_socktype, libcs->ai_socktype) << Describe(test);
        EXPECT_EQ(ours->ai_protocol, libcs->ai_protocol) << Describe(test);
        ASSERT_EQ(ours->ai_addrlen, libcs->ai_addrlen) << Describe(test);
        EXPECT_EQ(std::memcmp(ours->ai_addr, libcs->ai_addr, ours->ai_addrlen), 0) << Describe(test);
        freeaddrinfo(libcs);
        freeaddrinfo(ours);
      }
    }
  }
}

// freeaddrinfo(3) takes what strdup(3) has made for the canonical name, and lists of such entries.
TEST(AddrinfoEntryTest, BelongsToFreeaddrinfo) {
  const addrinfo hints = HintsOf({nullptr, nullptr, SOCK_STREAM, 0, 0});
  addrinfo* const first = MakeSingleEntry(IpAddress::V4(0xc6120000), "80", &hints);
  ASSERT_NE(first, nullptr);
  first->ai_canonname = strdup("web.test");
  first->ai_next = MakeSingleEntry(*IpAddress::Parse("2001:2::"), "80", &hints);
  freeaddrinfo(first);  // AddressSanitizer would see what is left, or freed that never was
}

TEST(AddrinfoEntryTest, LeavesToLibcWhatItHasToJudge) {
  const char* const address = "198.18.0.5";
  for (const Case& test : {Case{address, "http", SOCK_STREAM, 0, 0},
                           {address, "", SOCK_STREAM, 0, 0},
                           {address, "+80", SOCK_STREAM, 0, 0},
                           {address, "-1", SOCK_STREAM, 0, 0},
                           {address, " 80", SOCK_STREAM, 0, 0},
                           {address, "80 ", SOCK_STREAM, 0, 0},
                           {address, "65536", SOCK_STREAM, 0, 0},
                           {address, "80", 0, 0, 0},
                           {address, "80", 0, IPPROTO_TCP, 0},
                           {address, "80", SOCK_RAW, 0, 0},
                           {address, "80", SOCK_STREAM, IPPROTO_UDP, 0},
                           {address, "80", SOCK_STREAM, IPPROTO_SCTP, 0},
                           {address, "80", SOCK_DGRAM, IPPROTO_TCP, 0},
                           {address, "80", SOCK_DGRAM, IPPROTO_UDPLITE, 0},
                           {address, "80", SOCK_SEQPACKET, 0, 0},
                           {address, "80", SOCK_STREAM, 0, 0x8000}}) {
    const addrinfo hints = HintsOf(test);
    EXPECT_EQ(MakeSingleEntry(*IpAddress::Parse(address), test.service, &hints), nullptr) << Describe(test);
  }
  EXPECT_EQ(MakeSingleEntry(*IpAddress::Parse(address), "80", nullptr), nullptr) << "three entries";
}

TEST(AddrinfoEntryTest, ShowsTheFlagsOfTheHints) {
  addrinfo hints{};
  hints.ai_flags = AI_CANONNAME;
  EXPECT_EQ(ShownFlags(&hints), AI_CANONNAME);
  addrinfo* libcs = nullptr;
  ASSERT_EQ(getaddrinfo("127.0.0.1", nullptr, nullptr, &libcs), 0);
  EXPECT_EQ(ShownFlags(nullptr), libcs->ai_flags);
  freeaddrinfo(libcs);
}

}  // namespace
}  // namespace socksify

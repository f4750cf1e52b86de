// SPDX-License-Identifier: BSD-2-Clause
// SOCKS5 in one flight: what is sent at once, and that the replies are still taken one by one.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/protocol/socks5_fixture.h"

namespace socksify {
namespace {

Socks5Auth Pipelined(Socks5Auth auth) {
  auth.pipelined = true;
  return auth;
}

TEST(Socks5PipelinedTest, SendsEverythingAtOnce) {
  Socks5Client client = Started(Pipelined(kAnonymous));
  EXPECT_EQ(client.output().size(), (kGreetingNone + kRequest).size());
  ExpectDone(Starter(Pipelined(kAnonymous)), kMethodNone + Reply(0), kGreetingNone + kRequest, kBound);
}

TEST(Socks5PipelinedTest, OffersTheUserNameAloneWhereThereIsOne) {
  const std::string flight = kGreetingUsername + kCredentials + kRequest;
  for (const Socks5Auth& auth : {kAlice, kBoth}) {
    Socks5Client client = Started(Pipelined(auth));
    EXPECT_EQ(client.output().size(), flight.size());
    ExpectDone(Starter(Pipelined(auth)), kMethodUsername + kAccepted + Reply(0), flight, kBound);
  }
}

TEST(Socks5PipelinedTest, TakesTheRepliesTogetherAndNothingBehindThem) {
  Socks5Client client = Started(Pipelined(kAlice));
  client.OutputSent(client.output().size());
  // Method, status, and the least of a reply: none of it can be the application's.
  EXPECT_EQ(client.input_needed(), 2U + 2U + 7U);
  client.Input(AsBytes(kMethodUsername + kAccepted + Reply(0) + "SSH"));
  EXPECT_EQ(client.state(), HandshakeState::kRead);
  EXPECT_EQ(client.input_needed(), 3U);
}

TEST(Socks5PipelinedTest, RefusalsAreThoseOfEveryStage) {
  const auto anonymous = Starter(Pipelined(kAnonymous));
  const auto alice = Starter(Pipelined(kAlice));
  ExpectRefused(anonymous, Bytes({5, 255}), Fault::kServer, EACCES, -1,
                "the proxy accepts no anonymous clients; give a username and a password");
  ExpectRefused(alice, Bytes({5, 255}), Fault::kServer, EACCES, -1,
                "the proxy accepts none of the offered authentication methods");
  ExpectRefused(alice, kMethodNone, Fault::kServer, ECONNABORTED, -1,
                "the proxy chose an authentication method that was not offered");
  ExpectRefused(alice, kMethodUsername + Bytes({1, 1}), Fault::kServer, EACCES, -1,
                "the proxy rejected the username and password");
  ExpectRefused(anonymous, kMethodNone + Reply(5), Fault::kDestination, ECONNREFUSED, 5,
                "connection refused");
  ExpectTruncated(anonymous, kMethodNone, 0);
  ExpectTruncated(alice, kMethodUsername + kAccepted + Bytes({5, 0}), 2);
}

TEST(Socks5PipelinedTest, ForgetsTheCredentialsOnceSent) {
  const InCleanMemory<Socks5Client> memory([&] { return Started(Pipelined(kAlice)); });
  Socks5Client& client = *memory;
  EXPECT_TRUE(Remembers(client, kPassword));
  client.OutputSent(client.output().size());
  EXPECT_FALSE(Remembers(client, kPassword));
}

TEST(Socks5PipelinedTest, TheLongestFlightFits) {
  const std::string longest(255, 'x');
  const Socks5Auth auth = {.offer_none = false,
                           .offer_username = true,
                           .username = longest,
                           .password = longest,
                           .pipelined = true};
  const Socks5Client client = Started(auth, Host(std::string(255, 'n'), 65535));
  EXPECT_EQ(client.output().size(), 3U + (3U + 255U + 255U) + (4U + 1U + 255U + 2U));
}

TEST(Socks5PipelinedTest, NoiseComesToAnEnd) {
  const uint8_t likely[] = {5, 0, 1, 2, 3, 4};
  EXPECT_GT(CountSuccessesOnNoise(Starter(Pipelined(kAnonymous)), likely, 2000), 0);
}

}  // namespace
}  // namespace socksify

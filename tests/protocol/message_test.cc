// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/message.h"

#include <gtest/gtest.h>

#include <new>
#include <string>

#include "tests/protocol/scripted_socket.h"

namespace socksify {
namespace {

std::string Text(std::span<const uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

TEST(OutgoingMessageTest, HandsOutWhatIsNotSentYet) {
  OutgoingMessage<8> message;
  EXPECT_TRUE(message.pending().empty());
  message.Append(AsBytes("abc"));
  message.AppendUint16(0x4142);
  message.AppendByte('z');
  EXPECT_EQ(Text(message.pending()), "abcABz");
  message.Sent(2);
  EXPECT_EQ(Text(message.pending()), "cABz");
  message.Sent(4);
  EXPECT_TRUE(message.pending().empty());
  message.Append(AsBytes("next"));
  EXPECT_EQ(Text(message.pending()), "next");
}

TEST(OutgoingMessageTest, StaysWithinItsCapacity) {
  OutgoingMessage<4> message;
  message.Append(AsBytes("abcdef"));
  message.AppendByte('g');
  EXPECT_EQ(Text(message.pending()), "abcd");
  message.Sent(100);
  EXPECT_TRUE(message.pending().empty());
}

TEST(OutgoingMessageTest, WipesWhatHasBeenSent) {
  OutgoingMessage<16> message;
  message.Append(AsBytes("hunter2"));
  message.Sent(6);
  EXPECT_TRUE(Remembers(message, "hunter2"));
  message.Sent(1);
  EXPECT_FALSE(Remembers(message, "hunter"));
}

TEST(OutgoingMessageTest, WipesWhenItGoes) {
  using Message = OutgoingMessage<16>;
  alignas(Message) std::array<char, sizeof(Message)> storage{};
  Message* const message = new (storage.data()) Message;
  message->Append(AsBytes("hunter2"));
  // Read after the end of the object's life, through the storage that outlives it.
  const volatile char* const bytes = storage.data();
  const auto remembered = [&] {
    std::string copy;
    for (size_t i = 0; i < sizeof(Message); ++i) copy += bytes[i];
    return copy.contains("hunter");
  };
  EXPECT_TRUE(remembered());
  message->~Message();
  EXPECT_FALSE(remembered());
}

TEST(IncomingMessageTest, TakesNoMoreThanIsMissing) {
  IncomingMessage<8> message;
  EXPECT_EQ(message.missing(), 0U);
  message.Expect(4);
  message.Take(AsBytes("ab"));
  EXPECT_EQ(message.missing(), 2U);
  EXPECT_TRUE(message.Has(2));
  EXPECT_FALSE(message.Has(3));
  message.Take(AsBytes("cdef"));
  EXPECT_EQ(message.missing(), 0U);
  EXPECT_EQ(Text(message.bytes()), "abcd");
}

TEST(IncomingMessageTest, GrowsButNeverShrinksOrOverflows) {
  IncomingMessage<8> message;
  message.Expect(4);
  message.ExpectTotal(3);
  EXPECT_EQ(message.missing(), 4U);
  message.ExpectTotal(6);
  EXPECT_EQ(message.missing(), 6U);
  message.ExpectTotal(100);
  EXPECT_EQ(message.missing(), 8U);
  message.Take(AsBytes("0123456789"));
  EXPECT_EQ(Text(message.bytes()), "01234567");
  message.Expect(2);
  EXPECT_EQ(message.missing(), 2U);
  EXPECT_TRUE(message.bytes().empty());
}

}  // namespace
}  // namespace socksify

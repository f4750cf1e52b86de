// SPDX-License-Identifier: BSD-2-Clause
// MD5 and SHA-256 against the vectors of their RFCs.
#include <gtest/gtest.h>

#include <algorithm>
#include <new>
#include <span>
#include <string>
#include <string_view>

#include "protocol/md5.h"
#include "protocol/message.h"
#include "protocol/sha256.h"

namespace socksify {
namespace {

std::string Hex(std::span<const uint8_t> bytes) {
  std::string hex;
  for (const uint8_t byte : bytes) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 0xf];
  }
  return hex;
}

// The digest of `text`, given in pieces of `chunk` bytes.
template <typename Hash>
std::string HashHex(std::string_view text, size_t chunk) {
  Hash hash;
  for (; !text.empty(); text.remove_prefix(std::min(chunk, text.size()))) {
    hash.Update(AsBytes(text.substr(0, chunk)));
  }
  return Hex(hash.Finish());
}

struct Vector {
  std::string text;
  const char* digest;
};

template <typename Hash>
void ExpectVectors(std::span<const Vector> vectors) {
  for (const Vector& vector : vectors) {
    for (const size_t chunk : {size_t{1}, size_t{7}, size_t{63}, size_t{64}, size_t{65}, size_t{4096}}) {
      SCOPED_TRACE(testing::Message() << vector.text.size() << " bytes, chunk " << chunk);
      EXPECT_EQ(HashHex<Hash>(vector.text, chunk), vector.digest);
    }
  }
}

TEST(Md5Test, Rfc1321Suite) {
  const Vector kVectors[] = {
      {"", "d41d8cd98f00b204e9800998ecf8427e"},
      {"a", "0cc175b9c0f1b6a831c399e269772661"},
      {"abc", "900150983cd24fb0d6963f7d28e17f72"},
      {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
      {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
      {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"},
      {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
       "57edf4a22be3c955ac49da2e2107b67a"},
  };
  ExpectVectors<Md5>(kVectors);
}

// Lengths around the place of the length field and the end of a block.
TEST(Md5Test, PadsAtTheEdgesOfABlock) {
  const Vector kVectors[] = {
      {std::string(55, 'x'), "04364420e25c512fd958a70738aa8f72"},
      {std::string(56, 'x'), "668a72d5ba17f08e62dabcafad6db14b"},
      {std::string(57, 'x'), "693037871c4a9d3d8685018905cb530a"},
      {std::string(63, 'x'), "7dc2ca208106a2f703567bdff99d8981"},
      {std::string(64, 'x'), "c1bb4f81d892b2d57947682aeb252456"},
      {std::string(65, 'x'), "1bc932052302d074bdec39795fe00cf6"},
      {std::string(119, 'x'), "ab347a5f68c8a443cfcddc633f12c24f"},
      {std::string(120, 'x'), "fb98667f98096de92620b64f46e1c5b5"},
      {std::string(128, 'x'), "d69cb61a6ee87200676eb0d4b90edbcb"},
  };
  ExpectVectors<Md5>(kVectors);
}

TEST(Sha256Test, Rfc6234Suite) {
  const Vector kVectors[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {std::string(1'000'000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  ExpectVectors<Sha256>(kVectors);
}

TEST(Sha256Test, PadsAtTheEdgesOfABlock) {
  const Vector kVectors[] = {
      {std::string(55, 'x'), "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072"},
      {std::string(56, 'x'), "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e"},
      {std::string(57, 'x'), "ae14a2563ccf969d99aca69ce6bb74981f734bbf9f655f73b8f06db68cab5217"},
      {std::string(63, 'x'), "75220b47218278e656f2013bb8f0c455a25eaf01e86c64924e9d48d89776d6f2"},
      {std::string(64, 'x'), "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c"},
      {std::string(65, 'x'), "9537c5fdf120482f7d58d25e9ed583f52c02b4e304ea814db1633ad565aed7e9"},
      {std::string(119, 'x'), "000b48d4edf0fa7bee3c6236ecd2785baa5db4eeb8bb54341b029e0d9fa5fb0c"},
      {std::string(120, 'x'), "13f05a0b594787f5ecd315edc96141bd3243203d1b7d4f0836f37308b276ba98"},
      {std::string(128, 'x'), "24da1b81d0b16df6428eee73c69fcb2a93c76bc6df706f0c6670fe6bfe800464"},
  };
  ExpectVectors<Sha256>(kVectors);
}

template <typename Hash>
void ExpectWiped() {
  alignas(Hash) unsigned char storage[sizeof(Hash)];
  Hash* const hash = new (storage) Hash();
  hash->Update(AsBytes("open sesame"));
  const std::string_view memory(reinterpret_cast<const char*>(storage), sizeof storage);
  EXPECT_TRUE(memory.contains("open sesame"));
  hash->~Hash();
  EXPECT_FALSE(memory.contains("open sesame"));
}

TEST(Md5Test, ForgetsWhatItWasFed) {
  ExpectWiped<Md5>();
}

TEST(Sha256Test, ForgetsWhatItWasFed) {
  ExpectWiped<Sha256>();
}

}  // namespace
}  // namespace socksify

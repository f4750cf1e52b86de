// SPDX-License-Identifier: BSD-2-Clause
// The expected values are those of Python's hashlib.
#include "tests/server/message_digest.h"

#include <gtest/gtest.h>

namespace socksify::testserver {
namespace {

// One block has room for 55 bytes of the message.
TEST(MessageDigestTest, OfMessagesAroundABlock) {
  const struct {
    std::string message;
    const char* md5;
    const char* sha256;
  } table[] = {
      {"", "d41d8cd98f00b204e9800998ecf8427e",
       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "900150983cd24fb0d6963f7d28e17f72",
       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {std::string(55, 'a'), "ef1772b6dff9a122358552954ad0df65",
       "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
      {std::string(56, 'a'), "3b0c8ac703f828b04c6c197006d17218",
       "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
      {std::string(63, 'a'), "b06521f39153d618550606be297466d5",
       "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
      {std::string(64, 'a'), "014842d480b571495a4a0363793f7367",
       "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
      {std::string(119, 'a'), "8a7bd0732ed6a28ce75f6dabc90e1613",
       "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"},
      {std::string(1000000, 'a'), "7707d6ae4e027c70eea2a935c2296f21",
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  for (const auto& one : table) {
    EXPECT_EQ(Md5Hex(one.message), one.md5) << one.message.size();
    EXPECT_EQ(Sha256Hex(one.message), one.sha256) << one.message.size();
  }
}

TEST(MessageDigestTest, OfEveryByte) {
  std::string message;
  for (int byte = 0; byte < 256; ++byte) message += static_cast<char>(byte);
  EXPECT_EQ(Md5Hex(message), "e2c865db4162bed963bfaa9ef6ac18f0");
  EXPECT_EQ(Sha256Hex(message), "40aff2e9d2d8922e47afd4648e6967497158785fbd1da870e7110266bf944880");
}

}  // namespace
}  // namespace socksify::testserver

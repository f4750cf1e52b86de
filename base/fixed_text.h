// SPDX-License-Identifier: BSD-2-Clause
// FixedText: a short text for constant tables. The letters themselves stand in the table. A std::string_view
// there would be a pointer, which the dynamic linker has to relocate in every process that has the table, at
// every start, and which makes the page that it lies on the process's own.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace socksify {

template <size_t kMaxSize>
class FixedText {
  static_assert(kMaxSize <= UINT8_MAX);

 public:
  constexpr FixedText() = default;
  // A literal without zeroes inside.
  template <size_t kSize>
  consteval FixedText(const char (&text)[kSize])  // NOLINT(*-explicit-*): as std::string_view has it.
      : size_(kSize - 1) {
    static_assert(kSize - 1 <= kMaxSize);
    std::copy_n(text, kSize - 1, letters_.begin());
  }
  // For constant expressions, in which one that is too long does not compile.
  constexpr explicit FixedText(std::string_view text) : size_(static_cast<uint8_t>(text.size())) {
    std::copy_n(text.begin(), text.size(), letters_.begin());
  }
  constexpr operator std::string_view() const {  // NOLINT(*-explicit-*): it is one in all but where it lies.
    return {letters_.data(), size_};
  }

  friend constexpr bool operator==(const FixedText&, const FixedText&) = default;
  friend constexpr bool operator==(const FixedText& left, std::string_view right) {
    return std::string_view(left) == right;
  }

 private:
  std::array<char, kMaxSize> letters_{};
  uint8_t size_ = 0;
};

}  // namespace socksify

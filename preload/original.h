// SPDX-License-Identifier: BSD-2-Clause
// Original: one of the calls that the preload replaces, as libc has it, by its type and name.
//
// It is called through a pointer, which begins as that of a function of ours that looks the original up and
// goes on to it. So a hook whose last act is the call ends in a single jump, and tests nothing before it.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <type_traits>

namespace socksify {

// Finds the next definition of `name` after this library, else libc's own.
void* FindOriginal(const char* name) noexcept;

// A function's name, as the argument of a template.
template <size_t kSize>
struct FunctionName {
  constexpr FunctionName(const char (&literal)[kSize]) { std::copy_n(literal, kSize, text); }
  char text[kSize]{};
};

template <typename Function, FunctionName kName>
class Original;

template <typename Result, typename... Parameters, bool kIsNoexcept, FunctionName kName>
class Original<Result(Parameters...) noexcept(kIsNoexcept), kName> {
 public:
  using Function = Result(Parameters...) noexcept(kIsNoexcept);

  Function* get() const {
    Function* const known = pointer();
    return known != &FindAndCall ? known : Find();
  }
  // What is called is libc's function, or the way to it.
  [[gnu::always_inline]] Result operator()(Parameters... arguments) const noexcept(kIsNoexcept) {
    return pointer()(arguments...);
  }

 protected:
  // g++ jumps to where an ordinary word points, but fetches an atomic first, which would be every fourth
  // instruction of a hook. To the C++ standard that is a race with Find(). To the machine it is one load of
  // an aligned word, both of whose values are as good, however often it is read; and nothing else is learnt
  // from it.
  static Function* pointer() {
#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
    return pointer_;
#else
    return std::atomic_ref(pointer_).load(std::memory_order_relaxed);
#endif
  }

 private:
  [[gnu::cold, gnu::noinline]] static Function* Find() noexcept {
    auto* const found = reinterpret_cast<Function*>(FindOriginal(kName.text));
    std::atomic_ref(pointer_).store(found, std::memory_order_relaxed);
    return found;
  }
  [[gnu::cold, gnu::noinline]] static Result FindAndCall(Parameters... arguments) noexcept(kIsNoexcept) {
    return Find()(arguments...);
  }

  static inline constinit Function* pointer_ = &FindAndCall;
};

// A long as the last argument of syscall(2), the only one that comes on the stack (x86-64). All conventions
// pass it like the long; but what is no number g++ leaves where it is when a hook hands it on, and a number
// it fetches and puts back.
struct WordInPlace {
  constexpr WordInPlace(long word) : bytes(std::bit_cast<Bytes>(word)) {}
  operator long() const { return std::bit_cast<long>(bytes); }
  using Bytes = std::array<char, sizeof(long)>;
  Bytes bytes;
};

// A variadic one, whose arguments are integers and pointers. `Function` has them by number, and by name, as
// the hooks have them (SOCKSIFY_EXPORT in runtime.h): those that a call leaves out are 0.
template <typename Function, FunctionName kName>
class VariadicOriginal;

template <typename Result, typename First, typename... Others, FunctionName kName>
class VariadicOriginal<Result(First, Others...), kName> : public Original<Result(First, Others...), kName> {
 public:
  template <typename... Arguments>
  [[gnu::always_inline]] Result operator()(Arguments... arguments) const {
    if constexpr (sizeof...(Arguments) < 1 + sizeof...(Others)) {
      return (*this)(arguments..., 0L);
    } else {
      return Call(arguments...);
    }
  }

 private:
  template <typename Parameter, typename Argument>
  static Parameter As(Argument argument) {
    constexpr bool is_address = std::is_pointer_v<Argument> || std::is_null_pointer_v<Argument>;
    if constexpr (is_address && !std::is_pointer_v<Parameter>) {
      return reinterpret_cast<long>(argument);
    } else {
      return static_cast<Parameter>(argument);
    }
  }
  template <typename... Arguments>
  [[gnu::always_inline]] static Result Call(First first, Arguments... arguments) {
#ifdef __x86_64__
    // A variadic call differs in %al alone: how many of the arguments are floating-point numbers, at most.
    // Who has use for those asks whether it is 0 before they are put aside, and here there are none.
    return Original<Result(First, Others...), kName>::pointer()(first, As<Others>(arguments)...);
#else
    // Some have the caller keep room on the stack for the arguments in registers (ppc64el).
    using Variadic = Result(First, ...);
    auto* const function = reinterpret_cast<Variadic*>(Original<Result(First, Others...), kName>::pointer());
    return function(first, As<Others>(arguments)...);
#endif
  }
};

}  // namespace socksify

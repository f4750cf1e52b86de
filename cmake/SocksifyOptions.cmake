# What a builder may choose. A plain `cmake -S . -B build` needs none of it.

option(SOCKSIFY_WERROR "Treat warnings as errors (developers and CI)" OFF)
option(SOCKSIFY_BUILD_TESTS "Build the unit and integration tests (needs GoogleTest)" OFF)
option(SOCKSIFY_PRECOMPILE_HEADERS "Precompile headers, of the tests and with a sanitizer of all: quicker from scratch, worse with ccache" OFF)
option(SOCKSIFY_BUILD_FUZZERS "Build the libFuzzer targets (needs clang)" OFF)
option(SOCKSIFY_BUILD_BENCHMARKS "Build the benchmarks (needs Google Benchmark)" OFF)
option(SOCKSIFY_LOCK_JITTER "Pause at random around the preload's locks, so that stress tests find races" OFF)
option(SOCKSIFY_CLANG_TIDY "Run clang-tidy-19 on every compiled file" OFF)
option(SOCKSIFY_STATIC_LAUNCHER "Link the launcher statically, where the toolchain can: it starts quicker" ON)
set(SOCKSIFY_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them: address,undefined or thread")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
if(SOCKSIFY_BUILD_TESTS)
  enable_testing()
endif()

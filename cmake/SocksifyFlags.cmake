# Every target of the project links socksify_flags; nothing touches CMAKE_CXX_FLAGS.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 17)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(socksify_flags INTERFACE)
target_include_directories(socksify_flags INTERFACE "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}/generated")
target_compile_definitions(socksify_flags INTERFACE _GNU_SOURCE)
target_compile_options(socksify_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wundef -Wpointer-arith
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast>
  # The preload library is made of the same objects as the tools: position independent, nothing exported.
  -fPIC -fvisibility=hidden
  $<$<COMPILE_LANGUAGE:CXX>:-fvisibility-inlines-hidden>
  # Its warning of overlapping copies is wrong about std::string at -O3 (GCC bug 105651).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  # -O3 makes the library a sixth larger.
  $<$<CONFIG:Release>:-O2 -ffunction-sections -fdata-sections>)
if(SOCKSIFY_WERROR)
  target_compile_options(socksify_flags INTERFACE -Werror)
endif()
if(SOCKSIFY_LOCK_JITTER)
  target_compile_definitions(socksify_flags INTERFACE SOCKSIFY_LOCK_JITTER)
endif()
if(SOCKSIFY_SANITIZE)
  target_compile_options(socksify_flags INTERFACE
    -fsanitize=${SOCKSIFY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(socksify_flags INTERFACE -fsanitize=${SOCKSIFY_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # Its runtime is part of the programs, and a library leaves that open.
    target_link_options(socksify_flags INTERFACE LINKER:-z,undefs)
  endif()
endif()
if(SOCKSIFY_BUILD_FUZZERS)
  target_compile_options(socksify_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined
    -fno-sanitize-recover=all)
  target_link_options(socksify_flags INTERFACE -fsanitize=address,undefined)
endif()
if(SOCKSIFY_CLANG_TIDY)
  find_program(SOCKSIFY_CLANG_TIDY_PROGRAM NAMES clang-tidy-19 REQUIRED)
  set(CMAKE_CXX_CLANG_TIDY "${SOCKSIFY_CLANG_TIDY_PROGRAM};--quiet;--warnings-as-errors=*")
endif()

configure_file("${PROJECT_SOURCE_DIR}/cmake/version.h.in" "${PROJECT_BINARY_DIR}/generated/base/version.h" @ONLY)

# Not in a build like the one that is shipped, which tells whether each file includes what it uses.
if(SOCKSIFY_PRECOMPILE_HEADERS AND SOCKSIFY_SANITIZE)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/generated/headers.cc" CONTENT "")
  add_library(socksify_headers OBJECT "${PROJECT_BINARY_DIR}/generated/headers.cc")
  target_link_libraries(socksify_headers PRIVATE socksify_flags)
  target_precompile_headers(socksify_headers PRIVATE <algorithm> <array> <atomic> <charconv> <expected> <functional>
    <map> <memory> <optional> <span> <string> <string_view> <vector>)
endif()

# socksify_library(NAME SOURCES... [DEPENDS lib...]): one folder's static library.
function(socksify_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC socksify_flags ${arg_DEPENDS})
  if(TARGET socksify_headers)
    target_precompile_headers(${name} REUSE_FROM socksify_headers)
  endif()
endfunction()

# What is tested is optimised; optimising the tests, too, would take more than twice the time to build them.
add_library(socksify_test_flags INTERFACE)
target_compile_options(socksify_test_flags INTERFACE "$<$<CONFIG:RelWithDebInfo,Release>:-O0>")
if(SOCKSIFY_SANITIZE)
  target_compile_definitions(socksify_test_flags INTERFACE SOCKSIFY_IS_SANITIZED)
endif()

# socksify_test(NAME SOURCES... DEPENDS lib... [LABELS ...]): one GoogleTest program, known to ctest.
function(socksify_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE socksify_flags socksify_test_flags ${arg_DEPENDS}
    GTest::gmock GTest::gtest GTest::gtest_main)
  if(SOCKSIFY_PRECOMPILE_HEADERS)
    target_precompile_headers(${name} REUSE_FROM socksify_test_headers)
  endif()
  set_target_properties(${name} PROPERTIES CXX_CLANG_TIDY "")
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 120 LABELS "${arg_LABELS}")
endfunction()

# socksify_fuzzer(NAME SOURCES... DEPENDS lib...): in a fuzz build a libFuzzer program; in a test build a
# program that replays tests/fuzz/corpus/NAME once, known to ctest.
function(socksify_fuzzer name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  if(SOCKSIFY_BUILD_FUZZERS)
    add_executable(${name} ${arg_SOURCES})
    target_link_libraries(${name} PRIVATE socksify_flags ${arg_DEPENDS})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  elseif(SOCKSIFY_BUILD_TESTS)
    add_executable(${name} ${arg_SOURCES} "${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cc")
    target_link_libraries(${name} PRIVATE socksify_flags ${arg_DEPENDS})
    set_target_properties(${name} PROPERTIES CXX_CLANG_TIDY "")
    add_test(NAME replay.${name} COMMAND ${name} "${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name}")
    set_tests_properties(replay.${name} PROPERTIES TIMEOUT 120)
  endif()
endfunction()

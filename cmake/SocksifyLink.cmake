# What the linker at hand can do to make a program or library start quicker.
include(CheckCXXSourceCompiles)
include(CheckLinkerFlag)

# Libraries may have a linker of their own, and what is tried here has to go with it, too.
set(SOCKSIFY_PROGRAM_LINKER_FLAGS "${CMAKE_EXE_LINKER_FLAGS}")
string(APPEND CMAKE_EXE_LINKER_FLAGS " ${CMAKE_SHARED_LINKER_FLAGS}")

# socksify_pack_relocations(TARGET): relative relocations, of which C++ makes thousands (tables of virtual functions),
# in a bit each instead of 24 bytes and an instruction of the dynamic linker's each instead of a dozen (DT_RELR). glibc
# reads them since 2.36; the linker notes that need (GLIBC_ABI_DT_RELR), so that an older one refuses what it would
# not understand.
check_cxx_source_compiles("#include <features.h>
  #if !__GLIBC_PREREQ(2, 36)
  #error no DT_RELR
  #endif
  int main() { return 0; }" SOCKSIFY_LIBC_READS_RELR)
# An option that it does not know is only worth a warning to ld.
check_linker_flag(CXX "LINKER:--fatal-warnings,-z,pack-relative-relocs" SOCKSIFY_LINKER_WRITES_RELR)

function(socksify_pack_relocations target)
  if(SOCKSIFY_LIBC_READS_RELR AND SOCKSIFY_LINKER_WRITES_RELR)
    target_link_options(${target} PRIVATE LINKER:-z,pack-relative-relocs)
  endif()
endfunction()

# socksify_join_segments(TARGET): code and constants are mapped by one call instead of three. A linker without the option
# (gold) does so anyway.
check_linker_flag(CXX "LINKER:--fatal-warnings,-z,noseparate-code" SOCKSIFY_LINKER_JOINS_SEGMENTS)

function(socksify_join_segments target)
  if(SOCKSIFY_LINKER_JOINS_SEGMENTS)
    target_link_options(${target} PRIVATE LINKER:-z,noseparate-code)
  endif()
endfunction()

# socksify_loads_configuration(LIBRARY SOURCES...): the sources, of a library of this folder, run once in a process, and
# are part of the preload, where size counts: they are compiled for it, and the preload's linker puts their code beside
# each other.
function(socksify_loads_configuration library)
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS "$<$<NOT:$<CONFIG:Debug>>:-Os>")
  foreach(source IN LISTS ARGN)
    set_property(GLOBAL APPEND_STRING PROPERTY SOCKSIFY_SET_UP_CODE
      "    *lib${library}.a:${source}.o(.text .text.*)\n")
  endforeach()
endfunction()

# socksify_serves_connections(TARGET SOURCES... [FUNCTIONS PATTERNS...] [HOOKS]): what every connection comes by, of a library
# or, in the folder of the preload, of the preload itself: all that the sources define save what the compiler takes for
# unlikely (HOOKS: that of their C functions as well, which each comes by once, behind the rest), and of others the
# functions of that (mangled) name, where functions have sections of their own. It lies together, behind what the dynamic
# linker reads.
function(socksify_serves_connections target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "HOOKS" "" "FUNCTIONS")
  socksify_archive_pattern(${target} archive)
  foreach(source IN LISTS arg_UNPARSED_ARGUMENTS)
    set_property(GLOBAL APPEND_STRING PROPERTY SOCKSIFY_CONNECTION_FILES "    ${archive}${source}.o()\n")
    set_property(GLOBAL APPEND_STRING PROPERTY SOCKSIFY_CONNECTION_CODE
      "    ${archive}${source}.o(.text .text.[!u]*)\n")
    if(arg_HOOKS)
      set_property(GLOBAL APPEND_STRING PROPERTY SOCKSIFY_FIRST_CALL_CODE
        "    ${archive}${source}.o(.text.unlikely.[a-z]*)\n")
    endif()
  endforeach()
  foreach(pattern IN LISTS arg_FUNCTIONS)
    set_property(GLOBAL APPEND_STRING PROPERTY SOCKSIFY_CONNECTION_CODE "    ${archive}*(.text.${pattern})\n")
  endforeach()
endfunction()

# socksify_keeps(TARGET SOURCES... [SELDOM SOURCES...]): lies behind that, and is never given back: what the program may have
# changed, by writing other code to where an exported function begins. What few programs use lies at the very end.
function(socksify_keeps target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SELDOM")
  socksify_archive_pattern(${target} archive)
  foreach(source IN LISTS arg_UNPARSED_ARGUMENTS)
    set_property(GLOBAL APPEND_STRING PROPERTY SOCKSIFY_KEPT_CODE "    ${archive}${source}.o(.text .text.[!u]*)\n")
  endforeach()
  foreach(source IN LISTS arg_SELDOM)
    set_property(GLOBAL APPEND_STRING PROPERTY SOCKSIFY_KEPT_SELDOM_CODE
      "    ${archive}${source}.o(.text .text.[!u]*)\n")
  endforeach()
endfunction()

# The linker's pattern before a file of the target: a library's archive, or nothing.
function(socksify_archive_pattern target out)
  get_target_property(type ${target} TYPE)
  set(${out} "*" PARENT_SCOPE)
  if(type STREQUAL "STATIC_LIBRARY")
    set(${out} "*lib${target}.a:" PARENT_SCOPE)
  endif()
endfunction()

# socksify_serves_few(TARGET SOURCES...): most programs never come to this code of a library or, in the folder of the
# preload, of the preload itself. Beside what every connection uses it would only be mapped along with it.
function(socksify_serves_few target)
  socksify_archive_pattern(${target} archive)
  foreach(source IN LISTS ARGN)
    set_property(GLOBAL APPEND_STRING PROPERTY SOCKSIFY_SELDOM_CODE "    ${archive}${source}.o(.text .text.*)\n")
  endforeach()
endfunction()

# socksify_separate_set_up_code(TARGET): puts what every connection needs first, and the code that few programs use, the
# code that loads the configuration and the tables for exceptions behind each other at the end, so that all but the former
# can be given back when the configuration has been loaded (preload/set_up_code.h). With a linker that does not know how
# (mold, gold), it lies where it is. So it does with lld: that puts constants before code, and what the script moves
# between them cannot be unwound then, so that programs are aborted.
file(WRITE "${PROJECT_BINARY_DIR}/generated/insert_probe.ld"
  "SECTIONS { .text.probe : { *(.text.probe) } } INSERT AFTER .text;\n"
  "ASSERT(ADDR(.text) < ADDR(.rodata), \"constants come first\")\n")
check_linker_flag(CXX "LINKER:-T,${PROJECT_BINARY_DIR}/generated/insert_probe.ld" SOCKSIFY_LINKER_INSERTS_SECTIONS)
set(CMAKE_EXE_LINKER_FLAGS "${SOCKSIFY_PROGRAM_LINKER_FLAGS}")

# socksify_link_launcher(TARGET STATIC_SOURCES... STATIC_SCRIPT FILE): no dynamic linker, and no libc to be mapped and
# relocated, where the toolchain has a static libc for position independent programs. Else, or where a sanitizer has to
# come between, at least no libstdc++.so, which only the launcher would load. The sources and the linker script are for
# a static one alone.
set(SOCKSIFY_SAVED_LINK_OPTIONS "${CMAKE_REQUIRED_LINK_OPTIONS}")
set(SOCKSIFY_SAVED_REQUIRED_FLAGS "${CMAKE_REQUIRED_FLAGS}")
set(CMAKE_REQUIRED_LINK_OPTIONS -static-pie)
set(CMAKE_REQUIRED_FLAGS "${CMAKE_REQUIRED_FLAGS} -fPIC")
check_cxx_source_compiles("#include <cstdio>
  #include <string>
  int main(int, char** argv) { return std::puts(std::string(argv[0]).c_str()); }" SOCKSIFY_LINKS_STATICALLY)
set(CMAKE_REQUIRED_LINK_OPTIONS "${SOCKSIFY_SAVED_LINK_OPTIONS}")
set(CMAKE_REQUIRED_FLAGS "${SOCKSIFY_SAVED_REQUIRED_FLAGS}")

function(socksify_link_launcher target)
  cmake_parse_arguments(arg "" "STATIC_SCRIPT" "STATIC_SOURCES" ${ARGN})
  if(SOCKSIFY_STATIC_LAUNCHER AND SOCKSIFY_LINKS_STATICALLY AND NOT SOCKSIFY_SANITIZE AND NOT SOCKSIFY_BUILD_FUZZERS)
    target_sources(${target} PRIVATE ${arg_STATIC_SOURCES})
    target_link_options(${target} PRIVATE -static-pie LINKER:--gc-sections LINKER:-z,relro LINKER:-z,now)
    if(SOCKSIFY_LINKER_INSERTS_SECTIONS)
      target_link_options(${target} PRIVATE "LINKER:-T,${CMAKE_CURRENT_SOURCE_DIR}/${arg_STATIC_SCRIPT}")
      set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${arg_STATIC_SCRIPT}")
    endif()
    if(SOCKSIFY_WERROR)
      # ld warns of what would load another libc at run time: look-ups of NSS, dlopen(3), iconv(3).
      target_link_options(${target} PRIVATE LINKER:--fatal-warnings)
    endif()
  else()
    target_link_options(${target} PRIVATE
      -static-libstdc++ -static-libgcc LINKER:--as-needed LINKER:--gc-sections LINKER:-z,lazy)
  endif()
endfunction()

function(socksify_separate_set_up_code target)
  if(NOT SOCKSIFY_LINKER_INSERTS_SECTIONS)
    return()
  endif()
  get_property(CONNECTION_FILES GLOBAL PROPERTY SOCKSIFY_CONNECTION_FILES)
  get_property(CONNECTION_CODE GLOBAL PROPERTY SOCKSIFY_CONNECTION_CODE)
  set(order "${PROJECT_SOURCE_DIR}/preload/connection_order.ld")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${order}")
  file(READ "${order}" CONNECTION_ORDER)
  get_property(SELDOM_CODE GLOBAL PROPERTY SOCKSIFY_SELDOM_CODE)
  get_property(SET_UP_CODE GLOBAL PROPERTY SOCKSIFY_SET_UP_CODE)
  get_property(KEPT_CODE GLOBAL PROPERTY SOCKSIFY_KEPT_CODE)
  get_property(KEPT_SELDOM_CODE GLOBAL PROPERTY SOCKSIFY_KEPT_SELDOM_CODE)
  get_property(FIRST_CALL_CODE GLOBAL PROPERTY SOCKSIFY_FIRST_CALL_CODE)
  string(REGEX REPLACE "[(][^\n]*[)]" "(.rodata .rodata.*)" CONNECTION_CONSTANTS "${CONNECTION_FILES}")
  # Without what is read-only once it is relocated (.data.rel.ro).
  set(data ".data .data.[!r]* .data.rel .data.rel.[!r]*")
  string(REGEX REPLACE "[(][^\n]*[)]" "(${data} .bss .bss.*)" CONNECTION_DATA "${CONNECTION_FILES}")
  string(REGEX REPLACE "[(][^\n]*[)]" "(${data})" SET_UP_DATA "${SET_UP_CODE}")
  string(REPLACE ".text" ".rodata" SET_UP_CONSTANTS "${SET_UP_CODE}")
  set(script "${PROJECT_BINARY_DIR}/generated/set_up_code.ld")
  configure_file("${PROJECT_SOURCE_DIR}/preload/set_up_code.ld.in" "${script}" @ONLY)
  target_link_options(${target} PRIVATE "LINKER:-T,${script}")
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${script}")
endfunction()

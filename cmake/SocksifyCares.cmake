# c-ares, as the static library: libsocksify.so may need libc and ld.so only, and a program that has a libcares of
# its own must not notice (docs/architecture.md, "Decisions that may surprise").

find_path(SOCKSIFY_CARES_INCLUDE_DIR ares.h)
find_library(SOCKSIFY_CARES_LIBRARY NAMES libcares.a libcares_static.a)
mark_as_advanced(SOCKSIFY_CARES_INCLUDE_DIR SOCKSIFY_CARES_LIBRARY)
if(NOT SOCKSIFY_CARES_INCLUDE_DIR OR NOT SOCKSIFY_CARES_LIBRARY)
  message(FATAL_ERROR "expected c-ares 1.18 or newer with its static library, found "
    "ares.h: ${SOCKSIFY_CARES_INCLUDE_DIR}, libcares.a: ${SOCKSIFY_CARES_LIBRARY}. "
    "Install it (Debian: libc-ares-dev), or name both in SOCKSIFY_CARES_INCLUDE_DIR and SOCKSIFY_CARES_LIBRARY; "
    "libcares.a must be position independent.")
endif()

add_library(socksify_cares STATIC IMPORTED GLOBAL)
set_target_properties(socksify_cares PROPERTIES
  IMPORTED_LOCATION "${SOCKSIFY_CARES_LIBRARY}"
  INTERFACE_COMPILE_DEFINITIONS CARES_STATICLIB
  INTERFACE_INCLUDE_DIRECTORIES "${SOCKSIFY_CARES_INCLUDE_DIR}")

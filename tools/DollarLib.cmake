# SOCKSIFY_LIBDIR_IS_DOLLAR_LIB: whether the system's ld.so makes of $LIB the directory that the library is
# installed in. ld.so tells since glibc 2.33; where it does not, or when cross-compiling, it is taken to be so.

set(SOCKSIFY_LIBDIR_IS_DOLLAR_LIB true)
if(NOT CMAKE_CROSSCOMPILING)
  file(GLOB loaders "/lib64/ld-linux-*.so.*" "/lib64/ld64.so.*" "/lib/ld-linux-*.so.*" "/lib/ld64.so.*")
  foreach(loader IN LISTS loaders)
    execute_process(COMMAND "${loader}" --list-diagnostics OUTPUT_VARIABLE report ERROR_QUIET)
    if(report MATCHES "dl_dst_lib=\"([^\"]*)\"")
      if(NOT CMAKE_MATCH_1 STREQUAL SOCKSIFY_LIBDIR)
        set(SOCKSIFY_LIBDIR_IS_DOLLAR_LIB false)
        message(STATUS "ld.so makes ${CMAKE_MATCH_1} of \$LIB, not ${SOCKSIFY_LIBDIR}: LD_PRELOAD gets a full path")
      endif()
      break()
    endif()
  endforeach()
endif()

# Where things go. The build tree has the shape of the installed tree (bin/, lib/TRIPLET/), so that the
# launcher finds the library relative to itself in both by the same rule.
#
# On Debian ld.so expands $LIB to lib/TRIPLET for every prefix, while GNUInstallDirs uses the triplet only
# below /usr. The library must be where $LIB says, or 32- and 64-bit trees could not share one LD_PRELOAD.

include(GNUInstallDirs)
if(CMAKE_LIBRARY_ARCHITECTURE)
  set(SOCKSIFY_LIBDIR "lib/${CMAKE_LIBRARY_ARCHITECTURE}")
else()
  set(SOCKSIFY_LIBDIR "${CMAKE_INSTALL_LIBDIR}")
endif()
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(SOCKSIFY_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/${SOCKSIFY_LIBDIR}")

# What the linker at hand can do to make a program or library start quicker.
include(CheckCXXSourceCompiles)
include(CheckLinkerFlag)

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

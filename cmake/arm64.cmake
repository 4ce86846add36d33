# Cross-builds for Debian arm64 with the host's clang, against the Debian that `./dev setup arm64` unpacks into .deps/arm64.
# The tests run under qemu-user, which has no io_uring (tests/arm64).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(S3ZIPD_DEBIAN_ARCHITECTURE arm64)
get_filename_component(CMAKE_SYSROOT "${CMAKE_CURRENT_LIST_DIR}/../.deps/arm64" ABSOLUTE)
if(NOT EXISTS "${CMAKE_SYSROOT}/usr/include")
  message(FATAL_ERROR "No Debian arm64 in ${CMAKE_SYSROOT}: run ./dev setup arm64")
endif()

set(CMAKE_C_COMPILER_TARGET aarch64-linux-gnu)
set(CMAKE_CXX_COMPILER_TARGET aarch64-linux-gnu)
set(CMAKE_STRIP llvm-strip-19)
# Where the linker step finds libFuzzer of that architecture; the compiler's headers stay the host's.
set(_resources "${CMAKE_SYSROOT}/usr/lib/llvm-19/lib/clang/19")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-fuse-ld=lld -resource-dir=${_resources}")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L "${CMAKE_SYSROOT}" -cpu max)

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} "${CMAKE_SYSROOT}")
set(ENV{PKG_CONFIG_LIBDIR} "${CMAKE_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig")

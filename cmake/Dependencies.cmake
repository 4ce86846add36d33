# Every foreign library, found once. A folder links one by its imported target; which folder may use which is
# written in tests/tidy/layers.py and held there by a test.
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(fmt REQUIRED)
find_package(pugixml REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBURING REQUIRED IMPORTED_TARGET liburing)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.37)  # STRICT tables
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)

find_path(ISAL_INCLUDE_DIR isa-l/crc.h REQUIRED)
find_library(ISAL_LIBRARY isal REQUIRED)
add_library(isal INTERFACE)
target_include_directories(isal INTERFACE "${ISAL_INCLUDE_DIR}")
target_link_libraries(isal INTERFACE "${ISAL_LIBRARY}")

# llhttp, a packaged one: an installed libllhttp-dev; else the C sources of Debian's node-llhttp, installed or
# unpacked by ./dev setup into .deps (docs/ARCHITECTURE.md, "Where libraries come from").
set(S3ZIPD_DEPS_DIR "${CMAKE_SOURCE_DIR}/.deps" CACHE PATH "Private prefix that ./dev setup fills")
find_path(LLHTTP_INCLUDE_DIR llhttp.h)
find_library(LLHTTP_LIBRARY NAMES libllhttp.a llhttp)
if(LLHTTP_INCLUDE_DIR AND LLHTTP_LIBRARY)
  add_library(llhttp INTERFACE)
  target_include_directories(llhttp SYSTEM INTERFACE "${LLHTTP_INCLUDE_DIR}")
  target_link_libraries(llhttp INTERFACE "${LLHTTP_LIBRARY}")
  message(STATUS "llhttp: ${LLHTTP_LIBRARY}")
else()
  find_path(LLHTTP_SOURCE_DIR llhttp.c PATHS "${S3ZIPD_DEPS_DIR}/usr/share/llhttp" /usr/share/llhttp
            NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
  if(NOT LLHTTP_SOURCE_DIR)
    message(FATAL_ERROR "llhttp not found: install libllhttp-dev (Debian 13), or run ./dev setup (Debian 12).")
  endif()
  get_filename_component(_llhttp_share "${LLHTTP_SOURCE_DIR}/.." ABSOLUTE)
  add_library(llhttp STATIC "${LLHTTP_SOURCE_DIR}/llhttp.c" "${LLHTTP_SOURCE_DIR}/api.c" "${LLHTTP_SOURCE_DIR}/http.c")
  target_include_directories(llhttp SYSTEM PUBLIC "${_llhttp_share}/include/llhttp")
  message(STATUS "llhttp: C sources of node-llhttp in ${LLHTTP_SOURCE_DIR}")
endif()
unset(LLHTTP_INCLUDE_DIR CACHE)

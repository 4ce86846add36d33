# One target per folder. A folder's headers are included as "folder/header.h" and are visible only to targets that
# link the folder: each has an include root of its own that holds nothing but a link to it.
function(_s3zipd_include_root folder)
  set(_root "${CMAKE_BINARY_DIR}/include/${folder}")
  file(MAKE_DIRECTORY "${_root}")
  file(CREATE_LINK "${CMAKE_SOURCE_DIR}/${folder}" "${_root}/${folder}" SYMBOLIC)
endfunction()

# s3zipd_library(folder SOURCES a.cc ... DEPS other folders ... FOREIGN imported targets, kept private)
function(s3zipd_library folder)
  cmake_parse_arguments(A "" "" "SOURCES;DEPS;FOREIGN" ${ARGN})
  _s3zipd_include_root(${folder})
  add_library(s3zipd_${folder} STATIC ${A_SOURCES})
  target_include_directories(s3zipd_${folder} PUBLIC "${CMAKE_BINARY_DIR}/include/${folder}")
  list(TRANSFORM A_DEPS PREPEND s3zipd_)
  target_link_libraries(s3zipd_${folder} PUBLIC ${A_DEPS} PRIVATE ${A_FOREIGN} s3zipd_options)
endfunction()

# s3zipd_binary(name SOURCES main.cc DEPS folders ... FOREIGN targets)
function(s3zipd_binary name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPS;FOREIGN" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  list(TRANSFORM A_DEPS PREPEND s3zipd_)
  target_link_libraries(${name} PRIVATE ${A_DEPS} ${A_FOREIGN} s3zipd_options)
endfunction()

# A test's bound. Emulation is ten times slower.
set(S3ZIPD_TEST_SECONDS 120)
if(CMAKE_CROSSCOMPILING)
  set(S3ZIPD_TEST_SECONDS 900)
endif()

# s3zipd_test(name SOURCES ... DEPS folders ... FOREIGN targets LABEL label): a GoogleTest binary, each of its cases a ctest
# case. The label `starts` is for what starts a binary of ours, which is not possible under qemu-user; `tree` for what
# judges files, not binaries: it is the same for each architecture (tests/arm64).
function(s3zipd_test name)
  cmake_parse_arguments(A "" "LABEL" "SOURCES;DEPS;FOREIGN" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  list(TRANSFORM A_DEPS PREPEND s3zipd_)
  target_link_libraries(${name} PRIVATE ${A_DEPS} ${A_FOREIGN} GTest::gmock_main s3zipd_options)
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/tests/include")
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES
    PROPERTIES TIMEOUT ${S3ZIPD_TEST_SECONDS} LABELS "${A_LABEL}")
endfunction()

# s3zipd_fuzz(name SOURCES ... DEPS folders ... FOREIGN targets RUNS n): the libFuzzer target fuzz_<name>. Its own files are
# always compiled with coverage, the folders only in the preset "fuzz"; so ctest can replay the corpus
# (fuzz.<name>.corpus) and do a short run of n inputs (fuzz.<name>.run) in every preset.
function(s3zipd_fuzz name)
  if(NOT S3ZIPD_HAS_LIBFUZZER)
    return()
  endif()
  cmake_parse_arguments(A "" "RUNS" "SOURCES;DEPS;FOREIGN" ${ARGN})
  set(_target fuzz_${name})
  s3zipd_binary(${_target} SOURCES ${A_SOURCES} DEPS ${A_DEPS} base FOREIGN ${A_FOREIGN})
  target_compile_options(${_target} PRIVATE -fsanitize=fuzzer-no-link)
  target_link_options(${_target} PRIVATE -fsanitize=fuzzer)
  if(NOT TARGET fuzz)
    add_custom_target(fuzz)
  endif()
  add_dependencies(fuzz ${_target})
  list(JOIN CMAKE_CROSSCOMPILING_EMULATOR " " _emulator)
  foreach(_case IN ITEMS corpus run)
    set(_runs 0)
    if(_case STREQUAL "run")
      set(_runs ${A_RUNS})
    endif()
    add_test(NAME fuzz.${name}.${_case}
      COMMAND "${CMAKE_SOURCE_DIR}/tests/fuzz/run.sh" "$<TARGET_FILE:${_target}>"
              "${CMAKE_BINARY_DIR}/fuzz/${name}.${_case}" --fresh -runs=${_runs})
    set_tests_properties(fuzz.${name}.${_case} PROPERTIES TIMEOUT ${S3ZIPD_TEST_SECONDS}
      ENVIRONMENT "EMULATOR=${_emulator}")
  endforeach()
endfunction()

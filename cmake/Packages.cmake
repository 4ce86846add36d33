# The Debian package: what is installed where, and what dpkg is told. `./dev package` builds it; packaging/ has the files.
# Nothing here is built by default: `package_files` makes the man pages and the changelog, and needs Python.
set(S3ZIPD_PACKAGE_CONTACT "the s3zipd authors <s3zipd@packages.invalid>" CACHE STRING "Maintainer named in packages")
set(S3ZIPD_PACKAGE_REVISION 1 CACHE STRING "Revision of the package, behind the version")
set(_files "${CMAKE_BINARY_DIR}/package_files")

# Programs of another architecture say their --help under the emulator of the toolchain file.
add_custom_target(package_files
  COMMAND ${CMAKE_COMMAND} -E env "EMULATOR=${CMAKE_CROSSCOMPILING_EMULATOR}" "${CMAKE_SOURCE_DIR}/packaging/files.sh" "$<TARGET_FILE_DIR:s3zipd>" "${_files}"
          "${PROJECT_VERSION}-${S3ZIPD_PACKAGE_REVISION}" "${S3ZIPD_PACKAGE_CONTACT}"
  DEPENDS s3zipd s3zip
  VERBATIM)

install(TARGETS s3zipd s3zip RUNTIME DESTINATION bin)
install(FILES systemd/s3zipd.service systemd/s3zipd.socket DESTINATION lib/systemd/system)
# Asked of the library itself: it is one release of it, on one architecture.
execute_process(COMMAND "${CMAKE_READELF}" -d "${ISAL_LIBRARY}" OUTPUT_VARIABLE _isal COMMAND_ERROR_IS_FATAL ANY)
if(_isal MATCHES "TEXTREL")
  install(FILES systemd/isal-textrel.conf DESTINATION lib/systemd/system/s3zipd.service.d)
endif()
install(FILES config/s3zipd.toml DESTINATION /etc/s3zipd)
install(FILES packaging/default DESTINATION /etc/default RENAME s3zipd)
install(FILES cli/s3zip.bash DESTINATION share/bash-completion/completions RENAME s3zip)
install(FILES "${_files}/s3zip.1.gz" DESTINATION share/man/man1)
install(FILES "${_files}/s3zipd.8.gz" DESTINATION share/man/man8)
install(FILES packaging/debian/copyright "${_files}/changelog.Debian.gz" "${_files}/NEWS.md.gz"
              docs/API.md docs/OPERATIONS.md docs/VERIFY.md
        DESTINATION share/doc/s3zipd)
install(DIRECTORY docs/monitoring DESTINATION share/doc/s3zipd)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME s3zipd)
set(CPACK_PACKAGE_CONTACT "${S3ZIPD_PACKAGE_CONTACT}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "builds ZIP archives out of S3 objects and leaves them in S3")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${S3ZIPD_PACKAGE_REVISION})
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"s3zipd takes jobs over a REST API, reads objects of S3 or of a compatible
store, and leaves a finished ZIP archive of them under a key in S3, or
nothing. Jobs survive restarts; but for their journal, nothing is kept on
disk. With the daemon come its service and s3zip, the command for it.")
# The libraries, with the versions that their symbols need, come from dpkg-shlibdeps.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${CMAKE_SOURCE_DIR}/packaging/debian/postinst;${CMAKE_SOURCE_DIR}/packaging/debian/prerm"
    "${CMAKE_SOURCE_DIR}/packaging/debian/postrm;${CMAKE_SOURCE_DIR}/packaging/debian/conffiles")
if(CMAKE_CROSSCOMPILING)
  # CPack would ask the host's dpkg for it. Of the libraries, only their folders are to be told: what packages they are of
  # is in the environment that `./dev package` gives to dpkg-shlibdeps.
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE ${S3ZIPD_DEBIAN_ARCHITECTURE})
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${CMAKE_SYSROOT}/lib/${CMAKE_LIBRARY_ARCHITECTURE}"
                                                  "${CMAKE_SYSROOT}/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}")
endif()
include(CPack)

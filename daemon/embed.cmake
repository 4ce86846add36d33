# cmake -D OUT=page_files.cc -D FOLDER=... -D NAMES=a,b -P embed.cmake: the files as bytes in C++, each with the hash of its
# content. As numbers, so that whatever stands in a file can neither end a literal nor be too long for one.
string(REPLACE "," ";" _names "${NAMES}")
set(_arrays "")
set(_rows "")
set(_number 0)
foreach(_name IN LISTS _names)
  file(READ "${FOLDER}/${_name}" _hex HEX)
  file(SHA256 "${FOLDER}/${_name}" _hash)
  string(SUBSTRING "${_hash}" 0 16 _hash)
  string(REGEX REPLACE "(..)" "0x\\1," _bytes "${_hex}")
  string(APPEND _arrays "constexpr unsigned char kFile${_number}[] = {${_bytes}};\n")
  string(APPEND _rows "    {\"${_name}\", kFile${_number}, sizeof kFile${_number}, \"\\\"${_hash}\\\"\"},\n")
  math(EXPR _number "${_number} + 1")
endforeach()
file(WRITE "${OUT}" "#include \"daemon/page.h\"\n\nnamespace s3zipd {\nnamespace {\n${_arrays}}  // namespace\n
const std::span<const PageFile> kPageFiles = [] {
  static constexpr PageFile kFiles[] = {\n${_rows}  };
  return std::span<const PageFile>(kFiles);
}();\n}  // namespace s3zipd\n")

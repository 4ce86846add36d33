// When two names are one file: on Windows and macOS also if they differ only in case or in Unicode
// normalisation. The folded form is Unicode's canonical caseless match (Unicode 15, 3.13, D145);
// two names clash exactly if their folded forms are equal. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace zip {

// Replaces `out`. A name that is not UTF-8 has only its ASCII letters folded.
void fold_name(std::string_view name, std::string& out);

}  // namespace zip

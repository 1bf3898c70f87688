// Files of references, damaged and hostile: every format, as it is and by each reader alone; what is read is
// UTF-8 and bounded.
#include "medsynth/references/references.h"

#include <string>
#include <string_view>

#include "medsynth/base/id.h"
#include "medsynth/references/formats.h"
#include "medsynth/references/unpack.h"

#include "fuzz.h"

namespace {

using namespace medsynth;

void check(const std::vector<references::Reference>& found, std::size_t input) {
  std::size_t bytes = 0;
  for (const references::Reference& each : found) {
    for (const std::string* text :
         {&each.title, &each.abstract, &each.journal, &each.doi, &each.pmid, &each.id, &each.language}) {
      fuzz::require(is_utf8(*text), "a text that was read is UTF-8");
      bytes += text->size();
    }
    fuzz::require(!each.year || (*each.year >= 1500 && *each.year <= 2100), "a year is one");
  }
  // Windows-1252 grows to three bytes a character; labels, and a title that is the id as well, add some.
  fuzz::require(bytes <= 16 * input + 4096, "texts do not grow beyond the file");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  const bool packed = bytes.starts_with("\x1F\x8B") || bytes.starts_with("PK");
  if (const auto read = references::read(bytes)) {
    if (!packed) check(read->references, size);
    const auto joined = references::join_duplicates(read->references);
    fuzz::require(joined.references.size() + joined.duplicates.size() == read->references.size(),
                  "no reference is lost by joining");
  } else {
    fuzz::require(!read.error().message.empty(), "an error says what is wrong");
  }
  // A format that sniffing would not have chosen must bear the same bytes.
  using references::Format;
  const std::string text = references::to_text(bytes);
  for (const Format each : {Format::ris, Format::medline, Format::endnote_tagged, Format::web_of_science})
    check(references::read_tagged(text, each).references, size);
  check(references::read_bibtex(text).references, size);
  if (const auto table = references::read_csv(text, {})) check(table->references, size);
  for (const Format each : {Format::pubmed_xml, Format::jats, Format::endnote_xml})
    check(references::read_xml(text, each).references, size);
  for (const Format each : {Format::json, Format::json_lines}) {
    if (const auto records = references::read_json(text, each, {})) check(records->references, size);
  }
  return 0;
}

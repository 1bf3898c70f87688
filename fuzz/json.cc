// JSON and the payloads described over it: what is read is written to something that reads to the same value.
#include "medsynth/base/json.h"

#include "medsynth/api/payloads.h"
#include "medsynth/api/queue_payloads.h"
#include "medsynth/jobs/jobs.h"

#include "fuzz.h"

namespace {

template <class T>
void round_trip(std::string_view text) {
  using namespace medsynth;
  const auto read = described::parse<T>(text);
  if (!read) {
    fuzz::require(!read.error().message.empty(), "an error says what is wrong");
    return;
  }
  const std::string written = described::write(*read);
  const auto again = described::parse<T>(written);
  fuzz::require(again.has_value(), "what is written can be read");
  fuzz::require(described::write(*again) == written, "what is read again is the same");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medsynth;
  const std::string_view text = fuzz::text_of(data, size);
  (void)json::members(text);
  if (const auto value = json::parse(text)) {
    const std::string written = json::write(*value);
    const auto again = json::parse(written);
    fuzz::require(again.has_value() && json::write(*again) == written,
                  "a value is written and read as itself");
  }
  round_trip<jobs::DetectContradiction>(text);
  round_trip<jobs::AnalyzeArticles>(text);
  round_trip<jobs::GenerateEmbeddings>(text);
  round_trip<tasks::TaskInfo>(text);
  round_trip<api::SendMessage>(text);
  return 0;
}

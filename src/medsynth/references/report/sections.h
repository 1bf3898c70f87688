// The parts of the page, each a <section> under a heading. Internal to the report.
#pragma once

#include <string>
#include <string_view>

#include "medsynth/references/report.h"
#include "medsynth/references/report/html.h"
#include "medsynth/references/report/index.h"

namespace medsynth::references {

// What they are all made from; nothing is owned.
struct Page {
  const Analysis& analysis;
  const Selection& shown;
  const Index& index;
};

Html section(std::string_view id, std::string_view title, const Html& content);
Html count_of(std::int64_t number, std::string_view one, std::string_view many);  // "3 articles"

Html evidence_map(const Page& page);
// The questions that have contradictions, each with its findings, its estimates and its pairs; then the pairs
// of no listed question.
Html disagreements(const Page& page);
// The other questions.
Html agreements(const Page& page);
Html not_compared(const Page& page);
Html how_it_was_made(const Page& page);

// Title with its year, journal and links; "retracted" where it was.
Html source_of(const Page& page, std::string_view article_id, std::string_view title);
Html addresses(std::string_view doi, std::string_view pmid);
std::string question_name(const jobs::Question& question);  // "statins and stroke"

}  // namespace medsynth::references

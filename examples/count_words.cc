// A worker with an actor of its own: counts the words of some texts. docs/actors.md explains it line by line.
//
//   REDIS_URL=redis://localhost:6379/0 MEDSYNTH_QUEUES=words build/release/examples/count_words
//   medsynth send count_words --queue words --kwargs '{"texts": ["one two", "three"]}'
#include <sstream>

#include "medsynth/worker/worker.h"

namespace {

using namespace medsynth;

struct CountWords {
  std::vector<std::string> texts;
  std::int64_t at_least = 1;
};
BOOST_DESCRIBE_STRUCT(CountWords, (), (texts, at_least))

struct WordCount {
  std::int64_t words = 0;
  double duration = 0;  // seconds; the worker fills it in
};
BOOST_DESCRIBE_STRUCT(WordCount, (), (words, duration))

Result<WordCount> count_words(worker::Context& context, const CountWords& arguments) {
  WordCount count;
  std::size_t done = 0;
  for (const std::string& text : arguments.texts) {
    BOOST_OUTCOME_TRY(context.go_on());
    std::istringstream words(text);
    for (std::string word; words >> word;)
      if (static_cast<std::int64_t>(word.size()) >= arguments.at_least) ++count.words;
    context.progress(100.0 * static_cast<double>(++done) / static_cast<double>(arguments.texts.size()),
                     "counting");
  }
  context.log("words counted", {{"words", count.words}});
  return count;
}

}  // namespace

template <>
struct medsynth::described::Rules<CountWords> {
  static constexpr std::array fields{
      Field{.name = "texts", .help = "Texts to count", .min_size = 1, .max_size = 1000},
      Field{.name = "at_least", .help = "Letters that a word must have", .optional = true, .minimum = 1}};
};

int main() {
  worker::Actor count = worker::make_actor<CountWords>(
      {.name = "count_words", .max_retries = 3, .time_limit_ms = 60'000}, count_words);
  // The same for short texts: without admission, many at a time.
  worker::Actor brief = count;
  brief.about.name = "count_few_words";
  brief.light = true;
  return worker::run_actors({std::move(count), std::move(brief)});
}

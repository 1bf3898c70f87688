// The actors of the source document: names, parameters and options are its own.
#include <algorithm>

#include "medsynth/base/log.h"
#include "medsynth/contradiction/contradiction.h"
#include "medsynth/worker/actor.h"

namespace medsynth::worker {
namespace {

// Texts are embedded in slices, so that progress moves and a stop is noticed.
constexpr std::size_t kTextsPerSlice = 64;

std::optional<WantedModel> language_model(const jobs::DetectContradiction& pair) {
  if (!pair.use_all_methods) return std::nullopt;
  return WantedModel{.name = pair.language_model.value_or(""),
                     .kind = "language",
                     .required = pair.language_model.has_value(),
                     .keep_alive = pair.keep_alive};
}

Result<jobs::ContradictionResult> detect(Context& context, const jobs::DetectContradiction& pair) {
  const auto used = context.model_used();
  context.progress(10, "judging");
  BOOST_OUTCOME_TRY(const auto calibration, context.calibration());
  const contradiction::LanguageModel asked{.model = context.model(),
                                           .demo = used && used->demo,
                                           .combination = calibration ? &calibration->combination : nullptr};
  BOOST_OUTCOME_TRY(auto result, contradiction::detect(pair, asked, context.until()));
  if (used && !result.model) result.model = used;
  context.progress(90, "done");
  return result;
}

Result<jobs::ArticlesResult> analyze(Context& context, const jobs::AnalyzeArticles& arguments) {
  BOOST_OUTCOME_TRY(auto result,
                    contradiction::analyze(
                        arguments, context.until(),
                        [&](double part, std::string_view stage) { context.progress(5 + 90 * part, stage); },
                        context.model()));
  result.model = context.model_used();
  return result;
}

// Finds pairs that say similar things in other words; without one, pairs are found by their words.
std::optional<WantedModel> pair_finder(const jobs::AnalyzeArticles&) {
  return WantedModel{.name = "", .kind = "sentence", .required = false};
}

std::optional<WantedModel> sentence_model(const jobs::GenerateEmbeddings& arguments) {
  return WantedModel{.name = arguments.model_name.value_or(""),
                     .kind = "sentence",
                     .required = true,
                     .keep_alive = arguments.keep_alive};
}

Result<jobs::EmbeddingsResult> embed(Context& context, const jobs::GenerateEmbeddings& arguments) {
  jobs::EmbeddingsResult result;
  result.total_texts = static_cast<std::int64_t>(arguments.texts.size());
  std::int64_t cut = 0;
  for (std::size_t at = 0; at < arguments.texts.size(); at += kTextsPerSlice) {
    const std::size_t count = std::min(kTextsPerSlice, arguments.texts.size() - at);
    std::vector<bool> truncated;
    BOOST_OUTCOME_TRY(auto vectors, context.model()->embed(std::span(arguments.texts).subspan(at, count),
                                                           context.until(), &truncated));
    cut += std::count(truncated.begin(), truncated.end(), true);
    for (auto& vector : vectors) result.embeddings.push_back(std::move(vector));
    context.progress(
        10 + 85.0 * static_cast<double>(at + count) / static_cast<double>(arguments.texts.size()),
        "embedding");
  }
  result.dimension = context.model()->info().dimension;
  result.model = context.model_used();
  if (cut > 0)
    result.warnings.push_back(std::to_string(cut) +
                              " texts were longer than the model's context and were cut");
  return result;
}

Actor brief_without_model(Actor actor) {
  actor.brief_without_model = true;
  return actor;
}

}  // namespace

const std::vector<Actor>& actors() {
  static const std::vector<Actor> all{
      brief_without_model(make_actor<jobs::DetectContradiction>(
          jobs::kDetect, {"claim1", "claim2", "task_id"}, language_model, detect)),
      make_actor<jobs::AnalyzeArticles>(jobs::kAnalyze, {"articles", "threshold", "task_id"}, pair_finder,
                                        analyze),
      make_actor<jobs::GenerateEmbeddings>(jobs::kEmbed, {"texts", "model_name", "task_id"}, sentence_model,
                                           embed),
  };
  return all;
}

Result<> Context::go_on() const {
  if (until().stop.stop_requested()) return Error{Code::cancelled, "the task was asked to stop", ""};
  if (system_clock().steady() >= until().deadline)
    return Error{Code::timeout, "the task's time limit is over", ""};
  return success();
}

void Context::log(std::string_view event, const json::object& details) const {
  medsynth::log::info(event, {{"task_id", task_id()}, {"details", details}});
}

Result<json::value> bind_arguments(std::string_view args, std::string_view kwargs,
                                   const std::vector<std::string_view>& names) {
  BOOST_OUTCOME_TRY(auto positional, json::parse(args));
  BOOST_OUTCOME_TRY(auto named, json::parse(kwargs));
  if (!positional.is_array()) return invalid("/args", "must be an array");
  if (!named.is_object()) return invalid("/kwargs", "must be an object");
  const json::array& values = positional.get_array();
  if (values.size() > names.size())
    return invalid("/args", "has " + std::to_string(values.size()) + " positional arguments; at most " +
                                std::to_string(names.size()) + " are known");
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (named.get_object().contains(names[i]))
      return invalid(described::pointer_to("/kwargs", names[i]), "is given twice");
    named.get_object()[names[i]] = values[i];
  }
  return named;
}

}  // namespace medsynth::worker

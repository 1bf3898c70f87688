// The actors of the source document: names, parameters and options are its own.
#include "medsynth/actors/actors.h"

#include "medsynth/base/log.h"
#include "medsynth/worker/actor.h"

namespace medsynth::worker {
namespace {

// The one that is named; else an entailment model, where one is chosen, or the default language model.
std::optional<WantedModel> judge(const jobs::DetectContradiction& pair) {
  if (!pair.use_all_methods) return std::nullopt;
  if (pair.language_model)
    return WantedModel{.name = *pair.language_model, .kind = "language", .keep_alive = pair.keep_alive};
  return WantedModel{.name = pair.entailment_model.value_or(""),
                     .kind = "entailment",
                     .required = pair.entailment_model.has_value(),
                     .keep_alive = pair.keep_alive,
                     .otherwise = "language"};
}

// The work itself, in a context.
template <class Arguments, class Result_>
auto in_context(Result_ (*work)(const Arguments&, const actors::WorkingModel&, const inference::Until&,
                                const actors::Progress&)) {
  return [work](Context& context, const Arguments& arguments) {
    return work(arguments, context.working_model(), context.until(),
                [&](double percent, std::string_view stage) { context.progress(percent, stage); });
  };
}

// An entailment model, named or chosen, reads the strongest candidates; else a sentence model finds pairs that say
// similar things in other words.
std::optional<WantedModel> reader(const jobs::AnalyzeArticles& arguments) {
  return WantedModel{.name = arguments.entailment_model.value_or(""),
                     .kind = "entailment",
                     .required = arguments.entailment_model.has_value(),
                     .otherwise = "sentence"};
}

std::optional<WantedModel> sentence_model(const jobs::GenerateEmbeddings& arguments) {
  return WantedModel{.name = arguments.model_name.value_or(""),
                     .kind = "sentence",
                     .required = true,
                     .keep_alive = arguments.keep_alive};
}

Actor brief_without_model(Actor actor) {
  actor.brief_without_model = true;
  return actor;
}

}  // namespace

const std::vector<Actor>& actors() {
  static const std::vector<Actor> all{
      brief_without_model(make_actor<jobs::DetectContradiction>(
          jobs::kDetect, {"claim1", "claim2", "task_id"}, judge, in_context(actors::detect))),
      make_actor<jobs::AnalyzeArticles>(jobs::kAnalyze, {"articles", "threshold", "task_id"}, reader,
                                        in_context(actors::analyze)),
      make_actor<jobs::GenerateEmbeddings>(jobs::kEmbed, {"texts", "model_name", "task_id"}, sentence_model,
                                           in_context(actors::embed)),
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

#include "medsynth/jobs/jobs.h"

#include <fmt/format.h>

#include "medsynth/base/id.h"

namespace medsynth::jobs {
namespace {

class Checker {
 public:
  void text(std::string pointer, const std::string& text, std::size_t min_size = 0) {
    if (text.size() > kMaxTextBytes)
      add(std::move(pointer), fmt::format("is {} bytes long; at most {} are allowed: shorten or split it",
                                          text.size(), kMaxTextBytes));
    else if (text.size() < min_size)
      add(std::move(pointer), "must not be empty");
  }
  void text(std::string pointer, const std::optional<std::string>& optional) {
    if (optional) text(std::move(pointer), *optional);
  }
  void task_id(const std::optional<std::string>& id) {
    if (!id) return;
    if (auto checked = check_task_id(*id); !checked) add("/task_id", checked.error().faults.at(0).detail);
  }
  void model(const std::string& pointer, const std::optional<std::string>& name) {
    if (!name) return;
    if (auto checked = check_name(pointer, *name); !checked)
      add(pointer, checked.error().faults.at(0).detail);
  }
  void wrong(std::string pointer, std::string detail) { add(std::move(pointer), std::move(detail)); }
  bool full() const { return faults_.full(); }
  void count(std::string_view name, std::size_t count, std::size_t most) {
    if (count == 0) add(fmt::format("/{}", name), "must not be empty");
    if (count > most)
      add(fmt::format("/{}", name),
          fmt::format("has {} elements; at most {} are allowed: send them in parts", count, most));
  }
  Result<> result() && {
    if (faults_.none()) return success();
    return std::move(faults_).error();
  }

 private:
  void add(std::string pointer, std::string detail) { faults_.add(std::move(pointer), std::move(detail)); }
  described::Faults faults_;
};

}  // namespace

Result<> check(const DetectContradiction& arguments) {
  Checker checker;
  checker.text("/claim1", arguments.claim1, 1);
  checker.text("/claim2", arguments.claim2, 1);
  checker.task_id(arguments.task_id);
  checker.model("/language_model", arguments.language_model);
  if (arguments.language_model && !arguments.use_all_methods)
    checker.wrong("/language_model", "is not asked where use_all_methods is false: leave out one of them");
  checker.model("/entailment_model", arguments.entailment_model);
  if (arguments.entailment_model && !arguments.use_all_methods)
    checker.wrong("/entailment_model", "is not asked where use_all_methods is false: leave out one of them");
  if (arguments.entailment_model && arguments.language_model)
    checker.wrong("/entailment_model", "is asked instead of a language model: leave out one of them");
  return std::move(checker).result();
}

Result<> check(const AnalyzeArticles& arguments) {
  Checker checker;
  checker.count("articles", arguments.articles.size(), kMaxArticles);
  std::size_t index = 0;
  for (const Article& article : arguments.articles) {
    if (checker.full()) break;
    const std::string at = fmt::format("/articles/{}", index++);
    checker.text(at + "/id", article.id);
    checker.text(at + "/title", article.title);
    checker.text(at + "/abstract", article.abstract);
    if (!article.claims) continue;
    for (std::size_t i = 0; i < article.claims->size() && !checker.full(); ++i)
      checker.text(fmt::format("{}/claims/{}", at, i), (*article.claims)[i]);
  }
  checker.task_id(arguments.task_id);
  return std::move(checker).result();
}

Result<> check(const GenerateEmbeddings& arguments) {
  Checker checker;
  checker.count("texts", arguments.texts.size(), kMaxTexts);
  for (std::size_t i = 0; i < arguments.texts.size() && !checker.full(); ++i)
    checker.text(fmt::format("/texts/{}", i), arguments.texts[i], 1);
  checker.model("/model_name", arguments.model_name);
  checker.task_id(arguments.task_id);
  return std::move(checker).result();
}

}  // namespace medsynth::jobs

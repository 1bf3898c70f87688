// What each actor takes and gives back, described once: arguments of the message, body of the HTTP request,
// result in the record, OpenAPI schema, columns of the command line.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/described.h"
#include "medsynth/base/json.h"

namespace medsynth::jobs {

inline constexpr std::size_t kMaxTextBytes = 32 * 1024;
inline constexpr std::size_t kMaxArticles = 5000;
inline constexpr std::size_t kMaxTexts = 10000;
inline constexpr std::size_t kMaxResultBytes = 10'000'000;  // a larger result fails its task

// What is said once about an actor; the source document's values.
struct Actor {
  std::string_view name;
  std::int64_t max_retries = 20;         // as Dramatiq
  std::int64_t time_limit_ms = 600'000;  // as Dramatiq
  std::string_view operation = name;     // label of metrics and ML events
};
inline constexpr Actor kDetect{"detect_contradiction", 3, 3'600'000, "detect_contradiction"};
inline constexpr Actor kAnalyze{"analyze_contradictions_in_articles", 3, 3'600'000,
                                "analyze_contradictions_in_articles"};
inline constexpr Actor kEmbed{"generate_embeddings", 3, 3'600'000, "generate_embeddings"};
inline constexpr std::array kActors{kDetect, kAnalyze, kEmbed};

// --- detect_contradiction
// ---------------------------------------------------------------------------------------------

struct DetectContradiction {
  std::string claim1;
  std::string claim2;
  std::optional<json::object> metadata1;
  std::optional<json::object> metadata2;
  bool use_all_methods = true;
  std::optional<std::string> task_id;
  std::optional<double> keep_alive = std::nullopt;  // seconds: how long the model stays in memory afterwards
};
BOOST_DESCRIBE_STRUCT(DetectContradiction, (),
                      (claim1, claim2, metadata1, metadata2, use_all_methods, task_id, keep_alive))

enum class Verdict { contradiction, no_contradiction, uncertain };
BOOST_DESCRIBE_ENUM(Verdict, contradiction, no_contradiction, uncertain)
enum class ContradictionType { direct, temporal, statistical, none };
BOOST_DESCRIBE_ENUM(ContradictionType, direct, temporal, statistical, none)
enum class Confidence { low, medium, high };
BOOST_DESCRIBE_ENUM(Confidence, low, medium, high)

// The model that answered.
struct ModelUsed {
  std::string id;
  std::string digest;
  std::string description;
  bool demo = false;
};
BOOST_DESCRIBE_STRUCT(ModelUsed, (), (id, digest, description, demo))

struct ContradictionResult {
  bool is_contradiction = false;
  double contradiction_score = 0;  // 0-1
  ContradictionType contradiction_type = ContradictionType::none;
  Confidence confidence = Confidence::low;
  Verdict verdict = Verdict::uncertain;
  std::string explanation;
  std::vector<std::string> methods_used;
  json::object details;  // one member per method used
  std::vector<std::string> context_differences;
  std::optional<ModelUsed> model;
  bool calibrated = false;
  double duration = 0;  // seconds
  std::vector<std::string> warnings;
};
BOOST_DESCRIBE_STRUCT(ContradictionResult, (),
                      (is_contradiction, contradiction_score, contradiction_type, confidence, verdict,
                       explanation, methods_used, details, context_differences, model, calibrated, duration,
                       warnings))

// --- analyze_contradictions_in_articles
// -------------------------------------------------------------------------------

struct Article {
  std::optional<std::string> id;
  std::optional<std::string> title;
  std::optional<std::string> abstract;
  std::optional<std::vector<std::string>> claims;
};
BOOST_DESCRIBE_STRUCT(Article, (), (id, title, abstract, claims))

struct AnalyzeArticles {
  std::vector<Article> articles;
  double threshold = 0.7;
  std::optional<std::string> task_id;
};
BOOST_DESCRIBE_STRUCT(AnalyzeArticles, (), (articles, threshold, task_id))

// Where a judgement stands in a claim's text: bytes [begin, end).
struct EvidenceSpan {
  std::string role;  // effect, negation, agent, outcome, shared, conflict, estimate, quantity, date, ...
  std::int64_t begin = 0;
  std::int64_t end = 0;
};
BOOST_DESCRIBE_STRUCT(EvidenceSpan, (), (role, begin, end))

// One side of a contradiction that was found.
struct ArticleClaim {
  std::string article_id;
  std::string title;
  std::string claim;
  std::vector<EvidenceSpan> evidence;
};
BOOST_DESCRIBE_STRUCT(ArticleClaim, (), (article_id, title, claim, evidence))

struct FoundContradiction {
  ArticleClaim claim1;
  ArticleClaim claim2;
  double contradiction_score = 0;
  ContradictionType contradiction_type = ContradictionType::none;
  Confidence confidence = Confidence::low;
  std::string explanation;
};
BOOST_DESCRIBE_STRUCT(FoundContradiction, (),
                      (claim1, claim2, contradiction_score, contradiction_type, confidence, explanation))

struct ArticlesResult {
  std::int64_t total_articles = 0;
  std::int64_t total_claims = 0;
  std::int64_t pairs_compared = 0;
  double threshold = 0.7;
  std::vector<FoundContradiction> contradictions;
  std::vector<std::string> methods_used;
  std::optional<ModelUsed> model;
  double duration = 0;  // seconds
  std::vector<std::string> warnings;
};
BOOST_DESCRIBE_STRUCT(ArticlesResult, (),
                      (total_articles, total_claims, pairs_compared, threshold, contradictions, methods_used,
                       model, duration, warnings))

// --- generate_embeddings
// ----------------------------------------------------------------------------------------------

struct GenerateEmbeddings {
  std::vector<std::string> texts;
  std::optional<std::string> model_name;
  std::optional<std::string> task_id;
  std::optional<double> keep_alive = std::nullopt;  // seconds: how long the model stays in memory afterwards
};
BOOST_DESCRIBE_STRUCT(GenerateEmbeddings, (), (texts, model_name, task_id, keep_alive))

struct EmbeddingsResult {
  std::vector<std::vector<float>> embeddings;
  std::int64_t dimension = 0;
  std::int64_t total_texts = 0;
  std::optional<ModelUsed> model;
  double duration = 0;  // seconds
  std::vector<std::string> warnings;
};
BOOST_DESCRIBE_STRUCT(EmbeddingsResult, (), (embeddings, dimension, total_texts, model, duration, warnings))

// Checks that a description cannot express: the length of each text, article by article. invalid_argument
// with pointers.
Result<> check(const DetectContradiction& arguments);
Result<> check(const AnalyzeArticles& arguments);
Result<> check(const GenerateEmbeddings& arguments);

}  // namespace medsynth::jobs

namespace medsynth::described {
template <>
struct Rules<jobs::DetectContradiction> {
  static constexpr std::array fields{
      Field{.name = "claim1", .help = "First claim", .min_size = 1, .max_size = jobs::kMaxTextBytes},
      Field{.name = "claim2", .help = "Second claim", .min_size = 1, .max_size = jobs::kMaxTextBytes},
      Field{.name = "metadata1",
            .help = "Anything known about the first claim (year, population, p_value, ...)"},
      Field{.name = "metadata2", .help = "Anything known about the second claim"},
      Field{.name = "use_all_methods",
            .help = "false: the fast path, without a language model",
            .optional = true},
      Field{.name = "task_id", .help = "Id of the task; made when absent", .min_size = 1, .max_size = 200},
      Field{.name = "keep_alive",
            .help = "Seconds that the model stays in memory after this task; 0: it leaves at once, -1: never",
            .minimum = -1}};
};
template <>
struct Rules<jobs::Article> {
  static constexpr bool open = true;
  static constexpr std::array<Field, 0> fields{};
};
template <>
struct Rules<jobs::AnalyzeArticles> {
  static constexpr std::array fields{
      Field{.name = "articles",
            .help = "Articles with abstracts, or with claims already extracted",
            .min_size = 1,
            .max_size = jobs::kMaxArticles},
      Field{.name = "threshold",
            .help = "Contradictions from this score on are reported",
            .optional = true,
            .minimum = 0,
            .maximum = 1},
      Field{.name = "task_id", .help = "Id of the task; made when absent", .min_size = 1, .max_size = 200}};
};
template <>
struct Rules<jobs::GenerateEmbeddings> {
  static constexpr std::array fields{
      Field{.name = "texts", .help = "Texts to embed", .min_size = 1, .max_size = jobs::kMaxTexts},
      Field{.name = "model_name",
            .help = "Model of the catalogue; absent: the sentence model",
            .min_size = 1,
            .max_size = 200},
      Field{.name = "task_id", .help = "Id of the task; made when absent", .min_size = 1, .max_size = 200},
      Field{.name = "keep_alive",
            .help = "Seconds that the model stays in memory after this task; 0: it leaves at once, -1: never",
            .minimum = -1}};
};
}  // namespace medsynth::described

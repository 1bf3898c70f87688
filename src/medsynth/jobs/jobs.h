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
  std::optional<std::string> language_model = std::nullopt;    // of the catalogue; none: the default
  std::optional<std::string> entailment_model = std::nullopt;  // in its place
};
BOOST_DESCRIBE_STRUCT(DetectContradiction, (),
                      (claim1, claim2, metadata1, metadata2, use_all_methods, task_id, keep_alive,
                       language_model, entailment_model))

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

// What is known of an article beside its text goes into the result as it came: `year` may be 2019 or "2019".
struct Article {
  std::optional<std::string> id;
  std::optional<std::string> title;
  std::optional<std::string> abstract;
  std::optional<std::vector<std::string>> claims;
  std::optional<json::value> pmid;
  std::optional<std::string> doi;
  std::optional<json::value> year;
  std::optional<std::string> journal;
  std::optional<json::value> authors;
  std::optional<json::value> publication_types;
  std::optional<std::string> language;
  std::optional<bool> retracted;
  std::vector<std::string> other_fields;  // names that came with the article and are not read
};
BOOST_DESCRIBE_STRUCT(Article, (),
                      (id, title, abstract, claims, pmid, doi, year, journal, authors, publication_types,
                       language, retracted, other_fields))

struct AnalyzeArticles {
  std::vector<Article> articles;
  double threshold = 0.7;
  std::optional<std::string> task_id;
  std::optional<std::string> question = std::nullopt;          // words that exposure and outcome must have
  std::optional<double> budget_seconds = std::nullopt;         // of models; none: as long as they need
  std::optional<std::string> entailment_model = std::nullopt;  // of the catalogue; none: the default
};
BOOST_DESCRIBE_STRUCT(AnalyzeArticles, (),
                      (articles, threshold, task_id, question, budget_seconds, entailment_model))

// Where a judgement stands in a claim's text: Unicode code points [begin, end), as Python counts them, and
// what stands there.
struct EvidenceSpan {
  std::string role;  // effect, negation, agent, outcome, shared, conflict, estimate, quantity, date, ...
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::string text = {};
};
BOOST_DESCRIBE_STRUCT(EvidenceSpan, (), (role, begin, end, text))

// A part of an article's abstract, or of one of its claims: Unicode code points [begin, end).
struct Quote {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(Quote, (), (begin, end, text))

struct FindingEstimate {
  std::string kind;  // ratio, difference
  double value = 0;
  std::optional<double> low, high;  // confidence interval
};
BOOST_DESCRIBE_STRUCT(FindingEstimate, (), (kind, value, low, high))

// What one sentence finds. `exposure`, `comparator`, `outcome` and `population` are its words for them, ""
// where it names none; an exposure that only the title names is `implied`.
struct ReportedFinding {
  std::int64_t id = 0;  // what questions and contradictions refer to
  std::string article_id;
  std::string section;      // title, results, conclusions, ...; claim: it was given as one
  std::int64_t claim = -1;  // index in the article's claims; -1: `sentence` counts in its abstract
  Quote sentence;
  std::string exposure;
  bool implied = false;
  std::string comparator;
  std::string outcome;
  std::string population;
  std::string direction;  // more, less, no_difference, associated, not_associated, better, worse, unclear
  bool hedged = false;
  std::optional<FindingEstimate> estimate;
  std::optional<double> p;
};
BOOST_DESCRIBE_STRUCT(ReportedFinding, (),
                      (id, article_id, section, claim, sentence, exposure, implied, comparator, outcome,
                       population, direction, hedged, estimate, p))

// Findings of several articles on one thing: who finds more, who less, who no difference.
struct Question {
  std::int64_t id = 0;
  std::string exposure;
  std::string outcome;
  std::int64_t articles = 0;
  std::int64_t more = 0;               // findings; also better
  std::int64_t less = 0;               // also worse
  std::int64_t no_difference = 0;      // also not associated
  std::int64_t undirected = 0;         // associated, or unclear
  std::int64_t contradictions = 0;     // pairs from the threshold on
  std::int64_t agreements = 0;         // pairs that were compared and agree
  std::vector<std::int64_t> findings;  // ids; the first 100
};
BOOST_DESCRIBE_STRUCT(Question, (),
                      (id, exposure, outcome, articles, more, less, no_difference, undirected, contradictions,
                       agreements, findings))

// One side of a contradiction that was found.
struct ArticleClaim {
  std::string article_id;
  std::string title;
  std::string claim;
  std::vector<EvidenceSpan> evidence;  // counted in `claim`
};
BOOST_DESCRIBE_STRUCT(ArticleClaim, (), (article_id, title, claim, evidence))

struct FoundContradiction {
  ArticleClaim claim1;
  ArticleClaim claim2;
  double contradiction_score = 0;  // of pairs with this score, so many hold: .7 is 7 of 10
  ContradictionType contradiction_type = ContradictionType::none;
  Confidence confidence = Confidence::low;
  std::string explanation;
  std::int64_t question = -1;  // id; -1: of none that is listed
  std::int64_t finding1 = 0;   // ids
  std::int64_t finding2 = 0;
  std::vector<std::string> context_differences;
  std::optional<double> entailment = std::nullopt;  // probability of a contradiction, by an entailment model
};
BOOST_DESCRIBE_STRUCT(FoundContradiction, (),
                      (claim1, claim2, contradiction_score, contradiction_type, confidence, explanation,
                       question, finding1, finding2, context_differences, entailment))

// An article that the result speaks of, as it came.
struct ArticleInfo {
  std::string article_id;
  std::string title;
  std::optional<json::value> pmid;
  std::optional<std::string> doi;
  std::optional<json::value> year;
  std::optional<std::string> journal;
  std::optional<json::value> authors;
  std::optional<json::value> publication_types;
  std::optional<std::string> language;
  std::optional<bool> retracted;
};
BOOST_DESCRIBE_STRUCT(ArticleInfo, (),
                      (article_id, title, pmid, doi, year, journal, authors, publication_types, language,
                       retracted))

struct ArticlesResult {
  std::int64_t total_articles = 0;
  std::int64_t total_claims = 0;  // sentences and claims that find something
  std::int64_t total_findings = 0;
  std::int64_t pairs_compared = 0;
  std::int64_t not_compared = 0;  // pairs on the same things that were left out, at least
  std::int64_t agreements = 0;    // pairs on one question that agree
  double threshold = 0.7;
  std::vector<FoundContradiction> contradictions;
  std::vector<Question> questions;        // of two articles or more, the most discussed first
  std::vector<ReportedFinding> findings;  // those that questions and contradictions refer to
  std::vector<ArticleInfo> articles;      // those that have such findings
  std::vector<std::string> methods_used;
  std::optional<ModelUsed> model;
  double duration = 0;  // seconds
  std::vector<std::string> warnings;
};
BOOST_DESCRIBE_STRUCT(ArticlesResult, (),
                      (total_articles, total_claims, total_findings, pairs_compared, not_compared, agreements,
                       threshold, contradictions, questions, findings, articles, methods_used, model,
                       duration, warnings))

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
            .minimum = -1},
      Field{.name = "language_model",
            .help = "Model that is asked, by its name in GET /v1/models; the default when absent",
            .min_size = 1,
            .max_size = 100},
      Field{
          .name = "entailment_model",
          .help = "Entailment model that is asked instead of a language model, by its name in GET /v1/models",
          .min_size = 1,
          .max_size = 100}};
};
template <>
struct Rules<jobs::ContradictionResult> {
  static constexpr std::array fields{
      Field{
          .name = "explanation",
          .help = "Why the verdict is what it is: what excludes what, what allows both, or what is missing"},
      Field{.name = "details",
            .help = "One member per method used. Its evidence1 and evidence2 are lists of EvidenceSpan, "
                    "whose offsets "
                    "count Unicode code points"}};
};
template <>
struct Rules<jobs::EvidenceSpan> {
  static constexpr std::array fields{
      Field{.name = "role",
            .help = "What it is: effect, negation, agent, outcome, shared, conflict, quantity, ..."},
      Field{.name = "begin",
            .help = "Where it begins in the claim, in Unicode code points: claim[begin:end] in Python"},
      Field{.name = "end", .help = "Where it ends, in Unicode code points; not part of it"},
      Field{.name = "text", .help = "What stands there", .optional = true}};
};
template <>
struct Rules<jobs::Article> {
  static constexpr bool open = true;
  static constexpr auto unknown = &jobs::Article::other_fields;
  static constexpr std::array fields{
      Field{.name = "id", .help = "What the result calls it; article-1, article-2, ... when absent"},
      Field{.name = "abstract", .help = "Read sentence by sentence, unless there are claims"},
      Field{.name = "claims", .help = "Claims that are extracted already; each is read as it is"},
      Field{.name = "pmid", .help = "This and the fields below go into the result as they came"},
      Field{.name = "other_fields",
            .help = "Names of fields that are not read; a warning names them",
            .optional = true}};
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
      Field{.name = "task_id", .help = "Id of the task; made when absent", .min_size = 1, .max_size = 200},
      Field{.name = "question",
            .help = "Only questions with all of these words are reported: \"statin stroke\"",
            .min_size = 1,
            .max_size = 1000},
      Field{.name = "budget_seconds",
            .help = "Seconds that models may be asked, the most promising sentences first; 0: not at all",
            .minimum = 0},
      Field{.name = "entailment_model",
            .help =
                "Entailment model that reads the strongest candidates, by its name in GET /v1/models; the "
                "default when absent",
            .min_size = 1,
            .max_size = 100}};
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

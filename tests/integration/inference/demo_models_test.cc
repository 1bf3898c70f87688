// The real runtime with the real demo models. They are looked for in $MEDSYNTH_MODELS_DIR, else in
// ${XDG_CACHE_HOME:-~/.cache}/medsynth/models; without them these tests are skipped ('medsynth models pull'
// fetches them).
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include <gtest/gtest.h>

#include "medsynth/base/described.h"
#include "medsynth/base/id.h"
#include "medsynth/inference/engine.h"
#include "medsynth/inference/install.h"
#include "medsynth/models/catalogue.h"

namespace medsynth::inference {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

fs::path models_folder() {
  if (const char* set = std::getenv("MEDSYNTH_MODELS_DIR"); set && *set) return set;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache)
    return fs::path(cache) / "medsynth" / "models";
  const char* home = std::getenv("HOME");
  return fs::path(home ? home : "/") / ".cache" / "medsynth" / "models";
}

std::optional<LoadOptions> options_of(const std::string& name, const std::string& kind) {
  const auto catalogue = models::Catalogue::read(models_folder());
  if (!catalogue) return std::nullopt;
  const auto found = catalogue->resolve(name, kind);
  if (!found || !fs::exists(found->path)) return std::nullopt;
  // One thread: several wait for each other by spinning, which takes very long while other tests use the
  // cores.
  return LoadOptions{.path = found->path,
                     .name = name,
                     .sha256 = found->model.sha256,
                     .threads = 1,
                     .context = found->model.context};
}

// Loaded once for all tests of a suite.
template <class Self>
struct DemoModel : testing::Test {
  static inline std::optional<LoadOptions> options;
  static inline std::shared_ptr<Model> model;
  static void SetUpTestSuite() {
    options = options_of(Self::kName, Self::kKind);
    if (options) model = *make_engine()->load(*options);
  }
  static void TearDownTestSuite() { model.reset(); }
  void SetUp() override {
    if (!model) GTEST_SKIP() << "the model " << Self::kName << " is not in " << models_folder();
  }
};
struct LanguageModel : DemoModel<LanguageModel> {
  static constexpr auto kName = "smollm2-135m-instruct", kKind = "language";
  static std::vector<LabelScores> score(const std::vector<Prompt>& prompts,
                                        const std::vector<std::string>& labels) {
    const auto scores = model->score(prompts, labels, {});
    EXPECT_TRUE(scores) << (scores ? "" : scores.error().message);
    return scores
               ? *scores
               : std::vector<LabelScores>(prompts.size(), {.log_probs = std::vector<double>(labels.size())});
  }
};
struct SentenceModel : DemoModel<SentenceModel> {
  static constexpr auto kName = "all-minilm-l6-v2", kKind = "sentence";
};

std::string long_text(int words) {
  std::string text;
  for (int i = 0; i < words; ++i) text += " aspirin";
  return text;
}

// Loading: progress rises to the end; the facts are those of the file.
TEST_F(LanguageModel, LoadsWithProgress) {
  std::vector<double> parts;
  LoadOptions with_progress = *options;
  with_progress.progress = [&](double part) { parts.push_back(part); };
  const auto loaded = make_engine()->load(with_progress);
  ASSERT_TRUE(loaded);
  EXPECT_GT(parts.size(), 10U);
  EXPECT_TRUE(std::is_sorted(parts.begin(), parts.end()));
  const ModelInfo& info = (*loaded)->info();
  EXPECT_EQ(info.id, "smollm2-135m-instruct");
  EXPECT_EQ(info.digest, options->sha256);
  EXPECT_EQ(info.context, 2048);
  EXPECT_EQ(info.dimension, 576);
  EXPECT_TRUE(info.chat);
}

// Stopped while it loads: cancelled, soon.
TEST_F(LanguageModel, LoadIsCancelled) {
  std::stop_source stop;
  LoadOptions stopped = *options;
  stopped.stop = stop.get_token();
  stopped.progress = [&](double part) {
    if (part > 0.3) stop.request_stop();
    EXPECT_LT(part, 0.5);
  };
  EXPECT_EQ(make_engine()->load(stopped).error().code, Code::cancelled);
}

// Another digest in the catalogue: refused.
TEST_F(LanguageModel, WrongDigestIsRefused) {
  LoadOptions wrong = *options;
  wrong.sha256 = std::string(64, '0');
  EXPECT_EQ(make_engine()->load(wrong).error().reason, "wrong_digest");
}

// The estimate is an upper bound that is not far off (186 MiB were measured).
TEST_F(LanguageModel, EstimateIsClose) {
  const auto footprint = make_engine()->footprint(*options);
  ASSERT_TRUE(footprint);
  EXPECT_GT(footprint->on_cpu(), 186ULL << 20);
  EXPECT_LT(footprint->on_cpu(), 250ULL << 20);
}

// What a language model knows: after "The capital of France is" Paris is likelier than Rome, and both have
// little but some of the probability.
TEST_F(LanguageModel, ScoresLabels) {
  const auto scores = score({{.text = "The capital of France is"}}, {" Paris", " Rome"});
  EXPECT_GT(scores[0].log_probs[0], scores[0].log_probs[1] + 2);
  EXPECT_NEAR(scores[0].label_mass, std::exp(scores[0].log_probs[0]) + std::exp(scores[0].log_probs[1]),
              1e-9);
  EXPECT_GT(scores[0].label_mass, 0.05);
  EXPECT_LE(scores[0].label_mass, 1);
  EXPECT_EQ(scores[0].tokens, 5);
  EXPECT_FALSE(scores[0].truncated);
}

// A label of several tokens: its score is that of its parts, one after the other.
TEST_F(LanguageModel, LongLabelsAreTheSumOfTheirTokens) {
  const auto whole = score({{.text = "Aspirin lowers the risk of"}}, {" heart attack", " heart"});
  const auto rest = score({{.text = "Aspirin lowers the risk of heart"}}, {" attack"});
  EXPECT_NEAR(whole[0].log_probs[0], whole[0].log_probs[1] + rest[0].log_probs[0], 0.1);
}

// Prompts in one batch do not see each other: each scores as it does alone, up to rounding of the quantised
// weights.
TEST_F(LanguageModel, PromptsInABatchAreApart) {
  const std::vector<Prompt> prompts{
      {.text = "The capital of France is"}, {.text = "Water is made of hydrogen and"}, {.text = "One, two,"}};
  const std::vector<std::string> labels{" Paris", " oxygen", " three"};
  const auto together = score(prompts, labels);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto alone = score({prompts[i]}, labels);
    for (std::size_t l = 0; l < labels.size(); ++l)
      EXPECT_NEAR(together[i].log_probs[l], alone[0].log_probs[l], 0.2) << i << l;
    const auto best = std::max_element(together[i].log_probs.begin(), together[i].log_probs.end()) -
                      together[i].log_probs.begin();
    EXPECT_EQ(best, static_cast<std::ptrdiff_t>(i));
  }
}

// The same call twice: the same numbers, also after other calls.
TEST_F(LanguageModel, IsDeterministic) {
  const auto first = score({{.text = "One, two,", .chat = true}}, {" three", " four"});
  score({{.text = "something else"}}, {" x"});
  EXPECT_EQ(score({{.text = "One, two,", .chat = true}}, {" three", " four"})[0].log_probs,
            first[0].log_probs);
}

// More prompts than sequences: all are scored.
TEST_F(LanguageModel, ManyPrompts) {
  const std::vector<Prompt> prompts(20, {.text = "One, two,"});
  const auto scores = score(prompts, {" three", " something of several tokens"});
  ASSERT_EQ(scores.size(), 20U);
  for (const LabelScores& each : scores) EXPECT_NEAR(each.log_probs[0], scores[0].log_probs[0], 0.2);
}

// Prompts with a shared beginning score as they do without the hint, up to rounding, and what was asked
// between two calls never shows: the second gives the same bits.
TEST_F(LanguageModel, SharedBeginningsChangeNothing) {
  const std::string beginning = "Facts about places follow. The capital of";
  const std::vector<std::string> labels{" Paris", " Rome", " something of several tokens"};
  const auto both = [&](std::size_t shared) {
    return std::vector<Prompt>{{.text = beginning + " France is", .shared = shared},
                               {.text = beginning + " Italy is, of course,", .shared = shared}};
  };
  const auto plain = score(both(0), labels), first = score(both(beginning.size()), labels);
  for (std::size_t p = 0; p < 2; ++p) {
    EXPECT_EQ(first[p].tokens, plain[p].tokens);
    for (std::size_t l = 0; l < labels.size(); ++l)
      EXPECT_NEAR(first[p].log_probs[l], plain[p].log_probs[l], 0.25) << p << l;
  }
  score({{.text = "Something else entirely", .shared = 9}}, {" x"});
  EXPECT_EQ(score(both(beginning.size()), labels)[1].log_probs, first[1].log_probs);
  EXPECT_EQ(score(both(beginning.size()), labels)[0].log_probs, first[0].log_probs);
  // Deeper sharing than there is: the hint ends where the texts part.
  const auto wrong = score(both(beginning.size() + 5), labels);
  EXPECT_NEAR(wrong[0].log_probs[0], plain[0].log_probs[0], 0.25);
}

// A prompt that is all beginning still has a last token of its own; a longer one than the context is cut.
TEST_F(LanguageModel, SharedBeginningsAtTheirLimits) {
  const std::string text = "The capital of France is";
  EXPECT_NEAR(score({{.text = text, .shared = text.size()}}, {" Paris"})[0].log_probs[0],
              score({{.text = text}}, {" Paris"})[0].log_probs[0], 0.25);
  LoadOptions small = *options;
  small.context = 64;
  const auto loaded = make_engine()->load(small);
  ASSERT_TRUE(loaded);
  const std::string beginning = long_text(50);
  const std::array<std::string, 2> labels{" Paris", " Rome"};
  std::array prompts{Prompt{.text = beginning + long_text(90) + ". The capital of France is"}};
  const auto plain = (*loaded)->score(prompts, labels, {});
  prompts[0].shared = beginning.size();
  const auto shared = (*loaded)->score(prompts, labels, {});
  ASSERT_TRUE(plain && shared);
  EXPECT_TRUE((*shared)[0].truncated);
  EXPECT_EQ((*shared)[0].tokens, 63);
  EXPECT_NEAR((*shared)[0].log_probs[0], (*plain)[0].log_probs[0], 0.25);
}

// A constant prompt is scored by itself: its scores are the same bits whatever it comes with, and in any
// place.
TEST_F(LanguageModel, ConstantPromptsKeepTheirScores) {
  const Prompt constant{.text = "One, two,", .constant = true};
  const std::vector<std::string> labels{" three", " four"};
  const auto with_one = score({{.text = "Water is made of hydrogen and"}, constant}, labels);
  const auto with_two = score({constant, {.text = "A"}, {.text = "The capital of France is"}}, labels);
  EXPECT_EQ(with_one[1].log_probs, with_two[0].log_probs);
  EXPECT_EQ(with_one[1].tokens, with_two[0].tokens);
  EXPECT_GT(with_one[1].log_probs[0], with_one[1].log_probs[1]);
  EXPECT_EQ(score({constant}, {" four"})[0].log_probs.size(), 1U);
}

// A deadline in the middle leaves nothing half-kept.
TEST_F(LanguageModel, SharedBeginningsSurviveADeadline) {
  const std::string beginning = long_text(600);
  const std::vector<Prompt> prompts{{.text = beginning + " is a", .shared = beginning.size()}};
  const auto before = score(prompts, {" drug"});
  score({{.text = "One"}}, {" x"});
  const std::array<std::string, 1> labels{" drug"};
  EXPECT_FALSE(model->score(prompts, labels, {.deadline = std::chrono::steady_clock::now() + 20ms}));
  EXPECT_EQ(score(prompts, {" drug"})[0].log_probs, before[0].log_probs);
}

// Names of special tokens in a text: they stay text of several tokens, in a chat and outside. The template's
// own are one each.
TEST_F(LanguageModel, TextCannotInjectSpecialTokens) {
  for (const bool chat : {false, true}) {
    const auto plain = score({{.text = "a", .chat = chat}}, {" x"})[0].tokens;
    const auto with_name = score({{.text = "a<|im_end|>", .chat = chat}}, {" x"})[0].tokens;
    EXPECT_GE(with_name - plain, 4) << chat;
  }
  EXPECT_GT(score({{.text = "a", .chat = true}}, {" x"})[0].tokens, 5);
  EXPECT_EQ(score({{.text = "a"}}, {" x"})[0].tokens, 1);
}

// A prompt longer than the context: it loses its middle, that is said, and the end of it still counts.
TEST_F(LanguageModel, LongPromptsLoseTheirMiddle) {
  LoadOptions small = *options;
  small.context = 64;
  const auto loaded = make_engine()->load(small);
  ASSERT_TRUE(loaded);
  const std::array prompts{Prompt{.text = long_text(200) + ". The capital of France is"},
                           Prompt{.text = long_text(200) + ". The capital of Italy is"}};
  const std::array<std::string, 2> labels{" Paris", " Rome"};
  const auto scores = (*loaded)->score(prompts, labels, {});
  ASSERT_TRUE(scores);
  const auto paris_over_rome = [&](std::size_t i) {
    return (*scores)[i].log_probs[0] - (*scores)[i].log_probs[1];
  };
  EXPECT_TRUE((*scores)[0].truncated);
  EXPECT_EQ((*scores)[0].tokens, 63);
  EXPECT_GT(paris_over_rome(0), paris_over_rome(1));
}

// Time is up in the middle of a long prompt: timeout within a step, and the next call works.
TEST_F(LanguageModel, DeadlineEndsScoring) {
  const std::array prompts{Prompt{.text = long_text(1900)}};
  const std::array<std::string, 1> labels{" x"};
  const auto start = std::chrono::steady_clock::now();
  const auto scores = model->score(prompts, labels, {.deadline = start + 100ms});
  ASSERT_FALSE(scores);
  EXPECT_EQ(scores.error().code, Code::timeout);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
  EXPECT_GT(score({{.text = "The capital of France is"}}, {" Paris"})[0].log_probs[0], -4);
}

// Stopped from another thread: cancelled; a second caller that waited its turn is served.
TEST_F(LanguageModel, StopEndsScoringAndTheNextIsServed) {
  std::stop_source stop;
  std::jthread first([&] {
    const std::array prompts{Prompt{.text = long_text(1900)}};
    const std::array<std::string, 1> labels{" x"};
    EXPECT_EQ(model->score(prompts, labels, {.stop = stop.get_token()}).error().code, Code::cancelled);
  });
  std::jthread second([&] { EXPECT_EQ(score({{.text = "One, two,"}}, {" three"}).size(), 1U); });
  stop.request_stop();
}

// Bad input: named, and nothing computed.
TEST_F(LanguageModel, BadInput) {
  const std::array<Prompt, 0> no_prompts{};
  const std::array one{Prompt{.text = "x"}}, empty{Prompt{}};
  const std::array<std::string, 1> label{" x"}, empty_label{""};
  const std::array<std::string, 0> no_labels{};
  EXPECT_EQ(model->score(no_prompts, label, {}).error().faults.at(0).pointer, "/prompts");
  EXPECT_EQ(model->score(empty, label, {}).error().faults.at(0).pointer, "/prompts/0");
  EXPECT_EQ(model->score(one, no_labels, {}).error().faults.at(0).pointer, "/labels");
  EXPECT_EQ(model->score(one, empty_label, {}).error().faults.at(0).pointer, "/labels/0");
}

// A language model embeds too: unit vectors, near for texts that are near.
TEST_F(LanguageModel, Embeds) {
  const std::array<std::string, 2> texts{"Aspirin lowers the risk of heart attack.", long_text(530)};
  std::vector<bool> truncated;
  const auto vectors = model->embed(texts, {}, &truncated);
  ASSERT_TRUE(vectors);
  EXPECT_EQ((*vectors)[0].size(), 576U);
  EXPECT_NEAR(std::inner_product((*vectors)[0].begin(), (*vectors)[0].end(), (*vectors)[0].begin(), 0.0), 1,
              1e-4);
  EXPECT_EQ(truncated, (std::vector<bool>{false, true}));
}

struct KnownSentence {
  std::string text;
  std::vector<float> embedding;
};
BOOST_DESCRIBE_STRUCT(KnownSentence, (), (text, embedding))

double cosine(std::span<const float> a, std::span<const float> b) {
  const auto dot = [](std::span<const float> x, std::span<const float> y) {
    return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  };
  return dot(a, b) / std::sqrt(dot(a, a) * dot(b, b));
}

constexpr std::array<std::pair<const char*, const char*>, 25> kSaidTwice{{
    {"Aspirin reduces the risk of myocardial infarction.", "Aspirin lowers the rate of heart attacks."},
    {"Statins decrease LDL cholesterol.", "LDL cholesterol falls under statin treatment."},
    {"Vitamin D supplements prevent bone fractures.", "Fractures are rarer with vitamin D supplementation."},
    {"Smoking causes lung cancer.", "Tobacco smokers get lung cancer more often."},
    {"Metformin improves blood glucose in type 2 diabetes.",
     "In type 2 diabetes, metformin lowers blood sugar."},
    {"Regular exercise relieves depression.", "Depressive symptoms improve with physical exercise."},
    {"Zinc shortens the common cold.", "Colds last less long when zinc is taken."},
    {"Coffee protects against Parkinson's disease.",
     "Parkinson's disease is less frequent in coffee drinkers."},
    {"Breastfeeding reduces respiratory infections in infants.",
     "Infants who are breastfed have fewer respiratory infections."},
    {"Folic acid in pregnancy prevents neural tube defects.",
     "Neural tube defects are prevented by folic acid taken by pregnant women."},
    {"Hydroxychloroquine does not shorten COVID-19.",
     "The course of COVID-19 is not shortened by hydroxychloroquine."},
    {"Antibiotics are ineffective against viral bronchitis.",
     "Viral bronchitis does not respond to antibiotics."},
    {"Probiotics prevent antibiotic-associated diarrhoea.",
     "Diarrhea during antibiotic therapy is less common with probiotics."},
    {"Mammography screening lowers breast cancer mortality.",
     "Deaths from breast cancer are reduced by screening mammograms."},
    {"Omega-3 fatty acids lower triglycerides.", "Fish oil reduces serum triglyceride levels."},
    {"Beta blockers worsen asthma.", "Asthma is aggravated by beta-blocker drugs."},
    {"Warfarin increases the risk of bleeding.", "Bleeding is more frequent in patients on warfarin."},
    {"Sleep deprivation raises blood pressure.", "Blood pressure is higher in people who sleep too little."},
    {"The influenza vaccine reduces hospital admissions in older people.",
     "Elderly people who got the flu shot are admitted to hospital less often."},
    {"Helicobacter pylori eradication heals peptic ulcers.",
     "Peptic ulcers heal after treatment of Helicobacter pylori."},
    {"Hormone replacement therapy relieves hot flushes.",
     "Menopausal hot flashes improve with hormone therapy."},
    {"Bariatric surgery leads to lasting weight loss.",
     "Weight loss after bariatric surgery is maintained for years."},
    {"Hand washing prevents infections in hospitals.",
     "Hospital-acquired infections are prevented by hand hygiene."},
    {"Sunscreen protects against melanoma.", "Melanoma is less common in people who use sunscreen."},
    {"Acupuncture relieves migraine.", "Migraine attacks are rarer after acupuncture."},
}};

// First components from the published weights, computed apart in double precision with the original
// tokenizer.
struct Reference {
  std::string text;
  std::array<double, 8> start;
};
const std::array kReferences{
    Reference{"Aspirin reduces the risk of myocardial infarction.",
              {-0.05518, 0.04311, -0.01806, 0.1372, 0.05209, 0.02812, -0.03698, 0.09874}},
    Reference{"Aspirin does not reduce the risk of myocardial infarction.",
              {-0.03333, 0.04289, -0.02039, 0.10506, 0.04997, -0.02799, -0.07816, 0.067}},
    Reference{"The cat sat on the mat.",
              {0.13024, -0.01577, -0.03672, 0.05799, -0.05979, 0.03305, 0.03012, 0.02893}},
    Reference{"Naïve β-blocker use: 5–10 mg/kg (n=1,024); p<0.05?",
              {-0.05776, -0.00827, -0.05063, 0.02224, 0.00439, -0.04332, 0.0059, 0.12661}},
    Reference{"Ménière's disease — 東京 study",
              {0.14612, -0.03831, 0.03875, -0.01335, -0.07424, -0.03921, 0.05019, -0.00582}}};

// The converted model: its vectors are those of the original, for plain and for difficult text, alone and in
// a batch.
TEST_F(SentenceModel, MatchesTheOriginal) {
  std::vector<std::string> texts;
  for (const Reference& reference : kReferences) texts.push_back(reference.text);
  const auto vectors = model->embed(texts, {});
  ASSERT_TRUE(vectors);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    ASSERT_EQ((*vectors)[i].size(), 384U);
    const auto alone = model->embed(std::span(texts).subspan(i, 1), {});
    ASSERT_TRUE(alone);
    for (std::size_t k = 0; k < 8; ++k) {
      EXPECT_NEAR((*vectors)[i][k], kReferences[i].start[k], 1e-3) << texts[i] << k;
      EXPECT_NEAR((*alone)[0][k], kReferences[i].start[k], 1e-3) << texts[i] << k;
    }
  }
}

// Fifty sentences, easy and difficult: the vectors are those that sentence-transformers gives (its own
// output, sentences.jsonl), alone and in a batch.
TEST_F(SentenceModel, MatchesSentenceTransformers) {
  std::vector<std::string> texts;
  std::vector<std::vector<float>> wanted;
  std::ifstream file(MEDSYNTH_SENTENCES);
  for (std::string line; std::getline(file, line);) {
    const auto sentence = described::parse<KnownSentence>(line);
    ASSERT_TRUE(sentence) << sentence.error().message;
    texts.push_back(sentence->text);
    wanted.push_back(sentence->embedding);
  }
  ASSERT_EQ(texts.size(), 50U);
  const auto together = model->embed(texts, {});
  ASSERT_TRUE(together);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto alone = model->embed(std::span(texts).subspan(i, 1), {});
    ASSERT_TRUE(alone);
    EXPECT_GE(cosine((*together)[i], wanted[i]), .999) << texts[i];
    EXPECT_GE(cosine((*alone)[0], wanted[i]), .999) << texts[i];
  }
}

// Clear claims, each said twice: of the other forty-nine, the one that says the same is the nearest.
TEST_F(SentenceModel, SameClaimsAreNeighbours) {
  std::vector<std::string> texts;
  for (const auto& [one, other] : kSaidTwice) texts.insert(texts.end(), {one, other});
  ASSERT_EQ(texts.size(), 50U);
  const auto vectors = model->embed(texts, {});
  ASSERT_TRUE(vectors);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::size_t nearest = i == 0 ? 1 : 0;
    for (std::size_t k = 0; k < texts.size(); ++k)
      if (k != i && cosine((*vectors)[i], (*vectors)[k]) > cosine((*vectors)[i], (*vectors)[nearest]))
        nearest = k;
    EXPECT_EQ(nearest, i ^ 1) << texts[i] << " | " << texts[nearest];
  }
}

// Many texts of different lengths: one unit vector each, in order; those beyond the context are marked.
TEST_F(SentenceModel, EmbedsMany) {
  std::vector<std::string> texts;
  for (int i = 0; i < 69; ++i) texts.push_back(long_text(1 + i % 7));
  texts.push_back(long_text(300));
  std::vector<bool> truncated;
  const auto vectors = model->embed(texts, {}, &truncated);
  ASSERT_TRUE(vectors);
  ASSERT_EQ(vectors->size(), 70U);
  for (const auto& vector : *vectors)
    EXPECT_NEAR(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0), 1, 1e-4);
  EXPECT_FALSE(truncated.front());
  EXPECT_TRUE(truncated.back());
  const auto alone = model->embed(std::span(texts).subspan(7, 1), {});
  EXPECT_NEAR((*vectors)[7][0], (*alone)[0][0], 1e-3);
}

// Scoring with a sentence model, embedding an empty text, no time left: each its own error.
TEST_F(SentenceModel, Errors) {
  const std::array prompts{Prompt{.text = "x"}};
  const std::array<std::string, 1> labels{" x"};
  const std::array<std::string, 2> with_empty{"x", ""};
  EXPECT_EQ(model->score(prompts, labels, {}).error().reason, "not_a_language_model");
  EXPECT_EQ(model->embed(with_empty, {}).error().faults.at(0).pointer, "/texts/1");
  EXPECT_EQ(model->embed(labels, {.deadline = std::chrono::steady_clock::now()}).error().code, Code::timeout);
  EXPECT_TRUE(model->embed(labels, {}));
}

// The demo models are there: pulling again finds that out without starting anything.
TEST(Pull, IsQuickWhenThere) {
  if (!options_of("smollm2-135m-instruct", "language") || !options_of("all-minilm-l6-v2", "sentence"))
    GTEST_SKIP() << "the demo models are not in " << models_folder();
  const auto pulled = pull_demo_models(models_folder(), "", {}, {.python = "no-such-python"});
  EXPECT_TRUE(pulled) << pulled.error().message;
}

}  // namespace
}  // namespace medsynth::inference

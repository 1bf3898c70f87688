#include "labelled.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <optional>
#include <random>
#include <set>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/contradiction/findings/question.h"

#include "figures.h"

namespace medsynth::bench {
namespace {

using namespace medsynth::contradiction;

std::size_t points(std::string_view text, std::size_t bytes) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(bytes, text.size()));
  return static_cast<std::size_t>(std::count_if(
      text.begin(), end, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

json::object side_of(const jobs::Article& article, const IndexedFinding& each, std::size_t index) {
  const std::string_view text = text_of(article, each);
  const auto bounds = [&](const Terms& terms) {
    std::size_t from = text.size(), to = 0;
    for (const Term& term : terms) from = std::min(from, term.span.begin), to = std::max(to, term.span.end);
    return json::array{points(text, from), points(text, to)};
  };
  const Finding& f = each.finding;
  return {{"doi", id_of(article, index)},
          {"sentence", json::array{points(text, f.sentence.begin), points(text, f.sentence.end)}},
          {"exposure", f.implied ? json::array{0, 0} : bounds(f.exposure)},
          {"outcome", bounds(f.outcome)}};
}

// Candidates with their figures, as analyze() has them.
struct Pair {
  std::size_t a, b;
  Meeting meeting;
  Opposition opposition;
  Probability probability;
};

std::vector<Pair> all_pairs(const Library& library) {
  std::vector<Pair> pairs;
  Candidates candidates(library.findings);
  std::int64_t left_out = 0;
  for (std::size_t i = 0; i < library.findings.size(); ++i)
    for (std::size_t k : candidates.partners(i, left_out)) {
      const IndexedFinding &a = library.findings[k], &b = library.findings[i];
      Pair pair{
          k, i, meet(a.finding, b.finding, library.topics[a.article], library.topics[b.article]), {}, {}};
      pair.opposition = oppose(a.finding, b.finding, pair.meeting.turned);
      pair.probability = probability_of(pair.meeting, pair.opposition, a.finding, b.finding);
      pairs.push_back(pair);
    }
  return pairs;
}

// The finding that a label means: of its sentence, the one whose words are nearest.
const IndexedFinding* find(const Library& library, const std::vector<jobs::Article>& articles,
                           const json::value& side) {
  const IndexedFinding* best = nullptr;
  double most = 0;
  for (const IndexedFinding& each : library.findings) {
    const jobs::Article& article = articles[each.article];
    if (article.id != std::string(side.at("doi").as_string())) continue;
    const json::object own = side_of(article, each, each.article);
    const auto distance =
        own.at("sentence").at(0).to_number<std::int64_t>() - side.at("sentence").at(0).as_int64();
    if (std::abs(distance) > 3) continue;
    double score = .1;
    for (const char* name : {"exposure", "outcome"}) {
      const auto at = [&](const json::value& of, std::size_t i) {
        return of.at(name).at(i).to_number<double>();
      };
      const double shared = std::min(at(own, 1), at(side, 1)) - std::max(at(own, 0), at(side, 0));
      const double all = std::max(at(own, 1), at(side, 1)) - std::min(at(own, 0), at(side, 0));
      if (shared > 0 && all > 0) score += shared / all;
    }
    if (score > most) most = score, best = &each;
  }
  return best;
}

// A label with the figures of its pair; without a pair when its findings are not read any more.
struct Labelled {
  bool fit = false, same_question = false, contradiction = false;
  std::optional<Pair> pair;
  const IndexedFinding *a = nullptr, *b = nullptr;
};

Result<std::vector<Labelled>> read_labels(const Options& options, const std::vector<jobs::Article>& articles,
                                          const Library& library) {
  const auto model = load(options.model);
  std::vector<Labelled> out;
  std::ifstream in(options.labels);
  for (std::string line; std::getline(in, line);) {
    BOOST_OUTCOME_TRY(const json::value label, json::parse(line));
    Labelled each;
    each.fit = label.at("half").as_string() == "fit";
    each.same_question = label.at("same_question").as_bool();
    each.contradiction = label.at("contradiction").as_bool();
    each.a = find(library, articles, label.at("first"));
    each.b = find(library, articles, label.at("second"));
    if (each.a && each.b) {
      Pair pair{0,
                0,
                meet(each.a->finding, each.b->finding, library.topics[each.a->article],
                     library.topics[each.b->article]),
                {},
                {}};
      if (model) {
        const auto own = [&](const IndexedFinding* finding) {
          const Span& span = finding->finding.sentence;
          return std::string(
              text_of(articles[finding->article], *finding).substr(span.begin, span.end - span.begin));
        };
        const std::vector<std::string> texts{own(each.a), own(each.b)};
        BOOST_OUTCOME_TRY(const auto vectors, model->embed(texts, {}));
        pair.meeting.meaning =
            std::inner_product(vectors[0].begin(), vectors[0].end(), vectors[1].begin(), 0.0);
      }
      pair.opposition = oppose(each.a->finding, each.b->finding, pair.meeting.turned);
      pair.probability = probability_of(pair.meeting, pair.opposition, each.a->finding, each.b->finding);
      each.pair = pair;
    }
    out.push_back(each);
  }
  return out;
}

}  // namespace

std::vector<jobs::Article> read_articles(const Options& options) {
  std::vector<jobs::Article> out;
  std::ifstream in(options.abstracts);
  for (std::string line; std::getline(in, line);) {
    auto parsed = described::parse<jobs::Article>(line);
    if (!parsed) fmt::print(stderr, "{}\n", parsed.error().message), std::exit(1);
    out.push_back(std::move(*parsed));
  }
  return out;
}

std::shared_ptr<inference::Model> load(const std::string& path) {
  if (path.empty()) return nullptr;
  auto loaded = inference::make_engine()->load({.path = path, .name = "sentences", .threads = 2});
  if (!loaded) fmt::print(stderr, "{}\n", loaded.error().message), std::exit(1);
  return *loaded;
}

std::string show(const Finding& f, std::string_view text) {
  return fmt::format("{}{}: {}{} > {}{} | than {} | in {} {}", described::enum_name(f.direction),
                     f.hedged ? " (hedged)" : "", f.exposure_less ? "less of " : "",
                     f.implied ? "(title)" : words_of(f.exposure, text), f.outcome_less ? "less of " : "",
                     words_of(f.outcome, text), words_of(f.comparator, text), words_of(f.population, text),
                     f.estimate ? fmt::format("{} [{}, {}]", f.estimate->value, f.estimate->low.value_or(NAN),
                                              f.estimate->high.value_or(NAN))
                                : "");
}

int sample(const Options& options) {
  const auto articles = read_articles(options);
  std::vector<std::string> warnings;
  const auto library = read_library(articles, {}, {}, warnings);
  if (!library) return 1;
  std::set<std::pair<std::string, std::string>> met;
  std::ifstream in(options.labels);
  for (std::string line; std::getline(in, line);) {
    const auto label = json::parse(line);
    met.emplace(label->at("first").at("doi").as_string().c_str(),
                label->at("second").at("doi").as_string().c_str());
  }
  std::vector<Pair> pairs = all_pairs(*library), chosen;
  const auto choose = [&](std::size_t until) {
    for (const Pair& pair : pairs) {
      if (chosen.size() >= until) break;
      const std::size_t a = library->findings[pair.a].article, b = library->findings[pair.b].article;
      if (met.emplace(id_of(articles[a], a), id_of(articles[b], b)).second) chosen.push_back(pair);
    }
  };
  std::sort(pairs.begin(), pairs.end(), [](const Pair& x, const Pair& y) {
    return x.probability.contradiction > y.probability.contradiction;
  });
  choose(options.shown);
  std::sort(pairs.begin(), pairs.end(), [](const Pair& x, const Pair& y) {
    return x.probability.same_question > y.probability.same_question;
  });
  choose(options.shown + options.shown / 2);
  std::mt19937 random(11);
  std::shuffle(pairs.begin(), pairs.end(), random);
  choose(2 * options.shown);
  std::shuffle(chosen.begin(), chosen.end(), random);
  for (std::size_t n = 0; n < chosen.size(); ++n) {
    fmt::print("## {} {}\n", n + 1, described::enum_name(chosen[n].opposition));
    json::object line{{"n", n + 1}};
    for (const char* name : {"first", "second"}) {
      const IndexedFinding& each = library->findings[name[0] == 'f' ? chosen[n].a : chosen[n].b];
      const jobs::Article& article = articles[each.article];
      const std::string_view text = text_of(article, each);
      const Finding& f = each.finding;
      std::size_t begin = f.sentence.begin;
      if (f.cue.begin > begin + 170) begin = f.cue.begin - 160;
      const std::size_t end = std::min(f.sentence.end, std::max(begin + 210, f.cue.end + 110));
      fmt::print("{} | {} | {}\n", article.title.value_or("").substr(0, 60), show(f, text),
                 text.substr(begin, end - begin));
      line[name] = side_of(article, each, each.article);
    }
    fmt::print(stderr, "{}\n", json::write(line));
  }
  return 0;
}

int features(const Options& options) {
  const auto articles = read_articles(options);
  std::vector<std::string> warnings;
  const auto library = read_library(articles, {}, {}, warnings);
  if (!library) return 1;
  const auto labelled = read_labels(options, articles, *library);
  if (!labelled) return 1;
  for (const Labelled& each : *labelled) {
    const char* const half = each.fit ? "fit" : "held_out";
    if (!each.pair) {
      fmt::print("{} missing {}\n", half, each.contradiction);
      continue;
    }
    const Meeting& m = each.pair->meeting;
    fmt::print(
        "{} {} {} {} {:.4f} {:.4f} {:.4f} {:.4f} {:.4f} {:.4f} {} {} {:.4f} {:.4f} {:.4f} {:.4f} {:.4f}\n",
        half, static_cast<int>(each.same_question), static_cast<int>(each.contradiction),
        described::enum_name(each.pair->opposition), m.exposure, m.outcome, m.all, m.title, m.shared,
        m.rarest_title, static_cast<int>(each.a->finding.implied || each.b->finding.implied),
        static_cast<int>(each.a->finding.hedged || each.b->finding.hedged), m.meaning,
        each.pair->probability.same_question, each.pair->probability.contradiction, m.other_exposure,
        m.other_outcome);
  }
  return 0;
}

int labels(const Options& options) {
  const auto articles = read_articles(options);
  std::vector<std::string> warnings;
  const auto library = read_library(articles, {}, {}, warnings);
  if (!library) return 1;
  const auto labelled = read_labels(options, articles, *library);
  if (!labelled) return 1;
  fmt::print(
      "| labels | pairs | not read any more | AUROC, one question | AUROC, contradiction | average precision "
      "|\n"
      "|---|---|---|---|---|---|\n");
  std::string calibration = "\n| score | fitted: hold | held out: hold |\n|---|---|---|\n";
  constexpr std::array kBounds{0., .05, .2, .4, .6, 1.01};
  std::array<std::array<std::pair<std::size_t, std::size_t>, kBounds.size()>, 2> bins{};
  for (const bool fit : {true, false}) {
    std::vector<std::pair<double, bool>> same, contradicts;
    std::size_t missing = 0, count = 0;
    for (const Labelled& each : *labelled) {
      if (each.fit != fit) continue;
      ++count;
      missing += !each.pair;
      const double score = each.pair ? each.pair->probability.contradiction : 0;
      same.emplace_back(each.pair ? each.pair->probability.same_question : 0, each.same_question);
      contradicts.emplace_back(score, each.contradiction);
      const auto bin = static_cast<std::size_t>(std::upper_bound(kBounds.begin(), kBounds.end(), score) -
                                                kBounds.begin() - 1);
      auto& [hits, all] = bins[fit ? 0 : 1][bin];
      ++all, hits += each.contradiction;
    }
    fmt::print("| {} | {} | {} | {} | {} | {:.2f} |\n", fit ? "fitted" : "held out", count, missing,
               auroc(same), auroc(contradicts), average_precision(contradicts));
  }
  for (std::size_t i = 0; i + 1 < kBounds.size(); ++i)
    calibration += fmt::format("| {:.2f}–{:.2f} | {} | {} |\n", kBounds[i], std::min(1., kBounds[i + 1]),
                               interval(bins[0][i].first, bins[0][i].second),
                               interval(bins[1][i].first, bins[1][i].second));
  fmt::print("{}", calibration);
  return 0;
}

}  // namespace medsynth::bench

#include "medsynth/contradiction/articles.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "medsynth/base/clock.h"
#include "medsynth/base/text.h"
#include "medsynth/contradiction/findings/statements.h"
#include "medsynth/contradiction/language.h"

namespace medsynth::contradiction {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

bool is_blank(std::string_view text) {
  return trimmed(text).empty();
}

// "1 article has", "2 articles have"
std::string articles(std::int64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {} {}", count, count == 1 ? "article" : "articles", count == 1 ? one : many);
}

// What could not be read, article by article, and how that is said.
class Unread {
 public:
  void without_text(const jobs::Article& article) {
    ++without_;
    if (article.title && !is_blank(*article.title)) note("title", seen_);
    if (article.doi) note("doi", seen_);
    if (article.pmid) note("pmid", seen_);
    for (const std::string& name : article.other_fields) note(name, seen_);
  }
  void unknown(const jobs::Article& article) {
    for (const std::string& name : article.other_fields) note(name, unknown_);
  }
  void cut() { ++cut_; }
  void foreign() { ++foreign_; }

  void say(std::vector<std::string>& warnings) const {
    if (without_ > 0)
      warnings.push_back(
          fmt::format("{} no text: neither `abstract` nor `claims`{}. Send the abstract as `abstract`.",
                      articles(without_, "has", "have"),
                      seen_.empty() ? std::string() : "; fields that they do have: " + list(seen_)));
    if (foreign_ > 0)
      warnings.push_back(fmt::format("{} not in English: counted, not judged. Send a translation.",
                                     articles(foreign_, "is", "are")));
    if (cut_ > 0)
      warnings.push_back(fmt::format("{} more than {} claims: only the first ones were compared.",
                                     articles(cut_, "has", "have"), kMaxClaimsPerArticle));
    if (!unknown_.empty())
      warnings.push_back(fmt::format(
          "Fields of articles that are not read: {}. docs/http.md lists those that are.", list(unknown_)));
  }

 private:
  using Names = std::map<std::string, std::int64_t>;
  static constexpr std::size_t kMostNames = 20;
  static void note(const std::string& name, Names& names) {
    if (names.size() < kMostNames || names.count(name) > 0) ++names[name];
  }
  static std::string list(const Names& names) {
    std::string out;
    for (const auto& [name, count] : names)
      out += fmt::format("{}{} ({})", out.empty() ? "" : ", ", printable(name), count);
    return out;
  }

  std::int64_t without_ = 0, foreign_ = 0, cut_ = 0;
  Names seen_, unknown_;
};

class ArticleReader {
 public:
  ArticleReader(const jobs::Article& article, std::size_t index, Library& library, Unread& unread)
      : article_(article), index_(index), library_(library), unread_(unread) {}

  void read() {
    unread_.unknown(article_);
    const std::string_view title = article_.title ? std::string_view(*article_.title) : "";
    const Terms& topic = library_.topics.emplace_back(read_terms(title, {0, title.size()}, {}));
    const bool has_claims =
        article_.claims && std::any_of(article_.claims->begin(), article_.claims->end(),
                                       [](const std::string& claim) { return !is_blank(claim); });
    if (has_claims)
      claims(topic);
    else if (article_.abstract && !is_blank(*article_.abstract))
      abstract(topic);
    else
      unread_.without_text(article_);
  }

 private:
  void add(std::vector<Finding> findings, std::int64_t claim) {
    if (findings.empty()) return;
    ++library_.claims;
    for (Finding& finding : findings) library_.findings.push_back({index_, claim, std::move(finding)});
  }

  void claims(const Terms& topic) {
    std::size_t read = 0;
    bool foreign = false;
    for (std::size_t i = 0; i < article_.claims->size(); ++i) {
      const std::string& claim = (*article_.claims)[i];
      if (is_blank(claim)) continue;
      if (read++ >= kMaxClaimsPerArticle) return unread_.cut();
      if (is_english(claim))
        add(read_statement(claim, topic), static_cast<std::int64_t>(i));
      else if (!foreign)
        foreign = true, unread_.foreign();
    }
  }

  void abstract(const Terms& topic) {
    const std::string_view text = *article_.abstract;
    if (!is_english(text)) return unread_.foreign();
    const std::vector<Sentence> sentences = read_sections(text);
    Abbreviations abbreviations;
    // A conclusion alone is a claim, whatever field it came in.
    if (sentences.size() == 1 && sentences[0].section == Section::unlabelled) {
      std::vector<Finding> findings = read_statement(text, topic);
      std::erase_if(findings, [](const Finding& finding) { return finding.unclear; });
      return add(std::move(findings), -1);
    }
    for (const Sentence& sentence : sentences) abbreviations.learn(tokens(text, sentence.span));
    std::size_t read = 0;
    for (const Sentence& sentence : sentences) {
      std::vector<Finding> findings = read_findings(text, sentence, abbreviations, topic);
      if (findings.empty()) continue;
      if (read++ >= kMaxClaimsPerArticle) return unread_.cut();
      add(std::move(findings), -1);
    }
  }

  const jobs::Article& article_;
  std::size_t index_;
  Library& library_;
  Unread& unread_;
};

}  // namespace

Result<> keep_going(const inference::Until& until) {
  if (until.stop.stop_requested()) return Error{Code::cancelled, "The analysis was cancelled.", ""};
  // The one look at the time in this room: it decides when to stop, never what is found.
  if (until.deadline != SteadyTime::max() && system_clock().steady() >= until.deadline)
    return Error{Code::timeout, "The analysis did not end in its time limit. Send fewer articles at once.",
                 ""};
  return success();
}

std::string id_of(const jobs::Article& article, std::size_t index) {
  return article.id ? *article.id : fmt::format("article-{}", index + 1);
}

std::string_view text_of(const jobs::Article& article, const IndexedFinding& finding) {
  if (finding.claim >= 0) return (*article.claims)[static_cast<std::size_t>(finding.claim)];
  return *article.abstract;
}

Result<Library> read_library(const std::vector<jobs::Article>& articles, const inference::Until& until,
                             const std::function<void(double)>& progress,
                             std::vector<std::string>& warnings) {
  Library library;
  Unread unread;
  for (std::size_t i = 0; i < articles.size(); ++i) {
    BOOST_OUTCOME_TRY(keep_going(until));
    ArticleReader(articles[i], i, library, unread).read();
    if (progress) progress(static_cast<double>(i + 1) / static_cast<double>(articles.size()));
  }
  unread.say(warnings);
  return library;
}

}  // namespace medsynth::contradiction

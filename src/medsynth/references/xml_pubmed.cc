// PubMed's XML: articles, books and chapters, and its sets of before 2009.
#include "medsynth/references/xml.h"

namespace medsynth::references {
namespace {

class PubMed final : public XmlHandler {
 public:
  void opened(const Path& path, std::int64_t line) override {
    const Element& element = path.back();
    if (is_record(path)) {
      reference_ = Reference{};
      reference_.line = line;
    } else if (element.name == "Author") {
      person_ = {};
    } else if (element.name == "CommentsCorrections" && element.attribute("RefType") == "RetractionIn") {
      reference_.retracted = true;
    }
  }

  bool closed(const Path& path, const std::string& text) override {
    const Element& element = path.back();
    const std::string& name = element.name;
    if (is_record(path)) {
      // A book of which no chapter is meant.
      if (reference_.title.empty()) std::swap(reference_.title, book_);
      put(reference_, Meaning::journal, std::exchange(book_, ""));
      if (reference_.abstract.empty() && !other_abstract_.empty())
        reference_.abstract = std::move(other_abstract_);
      other_abstract_.clear();
      reference_.id = reference_.pmid;
      finish(reference_);
      found_.push_back(std::move(reference_));
    } else if (is_inside(path, "ReferenceList") || is_inside(path, "CommentsCorrectionsList")) {
      return false;  // other publications
    } else if (name == "PMID") {
      put(reference_, Meaning::pmid, text);
    } else if (name == "BookTitle") {
      book_ = clean(text);
    } else if (name == "ArticleTitle" || name == "VernacularTitle") {
      put(reference_, Meaning::title, text);
    } else if (name == "AbstractText") {
      const std::string label(element.attribute("Label"));
      const std::string labelled = label.empty() ? text : label + ": " + text;
      if (is_inside(path, "OtherAbstract"))
        other_abstract_ += (other_abstract_.empty() ? "" : " ") + clean(labelled);
      else
        put(reference_, Meaning::abstract, labelled);
    } else if ((name == "Year" || name == "MedlineDate") &&
               (parent(path) == "PubDate" || parent(path) == "ArticleDate")) {
      put(reference_, Meaning::year, text);
    } else if (name == "Title" && parent(path) == "Journal") {
      put(reference_, Meaning::journal, text);
    } else if (name == "LastName") {
      person_.family = text;
    } else if (name == "ForeName" || (name == "Initials" && person_.given.empty())) {
      person_.given = text;
    } else if (name == "CollectiveName") {
      person_.collective = text;
    } else if (name == "Author") {
      const bool editors = path.size() > 1 && path[path.size() - 2].attribute("Type") == "editors";
      if (!editors) put(reference_, Meaning::author, person_.text());
    } else if (name == "PublicationType") {
      put(reference_, Meaning::publication_type, text);
    } else if (name == "Language") {
      put(reference_, Meaning::language, text);
    } else if (name == "ELocationID" && element.attribute("EIdType") == "doi") {
      put(reference_, Meaning::doi, text);
    } else if (name == "ArticleId" && element.attribute("IdType") == "doi") {
      put(reference_, Meaning::doi, text);
    } else {
      return name == "i" || name == "b" || name == "u" || name == "sub" || name == "sup" ||
             is_inside(path, "math");
    }
    return false;
  }

  std::vector<Reference> take() override { return std::move(found_); }

 private:
  // Sets of before 2009 have citations without an article around them.
  static bool is_record(const Path& path) {
    const std::string& name = path.back().name;
    return name == "PubmedArticle" || name == "PubmedBookArticle" ||
           (name == "MedlineCitation" && parent(path) != "PubmedArticle");
  }

  Reference reference_;
  Person person_;
  std::string other_abstract_, book_;
  std::vector<Reference> found_;
};

}  // namespace

std::unique_ptr<XmlHandler> make_pubmed() {
  return std::make_unique<PubMed>();
}

}  // namespace medsynth::references

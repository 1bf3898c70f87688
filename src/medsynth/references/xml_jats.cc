// JATS: the front of an article; what is inside of it (citations, other articles) is passed over.
#include "medsynth/references/xml.h"

namespace medsynth::references {
namespace {

class Jats final : public XmlHandler {
 public:
  void opened(const Path& path, std::int64_t line) override {
    const Element& element = path.back();
    if (element.name == "article" && !is_inside_other(path)) {
      reference_ = Reference{};
      reference_.line = line;
      reference_.language = std::string(element.attribute("lang"));
      put(reference_, Meaning::publication_type, element.attribute("article-type"));
    } else if (element.name == "contrib") {
      person_ = {};
    } else if (element.attribute("related-article-type") == "retraction-forward" && !is_inside_other(path)) {
      reference_.retracted = true;
    }
  }

  bool closed(const Path& path, const std::string& text) override {
    const Element& element = path.back();
    const std::string& name = element.name;
    if (name == "article" && !is_inside_other(path)) {
      if (reference_.abstract.empty()) put(reference_, Meaning::abstract, typed_abstract_);
      typed_abstract_.clear();
      if (reference_.id.empty()) reference_.id = !reference_.pmid.empty() ? reference_.pmid : reference_.doi;
      finish(reference_);
      found_.push_back(std::move(reference_));
      return false;
    }
    if (!is_inside(path, "front") || is_inside_other(path) || is_inside(path, "related-article"))
      return is_inline(name);
    if (name == "article-id") {
      const std::string_view type = element.attribute("pub-id-type");
      if (type == "doi") put(reference_, Meaning::doi, text);
      if (type == "pmid") put(reference_, Meaning::pmid, text);
      if (type == "pmc" || type == "pmcid" || type == "publisher-id") put(reference_, Meaning::id, text);
    } else if (name == "article-title") {
      put(reference_, Meaning::title, text);
    } else if (name == "subtitle" && !reference_.title.empty()) {
      reference_.title += ": " + clean(text);
    } else if (name == "abstract") {
      // One of a type stands in where there is none without; graphical ones, teasers and summaries for lay
      // people are no abstracts.
      const std::string_view type = element.attribute("abstract-type");
      if (type.empty() && reference_.abstract.empty())
        put(reference_, Meaning::abstract, without_empty_brackets(text));
      else if ((type == "structured" || type == "section" || type == "author" || type == "short") &&
               typed_abstract_.empty())
        typed_abstract_ = without_empty_brackets(text);
    } else if (name == "title" && is_inside(path, "abstract")) {
      // "Methods" as a heading is "Methods: " in the text; the abstract's own heading is none of its words.
      if (parent(path) == "sec") add_heading(clean(text));
      return false;
    } else if (name == "p" && is_inside(path, "abstract")) {
      return true;
    } else if (name == "journal-title") {
      put(reference_, Meaning::journal, text);
    } else if (name == "year" && parent(path) == "pub-date") {
      const auto year = year_in(text);
      if (year && (!reference_.year || *year < *reference_.year))
        reference_.year = year;  // the first of print and online
    } else if (name == "surname") {
      person_.family = text;
    } else if (name == "given-names") {
      person_.given = text;
    } else if (name == "collab") {
      person_.collective = text;
    } else if (name == "contrib") {
      const std::string_view type = element.attribute("contrib-type");
      if (type.empty() || type == "author") put(reference_, Meaning::author, person_.text());
    } else {
      // What a text is made of is kept; marks of notes and what stands there in two ways is not.
      return is_inline(name) ||
             ((is_inside(path, "abstract") || is_inside(path, "article-title")) && !is_beside(name));
    }
    return false;
  }

  std::string paragraph(std::string text) override { return " " + std::exchange(heading_, "") + text + " "; }

  std::vector<Reference> take() override { return std::move(found_); }

 private:
  // "Main. Aims: " of a section in a section; the mark that stands there already is not set again.
  void add_heading(std::string heading) {
    while (!heading.empty() && (heading.back() == ':' || heading.back() == '.')) heading.pop_back();
    if (heading.empty()) return;
    if (!heading_.empty()) heading_.replace(heading_.size() - 2, 1, ".");
    heading_ += heading + ": ";
  }

  static bool is_inside_other(const Path& path) {
    return is_inside(path, "sub-article") || is_inside(path, "response") || is_inside(path, "ref-list") ||
           is_inside(path, "body");
  }
  // "as before [<xref>1</xref>, <xref>2</xref>]": the numbers of other publications are no words of the abstract.
  static std::string without_empty_brackets(std::string text) {
    for (std::size_t open = text.find_first_of("[("); open != text.npos;
         open = text.find_first_of("[(", open + 1)) {
      const std::size_t close = text.find_first_not_of(" ,;-", open + 1);
      if (close == text.npos || (text[close] != ']' && text[close] != ')')) continue;
      const std::size_t from = open > 0 && text[open - 1] == ' ' ? open - 1 : open;
      text.erase(from, close + 1 - from);
      open = from == 0 ? 0 : from - 1;
    }
    return text;
  }
  static bool is_beside(const std::string& name) {
    return name == "xref" || name == "fn" || name == "label" || name == "object-id" || name == "tex-math" ||
           name == "annotation";
  }
  static bool is_inline(const std::string& name) {
    return name == "italic" || name == "bold" || name == "sub" || name == "sup" || name == "sc" ||
           name == "underline" || name == "styled-content" || name == "named-content" || name == "ext-link" ||
           name == "monospace" || name == "list" || name == "list-item" ||
           name.starts_with("m");  // MathML: mi, mn, mo, math
  }

  Reference reference_;
  Person person_;
  std::string heading_, typed_abstract_;
  std::vector<Reference> found_;
};

}  // namespace

std::unique_ptr<XmlHandler> make_jats() {
  return std::make_unique<Jats>();
}

}  // namespace medsynth::references

// PubMed XML, JATS and EndNote XML by one streaming reader: the path of open elements says what a text means.
// Entities are never expanded: a document that declares one is refused at that place.
#include <expat.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "medsynth/references/fields.h"
#include "medsynth/references/formats.h"

namespace medsynth::references {
namespace {

constexpr std::size_t kMaxDepth = 200;
constexpr std::size_t kMaxText = 1 << 20;  // bytes of one value

using Attributes = std::vector<std::pair<std::string, std::string>>;

struct Element {
  std::string name;  // without its namespace's prefix
  Attributes attributes;
  std::string_view attribute(std::string_view wanted) const {
    for (const auto& [name_, value] : attributes)
      if (name_ == wanted) return value;
    return {};
  }
};

// What the reader of one format is told.
class Handler {
 public:
  virtual ~Handler() = default;
  // The element that just opened is the last of the path.
  virtual void opened(const std::vector<Element>& path, std::int64_t line) = 0;
  // `text` is all that stood in the last element of the path, in those inside it too; whether it is to be
  // kept for the element around it as well.
  virtual bool closed(const std::vector<Element>& path, const std::string& text) = 0;
  virtual std::vector<Reference> take() = 0;
};

bool is_inside(const std::vector<Element>& path, std::string_view name) {
  return std::any_of(path.begin(), path.end(), [&](const Element& each) { return each.name == name; });
}
std::string_view parent(const std::vector<Element>& path, std::size_t up = 1) {
  return path.size() > up ? std::string_view(path[path.size() - 1 - up].name) : std::string_view();
}

// Family and given name of one person as they come.
struct Person {
  std::string family, given, collective;
  std::string text() const {
    if (!collective.empty()) return clean(collective);
    return given.empty() ? clean(family) : clean(family) + ", " + clean(given);
  }
};

class PubMed final : public Handler {
 public:
  void opened(const std::vector<Element>& path, std::int64_t line) override {
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

  bool closed(const std::vector<Element>& path, const std::string& text) override {
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
  static bool is_record(const std::vector<Element>& path) {
    const std::string& name = path.back().name;
    return name == "PubmedArticle" || name == "PubmedBookArticle" ||
           (name == "MedlineCitation" && parent(path) != "PubmedArticle");
  }

  Reference reference_;
  Person person_;
  std::string other_abstract_, book_;
  std::vector<Reference> found_;
};

class Jats final : public Handler {
 public:
  void opened(const std::vector<Element>& path, std::int64_t line) override {
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

  bool closed(const std::vector<Element>& path, const std::string& text) override {
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

  std::string take_heading() { return std::exchange(heading_, ""); }

  std::vector<Reference> take() override { return std::move(found_); }

 private:
  // "Main. Aims: " of a section in a section; the mark that stands there already is not set again.
  void add_heading(std::string heading) {
    while (!heading.empty() && (heading.back() == ':' || heading.back() == '.')) heading.pop_back();
    if (heading.empty()) return;
    if (!heading_.empty()) heading_.replace(heading_.size() - 2, 1, ".");
    heading_ += heading + ": ";
  }

  static bool is_inside_other(const std::vector<Element>& path) {
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

class EndNote final : public Handler {
 public:
  void opened(const std::vector<Element>& path, std::int64_t line) override {
    if (path.back().name == "record") {
      reference_ = Reference{};
      reference_.line = line;
    } else if (path.back().name == "ref-type") {
      put(reference_, Meaning::publication_type, path.back().attribute("name"));
    }
  }

  bool closed(const std::vector<Element>& path, const std::string& text) override {
    const std::string& name = path.back().name;
    const std::string_view within = parent(path);
    if (name == "record") {
      finish(reference_);
      found_.push_back(std::move(reference_));
    } else if (name == "title" && within == "titles") {
      put(reference_, Meaning::title, text);
    } else if (name == "abstract") {
      put(reference_, Meaning::abstract, text);
    } else if ((name == "secondary-title" && within == "titles") || name == "full-title") {
      put(reference_, Meaning::journal, text);
    } else if (name == "year") {
      put(reference_, Meaning::year, text);
    } else if (name == "author" && within == "authors") {
      put(reference_, Meaning::author, text);
    } else if (name == "electronic-resource-num") {
      put(reference_, Meaning::doi, text);
    } else if (name == "accession-num") {
      put(reference_, Meaning::id, text);
    } else if (name == "language") {
      put(reference_, Meaning::language, text);
    } else if (name == "notes") {
      put(reference_, Meaning::note, text);
    } else if (name == "work-type") {
      put(reference_, Meaning::publication_type, text);
    } else if (name == "remote-database-name" || name == "remote-database-provider") {
      // Accession numbers are PubMed's where the database is.
      const std::string database = lower(text);
      if (database.find("pubmed") != database.npos || database.find("medline") != database.npos ||
          trimmed(database) == "nlm")
        put(reference_, Meaning::pmid, reference_.id);
    } else if (name == "url" && is_inside(path, "urls")) {
      put(reference_, Meaning::url, text);
    } else {
      return name == "style";
    }
    return false;
  }

  std::vector<Reference> take() override { return std::move(found_); }

 private:
  Reference reference_;
  std::vector<Reference> found_;
};

class Parser {
 public:
  Parser(Handler& handler, Jats* jats)
      : handler_(handler), jats_(jats), parser_(XML_ParserCreate("UTF-8"), XML_ParserFree) {
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(parser_.get(), &Parser::on_open, &Parser::on_close);
    XML_SetCharacterDataHandler(parser_.get(), &Parser::on_text);
    XML_SetEntityDeclHandler(parser_.get(), &Parser::on_entity);
    XML_SetSkippedEntityHandler(parser_.get(), &Parser::on_skipped);
    XML_SetParamEntityParsing(parser_.get(), XML_PARAM_ENTITY_PARSING_NEVER);
  }

  // What was wrong, if something was. The text is UTF-8 by now, whatever it declares; and Expat wants a
  // declaration to be the first thing in it.
  std::optional<Warning> parse(std::string_view text) {
    const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    skipped_ = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(begin), '\n');
    text.remove_prefix(begin);
    for (std::size_t at = 0; at < text.size() || at == 0;) {
      const std::size_t length = std::min<std::size_t>(text.size() - at, 1 << 20);
      const bool last = at + length == text.size();
      if (XML_Parse(parser_.get(), text.data() + at, static_cast<int>(length), last) != XML_STATUS_OK) {
        const std::string what =
            refused_.empty() ? XML_ErrorString(XML_GetErrorCode(parser_.get())) : refused_;
        return Warning{
            line(),
            fmt::format("the XML is damaged here ({}): the records above were read, what follows was not",
                        what),
            ""};
      }
      if (last) break;
      at += length;
    }
    return std::nullopt;
  }

 private:
  std::int64_t line() const {
    return skipped_ + static_cast<std::int64_t>(XML_GetCurrentLineNumber(parser_.get()));
  }

  void refuse(std::string why) {
    refused_ = std::move(why);
    XML_StopParser(parser_.get(), XML_FALSE);
  }

  static std::string local(std::string_view name) {
    const std::size_t colon = name.rfind(':');
    return std::string(colon == name.npos ? name : name.substr(colon + 1));
  }

  static void XMLCALL on_open(void* self, const XML_Char* name, const XML_Char** attributes) {
    auto& parser = *static_cast<Parser*>(self);
    if (parser.path_.size() >= kMaxDepth)
      return parser.refuse(fmt::format("more than {} elements inside each other", kMaxDepth));
    Element element{local(name), {}};
    for (; *attributes; attributes += 2) element.attributes.emplace_back(local(attributes[0]), attributes[1]);
    parser.path_.push_back(std::move(element));
    parser.texts_.emplace_back();
    parser.handler_.opened(parser.path_, parser.line());
  }

  static void XMLCALL on_close(void* self, const XML_Char*) {
    auto& parser = *static_cast<Parser*>(self);
    if (parser.path_.empty()) return;
    std::string text = std::move(parser.texts_.back());
    const bool keep = parser.handler_.closed(parser.path_, text);
    const std::string name = std::move(parser.path_.back().name);
    const bool block = name == "p" || name == "sec" || name == "list-item";
    if (name == "break") text = " ";
    parser.path_.pop_back();
    parser.texts_.pop_back();
    if (!keep || parser.texts_.empty()) return;
    std::string& around = parser.texts_.back();
    if (around.size() + text.size() > kMaxText) return;
    if (block && parser.jats_) text = " " + parser.jats_->take_heading() + text + " ";
    around += text;
  }

  static void XMLCALL on_text(void* self, const XML_Char* text, int length) {
    auto& parser = *static_cast<Parser*>(self);
    if (!parser.texts_.empty() && parser.texts_.back().size() < kMaxText)
      parser.texts_.back().append(text, static_cast<std::size_t>(length));
  }

  static void XMLCALL on_entity(void* self, const XML_Char*, int, const XML_Char*, int, const XML_Char*,
                                const XML_Char*, const XML_Char*, const XML_Char*) {
    static_cast<Parser*>(self)->refuse("it declares entities, which are not read");
  }

  // &alpha; of a document type that is not read: its character, where it is one of those that texts have.
  static void XMLCALL on_skipped(void* self, const XML_Char* name, int is_parameter) {
    if (is_parameter) return;
    const std::string text = fmt::format("&{};", name);
    on_text(self, text.data(), static_cast<int>(text.size()));  // clean() knows them
  }

  Handler& handler_;
  Jats* jats_;
  std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser_;
  std::vector<Element> path_;
  std::vector<std::string> texts_;  // of each element of the path
  std::string refused_;
  std::int64_t skipped_ = 0;  // lines before the first element
};

}  // namespace

Part read_xml(std::string_view text, Format format) {
  PubMed pubmed;
  Jats jats;
  EndNote endnote;
  Handler& handler = format == Format::pubmed_xml ? static_cast<Handler&>(pubmed)
                     : format == Format::jats     ? static_cast<Handler&>(jats)
                                                  : static_cast<Handler&>(endnote);
  Part part;
  if (auto wrong = Parser(handler, format == Format::jats ? &jats : nullptr).parse(text))
    part.warnings.push_back(std::move(*wrong));
  part.references = handler.take();
  return part;
}

}  // namespace medsynth::references

// EndNote's XML.
#include "medsynth/references/xml.h"

namespace medsynth::references {
namespace {

class EndNote final : public XmlHandler {
 public:
  void opened(const Path& path, std::int64_t line) override {
    if (path.back().name == "record") {
      reference_ = Reference{};
      reference_.line = line;
    } else if (path.back().name == "ref-type") {
      put(reference_, Meaning::publication_type, path.back().attribute("name"));
    }
  }

  bool closed(const Path& path, const std::string& text) override {
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

}  // namespace

std::unique_ptr<XmlHandler> make_endnote() {
  return std::make_unique<EndNote>();
}

}  // namespace medsynth::references

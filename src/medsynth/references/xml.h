// What the reader of XML (xml.cc) tells the readers of its formats (xml_pubmed.cc, xml_jats.cc, xml_endnote.cc), which give the records.
// Internal to this room.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medsynth/references/fields.h"
#include "medsynth/references/references.h"

namespace medsynth::references {

struct Element {
  std::string name;  // without its namespace's prefix
  std::vector<std::pair<std::string, std::string>> attributes;
  std::string_view attribute(std::string_view wanted) const {
    for (const auto& [name_, value] : attributes)
      if (name_ == wanted) return value;
    return {};
  }
};
using Path = std::vector<Element>;  // of open elements, the outermost first

inline bool is_inside(const Path& path, std::string_view name) {
  return std::any_of(path.begin(), path.end(), [&](const Element& each) { return each.name == name; });
}
inline std::string_view parent(const Path& path, std::size_t up = 1) {
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

class XmlHandler {
 public:
  virtual ~XmlHandler() = default;
  // The element that just opened is the last of the path.
  virtual void opened(const Path& path, std::int64_t line) = 0;
  // `text` is all that stood in the last element of the path, in those inside it too; whether it is to be
  // kept for the element around it as well.
  virtual bool closed(const Path& path, const std::string& text) = 0;
  // A paragraph, as it stands in the text around it.
  virtual std::string paragraph(std::string text) { return text; }
  virtual std::vector<Reference> take() = 0;
};

std::unique_ptr<XmlHandler> make_pubmed();
std::unique_ptr<XmlHandler> make_jats();
std::unique_ptr<XmlHandler> make_endnote();

}  // namespace medsynth::references

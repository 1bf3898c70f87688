// PubMed XML, JATS and EndNote XML by one streaming reader: the path of open elements says what a text means.
// Entities are never expanded: a document that declares one is refused at that place.
#include "medsynth/references/xml.h"

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

#include "medsynth/references/formats.h"

namespace medsynth::references {
namespace {

constexpr std::size_t kMaxDepth = 200;
constexpr std::size_t kMaxText = 1 << 20;  // bytes of one value

class Parser {
 public:
  explicit Parser(XmlHandler& handler)
      : handler_(handler), parser_(XML_ParserCreate("UTF-8"), XML_ParserFree) {
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
    around += block ? parser.handler_.paragraph(std::move(text)) : text;
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

  XmlHandler& handler_;
  std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser_;
  Path path_;
  std::vector<std::string> texts_;  // of each element of the path
  std::string refused_;
  std::int64_t skipped_ = 0;  // lines before the first element
};

}  // namespace

Part read_xml(std::string_view text, Format format) {
  const std::unique_ptr<XmlHandler> handler = format == Format::pubmed_xml ? make_pubmed()
                                              : format == Format::jats     ? make_jats()
                                                                           : make_endnote();
  Part part;
  if (auto wrong = Parser(*handler).parse(text)) part.warnings.push_back(std::move(*wrong));
  part.references = handler->take();
  return part;
}

}  // namespace medsynth::references

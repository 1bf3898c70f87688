// Markup, put together so that no text of others can become markup: a text becomes Html by being escaped, in
// html.cc and nowhere else; tags are made by element(). SVG is the same. Internal to the report.
//
//   Html row = element("tr", {}, element("th", {{"scope", "row"}}, article.title));
//   row += element("td", {{"class", "n"}}, "3");
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace medsynth::references {

class Html {
 public:
  Html() = default;
  template <std::convertible_to<std::string_view> T>
  Html(const T& text) : markup_(escaped(text)) {}

  Html& operator+=(const Html& more) {
    markup_ += more.markup_;
    return *this;
  }
  bool empty() const { return markup_.empty(); }
  const std::string& str() const { return markup_; }

 private:
  // & < > " ' as entities; what is no UTF-8, control characters, and marks that reorder text as U+FFFD.
  static std::string escaped(std::string_view text);
  friend Html element(std::string_view name,
                      std::initializer_list<std::pair<std::string_view, std::string_view>> attributes,
                      const Html& content);
  friend Html trusted(std::string_view markup);
  std::string markup_;
};

inline Html operator+(Html first, const Html& second) {
  return std::move(first += second);
}

// <name attributes>content</name>. Names are ours; values are escaped, and an attribute whose value is "" is
// left out.
Html element(std::string_view name,
             std::initializer_list<std::pair<std::string_view, std::string_view>> attributes,
             const Html& content = {});

// Markup of our own: the style sheet and the script.
Html trusted(std::string_view markup);

// "sha256-...", as a Content-Security-Policy names an inline style or script.
std::string csp_hash(std::string_view text);

}  // namespace medsynth::references

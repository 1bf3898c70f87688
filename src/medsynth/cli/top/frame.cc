#include "medsynth/cli/top/frame.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace medsynth::cli::top {
namespace {

constexpr std::size_t kAround = 3;  // lines: the head, what is selected, the keys
constexpr std::size_t kWide = 132;  // columns: room for bars

std::string_view link_of(const Now& now) {
  switch (now.link) {
    case Now::Link::live:
      return "live";
    case Now::Link::asking:
      return "asking each second";
    case Now::Link::reconnecting:
      break;
  }
  return "RECONNECTING ...";
}

Line head(const Now& now, bool whole) {
  const std::string link = whole ? "" : fmt::format("{}  ", link_of(now));
  return {fmt::format("medsynth top  {}{}  {}", link, summary_of(now).str(), now.url),
          now.link == Now::Link::reconnecting ? Style::alarming : Style::title};
}

Line foot(const Now& now, const View& view) {
  if (view.question) return {question_of(*view.question) + " [y/N]", Style::alarming};
  if (!view.note.empty()) return {view.note, Style::alarming};
  if (now.link == Now::Link::reconnecting && !now.trouble.empty()) return {now.trouble, Style::alarming};
  return {"Tab pane  j/k select  p pause queue  d drop model  c cancel task  ? help  q quit", Style::faint};
}

std::vector<Line> help() {
  std::vector<Line> lines;
  for (const char* text :
       {"Tab, right    to the next pane; Shift-Tab, left: back", "j k, arrows   select a line",
        "p             pause or resume the selected queue",
        "d             drop the selected model from memory", "c             cancel the selected task",
        "?             this page; any key goes back", "q, Ctrl-C     quit", "",
        "Each of p, d and c asks first. What is selected in a pane is explained below it."})
    lines.push_back({text});
  return lines;
}

// Lines for each of the panes that want so many: one after the other gets one more, until all have what they want or
// none is left.
std::vector<std::size_t> shares(const std::vector<std::size_t>& wanted, std::size_t rows) {
  std::vector<std::size_t> given(wanted.size(), 0);
  for (bool more = true; more && rows > 0;) {
    more = false;
    for (std::size_t i = 0; i < wanted.size() && rows > 0; ++i) {
      if (given[i] == wanted[i]) continue;
      ++given[i], --rows;
      more = true;
    }
  }
  return given;
}

// One pane's lines: its titles, and of its items those around the selected one.
std::vector<Line> pane_lines(const Listing& listing, const Selection* selection, std::size_t rows,
                             std::size_t columns) {
  constexpr std::size_t kMark = 2;  // columns
  std::vector<Row> cells;
  for (const Item& item : listing.items) cells.push_back(item.cells);
  const std::size_t room = columns > kMark ? columns - kMark : columns;
  const std::vector<Text> texts = aligned(listing.columns, cells, columns == 0 ? 0 : room);
  std::vector<Line> lines{{"  " + texts[0].str(), Style::title}};
  if (listing.items.empty()) lines.push_back({"  " + listing.empty.str(), Style::faint});
  const std::size_t at = selection ? selection->in(listing) : 0;
  const std::size_t shown = rows > 0 ? rows - 1 : 0;
  const std::size_t first = std::min(at >= shown ? at - shown + 1 : 0, listing.items.size());
  for (std::size_t i = first; i < listing.items.size(); ++i) {
    const bool selected = selection && i == at;
    lines.push_back({(selected ? "> " : "  ") + texts[i + 1].str(), selected ? Style::selected
                                                                    : listing.items[i].alarming
                                                                        ? Style::alarming
                                                                        : Style::plain});
  }
  if (lines.size() > rows) lines.resize(rows);
  return lines;
}

// A text that any terminal has the characters for.
Text ascii_of(const Text& text) {
  static constexpr std::array<std::pair<std::string_view, char>, 3> kLike{
      {{"█", '#'}, {"░", '.'}, {"…", '~'}}};
  std::string out;
  const std::string& shown = text.str();
  for (std::size_t at = 0; at < shown.size();) {
    std::size_t end = at + 1;
    while (end < shown.size() && (static_cast<unsigned char>(shown[end]) & 0xC0) == 0x80) ++end;
    const std::string_view point = std::string_view(shown).substr(at, end - at);
    const auto like =
        std::find_if(kLike.begin(), kLike.end(), [&](const auto& each) { return each.first == point; });
    out += point.size() == 1 ? point[0] : like == kLike.end() ? '?' : like->second;
    at = end;
  }
  return out;
}

}  // namespace

std::vector<Line> draw(const Now& now, const View& view, Size size, bool ascii, WallTime time) {
  const bool whole = size.rows == 0;
  std::vector<Line> lines{head(now, whole)};
  std::vector<Pane> panes(kPanes.begin(), kPanes.end());
  const std::size_t room = size.rows > kAround ? size.rows - kAround : 0;
  if (!whole && room < 2 * kPanes.size()) panes = {view.pane};
  std::vector<Listing> listings;
  std::vector<std::size_t> wanted;
  for (const Pane pane : panes) {
    listings.push_back(listing_of(pane, now, time, size.columns == 0 || size.columns >= kWide));
    wanted.push_back(1 + std::max<std::size_t>(listings.back().items.size(), 1));
  }
  Text detail;
  const std::size_t all = std::accumulate(wanted.begin(), wanted.end(), panes.size());
  const bool spaced = whole || all <= room;  // a line between the panes
  const std::vector<std::size_t> given = whole ? wanted : shares(wanted, room);
  for (std::size_t i = 0; i < panes.size() && !view.help; ++i) {
    const bool focused = !whole && panes[i] == view.pane;
    const Selection& selection = view.selection_of(panes[i]);
    if (spaced) lines.push_back({});
    for (Line& line : pane_lines(listings[i], focused ? &selection : nullptr, given[i], size.columns))
      lines.push_back(std::move(line));
    if (focused && !listings[i].items.empty()) detail = listings[i].items[selection.in(listings[i])].detail;
  }
  if (view.help)
    for (Line& line : help()) lines.push_back(std::move(line));
  if (!whole) {
    const std::size_t above = size.rows > 2 ? size.rows - 2 : 1;
    lines.resize(above);
    lines.push_back({detail});
    lines.push_back(foot(now, view));
    lines.resize(std::min(lines.size(), size.rows));
  }
  for (Line& line : lines) {
    if (size.columns > 0) line.text = cut(line.text, size.columns);
    if (ascii) line.text = ascii_of(line.text);
  }
  return lines;
}

}  // namespace medsynth::cli::top

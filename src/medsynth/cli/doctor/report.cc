#include "medsynth/cli/doctor/report.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/base/described.h"
#include "medsynth/base/text.h"
#include "medsynth/cli/output.h"

namespace medsynth::cli::doctor {
namespace {

constexpr std::size_t kStatusWidth = 9, kLabelWidth = 6, kNarrowest = 24;

Text status_cell(Status status) {
  const std::string name = fmt::format("{:<{}}", described::enum_name(status), kStatusWidth);
  switch (status) {
    case Status::ok:
      return green(name);
    case Status::failed:
      return red(name);
    default:
      return yellow(name);
  }
}

// At spaces; a word that is longer than a line stands alone.
std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!lines.back().empty() && width > 0 && lines.back().size() + 1 + word.size() > width)
      lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + std::string(word);
  }
  return lines;
}

}  // namespace

Text report(const Checks& checks, std::size_t columns) {
  std::size_t id_width = 0;
  for (const Check& check : checks) id_width = std::max(id_width, check.id.size() + 2);
  const std::size_t indent = kStatusWidth + id_width;
  const std::size_t room = columns == 0 ? 0 : std::max(kNarrowest, columns > indent ? columns - indent : 0);
  Text out;
  std::map<Status, int> counts;
  for (const Check& check : checks) {
    ++counts[check.status];
    Text lead = status_cell(check.status) + fmt::format("{:<{}}", check.id, id_width);
    const auto add = [&](std::string_view label, const std::string& text) {
      const std::size_t used = label.empty() ? 0 : kLabelWidth;
      Text before = lead + fmt::format("{:<{}}", label, used);
      for (const std::string& line : wrapped(printable(text), room > used ? room - used : room)) {
        out.empty() ? out += before + line : out.add_line(before + line);
        before = std::string(indent + used, ' ');
      }
      lead = std::string(indent, ' ');
    };
    add("", check.what);
    if (!check.why.empty()) add("why", check.why);
    if (!check.next.empty()) add("next", check.next);
  }
  std::vector<std::string> summary;
  for (const Status status : {Status::failed, Status::warning, Status::unknown, Status::ok})
    if (counts[status] > 0)
      summary.push_back(fmt::format("{} {}", counts[status], described::enum_name(status)));
  return out.add_line("").add_line(fmt::format("{}", fmt::join(summary, ", ")));
}

bool any_failed(const Checks& checks) {
  return std::any_of(checks.begin(), checks.end(),
                     [](const Check& each) { return each.status == Status::failed; });
}

}  // namespace medsynth::cli::doctor

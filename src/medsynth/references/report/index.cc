#include "medsynth/references/report/index.h"

#include <cmath>

#include <fmt/format.h>

#include "medsynth/references/fields.h"

namespace medsynth::references {

Index::Index(const jobs::ArticlesResult& result) {
  for (const jobs::ReportedFinding& each : result.findings) findings_.emplace(each.id, &each);
  for (const jobs::ArticleInfo& each : result.articles) articles_.emplace(each.article_id, &each);
}

const jobs::ReportedFinding& Index::finding(std::int64_t id) const {
  static const jobs::ReportedFinding none;
  const auto found = findings_.find(id);
  return found == findings_.end() ? none : *found->second;
}

const jobs::ArticleInfo& Index::article(std::string_view id) const {
  static const jobs::ArticleInfo none;
  const auto found = articles_.find(id);
  return found == articles_.end() ? none : *found->second;
}

std::string plain(const std::optional<json::value>& value) {
  if (!value || value->is_null()) return "";
  return value->is_string() ? std::string(value->get_string()) : json::write(*value);
}

std::string doi_address(std::string_view doi) {
  const std::string found = doi_in(doi);
  if (found.empty()) return "";
  std::string path;
  for (const char each : found) {
    const auto c = static_cast<unsigned char>(each);
    const bool plain =
        c > ' ' && c < 0x7F && std::string_view("\"<>#%?\\^`{|}").find(each) == std::string::npos;
    path += plain ? std::string(1, each) : fmt::format("%{:02X}", c);
  }
  return "https://doi.org/" + path;
}

std::string pmid_address(std::string_view pmid) {
  const std::string found = pmid_in(pmid);
  return found.empty() ? "" : "https://pubmed.ncbi.nlm.nih.gov/" + found + "/";
}

std::string plain(const std::optional<jobs::FindingEstimate>& estimate) {
  if (!estimate) return "";
  // As articles write them: 0.80, 1.02, 12.5; 0.004 keeps what it says.
  const auto number = [](double value) {
    const double size = std::abs(value);
    return size >= .1 && size < 100 ? fmt::format("{:.2f}", value) : fmt::format("{:.3g}", value);
  };
  std::string out = number(estimate->value);
  if (estimate->low && estimate->high)
    out += fmt::format(" ({} to {})", number(*estimate->low), number(*estimate->high));
  return out;
}

}  // namespace medsynth::references

// Who is who in a result: findings and articles by their ids. Internal to the report.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "medsynth/jobs/jobs.h"

namespace medsynth::references {

class Index {
 public:
  // `result` outlives the index.
  explicit Index(const jobs::ArticlesResult& result);
  // An empty one where the result does not list it.
  const jobs::ReportedFinding& finding(std::int64_t id) const;
  const jobs::ArticleInfo& article(std::string_view id) const;

 private:
  std::map<std::int64_t, const jobs::ReportedFinding*> findings_;
  std::map<std::string_view, const jobs::ArticleInfo*> articles_;
};

// "" for null and absent; numbers and texts as they are.
std::string plain(const std::optional<json::value>& value);
// Addresses, only of what is well formed; else "".
std::string doi_address(std::string_view doi);
std::string pmid_address(std::string_view pmid);
// "0.75 (0.65 to 0.87)"; "" without one.
std::string plain(const std::optional<jobs::FindingEstimate>& estimate);

}  // namespace medsynth::references

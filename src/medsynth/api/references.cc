// /v1/references: a file's bytes in, articles for `analyze` out
#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "medsynth/api/handlers.h"
#include "medsynth/api/off_loop.h"
#include "medsynth/api/reference_payloads.h"
#include "medsynth/api/url.h"
#include "medsynth/references/articles.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;

// Unpacked. Its answer must fit beside those of others (ServerOptions::max_bytes_in_flight).
constexpr std::size_t kMaxUnpacked = 32 * 1024 * 1024;

references::ReadOptions options_of(const ReferencesQuery& query) {
  references::ReadOptions options{.max_bytes = kMaxUnpacked};
  described::for_each_member<ReferencesQuery>([&](std::string_view name, auto pointer) {
    if (query.*pointer) options.columns.emplace(name, *(query.*pointer));
  });
  return options;
}

std::string names_of(const std::vector<references::Format>& formats) {
  std::string out;
  for (std::size_t i = 0; i < formats.size(); ++i) {
    if (std::find(formats.begin(), formats.begin() + static_cast<std::ptrdiff_t>(i), formats[i]) !=
        formats.begin() + static_cast<std::ptrdiff_t>(i))
      continue;
    out.append(out.empty() ? "" : ", ").append(described::enum_name(formats[i]));
  }
  return out;
}

Result<ReferencesAnswer> read_file(std::string_view bytes, const references::ReadOptions& options) {
  BOOST_OUTCOME_TRY(auto read, references::read(bytes, options));
  auto joined = references::join_duplicates(std::move(read.references));
  ReferencesAnswer out{.articles = references::articles_of(joined.references),
                       .duplicates = {},
                       .warnings = std::move(read.warnings),
                       .format = names_of(read.formats)};
  for (references::Joined::Duplicate& each : joined.duplicates)
    out.duplicates.push_back({out.articles.at(each.kept).id, std::move(each.dropped.title),
                              std::move(each.why), each.dropped.line, std::move(each.dropped.file)});
  return out;
}

asio::awaitable<Result<Response>> read_references(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto query, parse_query<ReferencesQuery>(request.query));
  // However small it is: a small archive may hold much.
  co_return co_await off_loop(app, std::max(request.body.size(), kOffLoopBytes), [&]() -> Result<Response> {
    BOOST_OUTCOME_TRY(auto read, read_file(request.body, options_of(query)));
    return answer(read);
  });
}

}  // namespace

std::vector<Route> reference_routes() {
  return {
      {.method = Method::post,
       .pattern = "/v1/references",
       .handler = read_references,
       .access = Scope::submit,
       .name = "read_references",
       .group = "references",
       .summary = "Reads an export of PubMed, Zotero, EndNote, Embase, ...: articles as `analyze` takes them",
       .query = payload<ReferencesQuery>("ReferencesQuery"),
       .body = {"FileBytes", [] { return json::object{{"type", "string"}, {"format", "binary"}}; }},
       .body_type = "application/octet-stream",
       .answer = payload<ReferencesAnswer>("ReferencesAnswer"),
       .errors = {422}}};
}

}  // namespace medsynth::api

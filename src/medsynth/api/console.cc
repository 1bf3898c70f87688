// /, /docs and /console: the console and the reference of the calls, whose files (web/) are in this program.
#include <algorithm>

#include "medsynth/api/console_files.h"
#include "medsynth/api/handlers.h"
#include "medsynth/api/problem.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;

// Nothing from the network, nothing inline, in no frame.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri "
    "'none'; "
    "form-action 'none'; frame-ancestors 'none'";

std::string_view type_of(std::string_view name) {
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "text/html; charset=utf-8";
}

Result<Response> file(std::string_view name) {
  const auto found = std::ranges::find(console::kFiles, name, &console::File::name);
  if (found == std::end(console::kFiles)) return unknown_path();
  return Response{
      .content_type = std::string(type_of(name)),
      .body = std::string(found->text),
      .headers = {{"Content-Security-Policy", std::string(kPolicy)}, {"Referrer-Policy", "no-referrer"}}};
}

asio::awaitable<Result<Response>> show_page(App&, const Request&) {
  co_return file("index.html");
}

asio::awaitable<Result<Response>> show_reference(App&, const Request&) {
  co_return file("docs.html");
}

asio::awaitable<Result<Response>> show_file(App&, const Request& request) {
  co_return file(request.parameters.at(0));
}

}  // namespace

std::vector<Route> console_routes() {
  return {{.method = Method::get,
           .pattern = "/",
           .handler = show_page,
           .access = Access::open,
           .name = "console",
           .group = "console",
           .summary = "The console, for people",
           .answer_type = "text/html",
           .polled = true},
          {.method = Method::get,
           .pattern = "/docs",
           .handler = show_reference,
           .access = Access::open,
           .name = "reference",
           .group = "console",
           .summary = "The reference of these calls, for people",
           .answer_type = "text/html",
           .polled = true},
          {.method = Method::get,
           .pattern = "/console/{file}",
           .handler = show_file,
           .access = Access::open,
           .name = "console_file",
           .group = "console",
           .summary = "What the console's page loads",
           .answer_type = "text/javascript",
           .polled = true,
           .errors = {404}}};
}

}  // namespace medsynth::api

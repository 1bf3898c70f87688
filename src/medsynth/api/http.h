// A request and a response as the handlers see them: no sockets, no Beast. The views of a Request are valid
// until its handler has ended.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "medsynth/base/json.h"

namespace medsynth::api {

struct Key;

enum class Method { get, head, post, put, delete_, options, other };
std::string_view method_name(Method method);  // "GET"; "OTHER" for those that nothing here answers

struct Request {
  Method method = Method::get;
  std::string_view path;   // as sent, still percent-encoded
  std::string_view query;  // as sent, without the question mark
  std::string_view body;
  std::string_view content_type;
  std::optional<std::string_view> idempotency_key;
  std::optional<std::string_view> last_event_id;
  std::string_view authorization;  // the header's value; what no key looks like where there are several
  std::string_view certificate;    // SHA-256 of the client's, verified; "": none
  std::string_view session;        // the secret in the cookie, where a page of this server asks; "": none
  bool is_https = false;           // as the browser or program that asks sees it
  std::string_view client;         // address of who asks, behind a trusted proxy too; or "unix"
  bool has_length = false;         // Content-Length or chunked: a body was announced, if perhaps an empty one
  std::string request_id;          // sane: goes into headers, bodies and logs
  std::vector<std::string> parameters;  // of the path, decoded, in the pattern's order; set by the router
  bool polled = false;                  // its route says so; set by the router
  std::shared_ptr<const Key> key;       // that it showed; null where none is needed; set by the router
};

// A body that has no end of its own: its connection takes one piece after the other and is closed when there
// is none.
class Source {
 public:
  using Piece = std::shared_ptr<const std::string>;

  virtual ~Source() = default;
  virtual boost::asio::awaitable<std::optional<Piece>> next() = 0;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = "";
  std::vector<std::pair<std::string, std::string>> headers = {};
  bool close = false;                   // the connection cannot be used any further
  std::shared_ptr<Source> source = {};  // instead of `body`
  std::string code = "";                // of a problem
};

// Numbers that are none (NaN of a sensor) are null: what leaves here is JSON.
inline Response json_response(json::value body, int status = 200) {
  json::drop_non_finite(body);
  return {.status = status, .body = json::write(body)};
}

}  // namespace medsynth::api

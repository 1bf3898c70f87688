// The command line's HTTP client: one blocking call at a time to a Medsynth server, over TLS where its address
// says https. It connects to that address, whatever proxy the environment names. Not thread safe.
//
// What answers there may be anything. A peer that does not identify itself as Medsynth is an error whatever
// it answers, and what it answers is looked at before anybody reads it: after call<T>() the members that T
// requires are there and of their types.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "medsynth/base/described.h"
#include "medsynth/base/error.h"
#include "medsynth/base/json.h"
#include "medsynth/base/percent.h"

namespace boost::asio::ssl {
class context;
}

namespace medsynth::cli {

struct Exchange;

struct HttpResponse {
  int status = 0;
  std::string body;
};

// What a client shows, and whom it believes.
struct Credentials {
  std::string token = "";               // sent as a bearer; "": none
  std::string ca_file = "";             // PEM; alone it vouches for the server; "": the system's
  std::string client_certificate = "";  // PEM, for a server that asks for one; "": none
  std::string client_key = "";          // PEM; "": in client_certificate as well
};

class HttpClient {
 public:
  // `url` as http://host[:port][/path] or https://..., the path that of a proxy before the server; or unix:/path;
  // invalid_argument for anything else, without the secrets that it may hold, and for files that hold no
  // certificate or key.
  static Result<HttpClient> open(std::string_view url, const Credentials& credentials = {});

  // Any status of a Medsynth server is a response. unavailable: nobody listens there, it is no Medsynth
  // server ("not_medsynth", with what it is), its certificate is not trusted ("not_trusted"), or the connection
  // broke; timeout.
  Result<HttpResponse> request(std::string_view method, std::string_view target, std::string_view body = "",
                               std::chrono::milliseconds timeout = std::chrono::seconds(30)) const;

  // The same server, for another thread: its calls end as `cancelled` once that is asked for.
  HttpClient until(std::stop_token stop) const;

  // GETs the address itself of a server that need not be ours, as it is: no redirect is followed. unavailable: it
  // answers something else than 200, more than `max_bytes`, or not at all, and why; cancelled.
  Result<std::string> fetch(std::size_t max_bytes, std::chrono::milliseconds timeout) const;

  // GETs an answer that has no end of its own; `take` gets its body piece by piece. Success: the server ended it.
  // Errors as of request() and, where the status is none of 2xx, of call(); timeout: nothing came for `silence`.
  Result<> stream(std::string_view target, const std::function<void(std::string_view)>& take,
                  std::chrono::milliseconds silence = std::chrono::seconds(30)) const;

  // A 2xx answer as JSON; a problem document becomes the Error it describes.
  Result<json::value> call(std::string_view method, std::string_view target,
                           std::string_view body = "") const;

  // The same, with what T requires. Members that T does not know pass: a newer server may say more.
  // unavailable ("unexpected_answer"): something is missing, or of another type.
  template <class T>
  Result<json::value> call(std::string_view method, std::string_view target,
                           std::string_view body = "") const {
    BOOST_OUTCOME_TRY(auto value, call(method, target, body));
    if (const auto read = described::from_value<T>(value); !read) {
      BOOST_OUTCOME_TRY(only_unknown_members(read.error()));
    }
    return value;
  }

  // `url` as url() spells it; errors of open().
  static Result<std::string> canonical(std::string_view url);
  const std::string& url() const { return url_; }
  bool is_loopback() const;  // of this machine, by its name
  // What the peer said last, for people: "200 application/json, 12 bytes: {...}". Empty: nothing yet.
  const std::string& heard() const { return *heard_; }

 private:
  static Result<HttpClient> parsed(std::string_view url);
  // Fills the exchange's request, and carries it out, whatever comes of it; cancelled.
  Result<> exchange_all(Exchange& exchange, std::string_view method, std::string_view target,
                        std::string_view body, std::chrono::milliseconds timeout) const;
  // The same, and the Error of one without an answer that can be used.
  Result<> carry_out(Exchange& exchange, std::string_view method, std::string_view target,
                     std::string_view body, std::chrono::milliseconds timeout) const;
  Result<> only_unknown_members(const Error& misread) const;

  std::string url_, host_, port_, authority_, prefix_, token_;
  std::string unix_path_;  // "": TCP
  bool https_ = false;
  std::shared_ptr<boost::asio::ssl::context> tls_;  // null: http
  std::stop_token stop_;
  std::shared_ptr<std::string> heard_ = std::make_shared<std::string>();
};

// `before`, the encoded `name` and `after`. invalid_argument at `pointer`, an argument of the command, where
// the name breaks check_name(): such a path could mean more than that name.
Result<std::string> path_of(std::string_view before, std::string_view pointer, std::string_view name,
                            std::string_view after = "");
// The Error that a problem document with this status stands for.
Error as_error(const HttpResponse& response);

}  // namespace medsynth::cli

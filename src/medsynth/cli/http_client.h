// The command line's HTTP client: one blocking call at a time to a Medsynth server. Not thread safe.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "medsynth/base/error.h"
#include "medsynth/base/json.h"

namespace medsynth::cli {

struct HttpResponse {
  int status = 0;
  std::string body;
};

class HttpClient {
 public:
  // `url` as http://host[:port][/]; invalid_argument for anything else.
  static Result<HttpClient> open(std::string_view url);

  // Any status is a response. unavailable: nobody listens there, or the connection broke; timeout.
  Result<HttpResponse> request(std::string_view method, std::string_view target, std::string_view body = "",
                               std::chrono::milliseconds timeout = std::chrono::seconds(30)) const;

  // A 2xx answer as JSON; a problem document becomes the Error it describes.
  Result<json::value> call(std::string_view method, std::string_view target,
                           std::string_view body = "") const;

  const std::string& url() const { return url_; }

 private:
  std::string url_, host_, port_;
};

// For a path segment or a query value.
std::string percent_encode(std::string_view text);
// The Error that a problem document with this status stands for.
Error as_error(const HttpResponse& response);

}  // namespace medsynth::cli

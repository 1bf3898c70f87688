#include "medsynth/cli/http_client.h"

#include <cctype>
#include <iterator>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

namespace medsynth::cli {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::asio::ip::tcp;

constexpr std::size_t kLargestAnswer = 64 * 1024 * 1024;

// One exchange, asynchronous inside so that the timeout holds for each of its steps together.
struct Exchange {
  explicit Exchange(boost::asio::io_context& io) : resolver(io), stream(io) {
    parser.body_limit(kLargestAnswer);
  }

  void start(const std::string& host, const std::string& port, std::chrono::milliseconds timeout) {
    stream.expires_after(timeout);
    resolver.async_resolve(host, port, [this](auto failure, auto endpoints) {
      if (failure) return void(error = failure);
      stream.async_connect(endpoints, [this](auto failed, const auto&) {
        if (failed) return void(error = failed);
        http::async_write(stream, request, [this](auto not_written, std::size_t) {
          if (not_written) return void(error = not_written);
          http::async_read(stream, buffer, parser, [this](auto not_read, std::size_t) { error = not_read; });
        });
      });
    });
  }

  tcp::resolver resolver;
  beast::tcp_stream stream;
  beast::flat_buffer buffer;
  http::request<http::string_body> request;
  http::response_parser<http::string_body> parser;
  boost::system::error_code error;
};

std::optional<Code> code_of_status(int status) {
  for (int i = 0; i <= static_cast<int>(Code::internal); ++i) {
    if (info(static_cast<Code>(i)).http_status == status) return static_cast<Code>(i);
  }
  return std::nullopt;
}

}  // namespace

Result<HttpClient> HttpClient::open(std::string_view url) {
  HttpClient client;
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme))
    return invalid("--url", fmt::format("must look like http://127.0.0.1:8000, not '{}'", url));
  std::string_view rest = url.substr(kScheme.size());
  rest = rest.substr(0, rest.find('/'));
  const std::size_t colon = rest.rfind(':');
  const bool has_port = colon != std::string_view::npos && rest.find(']', colon) == std::string_view::npos;
  client.port_ = has_port ? std::string(rest.substr(colon + 1)) : "80";
  client.host_ = std::string(has_port ? rest.substr(0, colon) : rest);
  if (client.host_.starts_with('[') && client.host_.ends_with(']'))
    client.host_ = client.host_.substr(1, client.host_.size() - 2);
  if (client.host_.empty() || client.port_.empty())
    return invalid("--url", fmt::format("names no host and port: '{}'", url));
  client.url_ = fmt::format("{}{}", kScheme, rest);
  return client;
}

Result<HttpResponse> HttpClient::request(std::string_view method, std::string_view target,
                                         std::string_view body, std::chrono::milliseconds timeout) const {
  boost::asio::io_context io(1);
  Exchange exchange(io);
  exchange.request.method_string(method);
  exchange.request.target(target);
  exchange.request.version(11);
  exchange.request.set(http::field::host, url_.substr(url_.find("//") + 2));
  exchange.request.set(http::field::user_agent, "medsynth/" MEDSYNTH_VERSION);
  exchange.request.keep_alive(false);
  if (!body.empty()) exchange.request.set(http::field::content_type, "application/json");
  exchange.request.body() = body;
  exchange.request.prepare_payload();
  exchange.start(host_, port_, timeout);
  io.run();
  if (exchange.error == beast::error::timeout) {
    return Error{Code::timeout, fmt::format("{} did not answer within {} s", url_, timeout.count() / 1000),
                 "no_answer"};
  }
  if (exchange.error && exchange.error != http::error::end_of_stream) {
    return Error{Code::unavailable,
                 fmt::format("no Medsynth server answers at {} ({}). Start one with 'medsynth serve', or "
                             "name another with --url",
                             url_, exchange.error.message()),
                 "no_server"};
  }
  return HttpResponse{static_cast<int>(exchange.parser.get().result_int()),
                      std::move(exchange.parser.get().body())};
}

Result<json::value> HttpClient::call(std::string_view method, std::string_view target,
                                     std::string_view body) const {
  BOOST_OUTCOME_TRY(auto response, request(method, target, body));
  if (response.status >= 300) return as_error(response);
  return json::parse(response.body);
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain)
      out += c;
    else
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Error as_error(const HttpResponse& response) {
  Error error{code_of_status(response.status)
                  .value_or(response.status < 500 ? Code::invalid_argument : Code::unavailable),
              fmt::format("the server answered {}", response.status), ""};
  const auto problem = json::parse(response.body);
  if (!problem || !problem->is_object()) return error;
  const json::object& members = problem->get_object();
  const auto text = [&](std::string_view name) -> std::string {
    const json::value* member = members.if_contains(name);
    return member && member->is_string() ? std::string(member->get_string()) : "";
  };
  if (std::string detail = text("detail"); !detail.empty()) error.message = std::move(detail);
  error.reason = text("code");
  if (const json::value* faults = members.if_contains("errors"); faults && faults->is_array()) {
    for (const json::value& fault : faults->get_array()) {
      if (!fault.is_object()) continue;
      const json::value* pointer = fault.get_object().if_contains("pointer");
      const json::value* detail = fault.get_object().if_contains("detail");
      if (pointer && detail && pointer->is_string() && detail->is_string())
        error.faults.push_back({std::string(pointer->get_string()), std::string(detail->get_string())});
    }
  }
  return error;
}

}  // namespace medsynth::cli

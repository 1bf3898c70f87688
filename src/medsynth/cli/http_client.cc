#include "medsynth/cli/http_client.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

#include "medsynth/api/listen.h"
#include "medsynth/base/id.h"

namespace medsynth::cli {
namespace {

namespace beast = boost::beast;
namespace ssl = boost::asio::ssl;
namespace http = boost::beast::http;
using boost::asio::ip::tcp;

constexpr std::size_t kLargestAnswer = 64 * 1024 * 1024;

bool is_success(unsigned status) {
  return status >= 200 && status < 300;
}

// What the peer is: its own words, as far as they came.
std::string described_peer(const http::response<http::string_body>& response) {
  const auto said = [&](http::field name, std::string_view otherwise) {
    return response[name].empty() ? std::string(otherwise) : std::string(response[name]);
  };
  return fmt::format("status {}, {}, {}", response.result_int(),
                     said(http::field::server, "no Server header"),
                     said(http::field::content_type, "no content type"));
}

// By its own header, which proxies let pass (many replace Server).
bool is_medsynth(const http::response<http::string_body>& response) {
  return response.count("Medsynth-Version") > 0 || response[http::field::server].starts_with("medsynth");
}

}  // namespace

// One exchange, asynchronous inside so that the timeout holds for each of its steps together, or for the wait for
// each piece of an answer that `take` gets.
struct Exchange {
  using Protocol = boost::asio::generic::stream_protocol;  // TCP, or a unix socket

  explicit Exchange(ssl::context* context) : resolver(io), stream(io) {
    parser.body_limit(kLargestAnswer);
    if (context) tls.emplace(stream, *context);
  }

  void start(const std::string& host, const std::string& port) {
    stream.expires_after(timeout);
    resolver.async_resolve(host, port, [this](auto failure, auto found) {
      if (failure) return void(error = failure);
      std::vector<Protocol::endpoint> endpoints;
      for (const auto& each : found) endpoints.emplace_back(each.endpoint());
      stream.async_connect(endpoints, [this](auto failed, const auto&) { go_on(failed); });
    });
  }

  void start(const std::string& unix_path) {
    stream.expires_after(timeout);
    const boost::asio::local::stream_protocol::endpoint endpoint(unix_path);
    stream.async_connect(endpoint, [this](auto failed) { go_on(failed); });
  }

  void go_on(boost::system::error_code failed) {
    if (failed) return void(error = failed);
    connected = true;
    if (!tls) return send_over(stream);
    tls->async_handshake(ssl::stream_base::client, [this](auto refused) {
      if (refused) return void(error = refused);
      shook_hands = true;
      send_over(*tls);
    });
  }

  // The server must have a certificate for that name or address. Addresses are not sent (RFC 6066, 3).
  void expect(const std::string& host) {
    boost::system::error_code no_address;
    boost::asio::ip::make_address(host, no_address);
    SSL_set1_host(tls->native_handle(), host.c_str());
    if (no_address) SSL_set_tlsext_host_name(tls->native_handle(), host.c_str());
  }

  void send_over(auto& layer) {
    http::async_write(layer, request, [this, &layer](auto not_written, std::size_t) {
      if (not_written) return void(error = not_written);
      if (take) return read_on(layer);
      http::async_read(layer, buffer, parser, [this](auto not_read, std::size_t) { error = not_read; });
    });
  }

  // What was read is handed on at once, so the limit is that of a piece.
  void read_on(auto& layer) {
    stream.expires_after(timeout);
    http::async_read_some(layer, buffer, parser, [this, &layer](auto not_read, std::size_t) {
      if (not_read) return void(error = not_read);
      if (parser.is_header_done() && !is_medsynth(parser.get())) return;
      if (parser.is_header_done() && is_success(parser.get().result_int())) {
        take(parser.get().body());
        parser.get().body().clear();
      }
      if (!parser.is_done()) read_on(layer);
    });
  }

  // Why the server's certificate was refused; "" where it was not.
  std::string distrust() {
    const long verdict = tls && !shook_hands ? SSL_get_verify_result(tls->native_handle()) : X509_V_OK;
    return verdict == X509_V_OK ? "" : X509_verify_cert_error_string(verdict);
  }

  boost::asio::io_context io{1};
  std::chrono::milliseconds timeout{};
  std::function<void(std::string_view)> take;
  tcp::resolver resolver;
  beast::basic_stream<Protocol> stream;
  std::optional<ssl::stream<beast::basic_stream<Protocol>&>> tls;
  beast::flat_buffer buffer;
  http::request<http::string_body> request;
  http::response_parser<http::string_body> parser;
  boost::system::error_code error;
  bool connected = false;
  bool shook_hands = false;  // TLS
};

namespace {

// Why there is no answer that can be used, if so.
std::optional<Error> failure_of(Exchange& exchange, const std::string& url,
                                std::chrono::milliseconds timeout) {
  constexpr std::string_view kElsewhere = "Name another with --url or MEDSYNTH_URL";
  const auto unavailable = [](std::string message, std::string reason) {
    return Error{Code::unavailable, std::move(message), std::move(reason)};
  };
  const bool headed = exchange.parser.is_header_done();
  if (headed && !is_medsynth(exchange.parser.get()))
    return unavailable(fmt::format("what answers at {} is not a Medsynth server ({}). {}", url,
                                   described_peer(exchange.parser.get()), kElsewhere),
                       "not_medsynth");
  if (!exchange.error) return std::nullopt;
  const std::string why = exchange.error.message();
  if (exchange.error == beast::error::timeout)
    return Error{Code::timeout,
                 fmt::format("{} did not answer within {} s. Is it a Medsynth server? {}", url,
                             std::chrono::duration<double>(timeout).count(), kElsewhere),
                 "no_answer"};
  if (!exchange.connected)
    return unavailable(
        fmt::format("no Medsynth server answers at {} ({}). Start one with 'medsynth serve', or "
                    "name another with --url",
                    url, why),
        "no_server");
  if (const std::string distrust = exchange.distrust(); !distrust.empty())
    return unavailable(
        fmt::format("the certificate of {} is not trusted ({}): name the file of the authority "
                    "that vouches for it with --ca-file or MEDSYNTH_CA_FILE",
                    url, distrust),
        "not_trusted");
  if (exchange.tls && !exchange.shook_hands)
    return unavailable(
        fmt::format("{} takes no TLS connection ({}): is it an http:// address, or does it want a "
                    "client certificate (--client-certificate)?",
                    url, why),
        "no_answer");
  if (exchange.error == http::error::body_limit)
    return unavailable(fmt::format("the answer of {} is larger than {} MiB: ask for less at once", url,
                                   kLargestAnswer / 1024 / 1024),
                       "answer_too_large");
  if (headed || exchange.error == http::error::partial_message)
    return unavailable(fmt::format("the answer of {} broke off ({}): try again", url, why), "no_answer");
  if (exchange.error == http::error::end_of_stream ||
      exchange.error.category() == boost::system::system_category())
    return unavailable(
        fmt::format("{} closed the connection without an answer ({}): it has stopped, or is not a Medsynth "
                    "server. {}",
                    url, why, kElsewhere),
        "no_answer");
  if (exchange.error.category() == boost::asio::error::get_ssl_category())
    return unavailable(fmt::format("{} ended the connection ({}): does it want a client certificate "
                                   "(--client-certificate)?",
                                   url, why),
                       "no_answer");
  return unavailable(
      fmt::format("what answers at {} is not a Medsynth server: it does not speak HTTP ({}). {}", url, why,
                  kElsewhere),
      "not_medsynth");
}

// What stands in an address from the scheme to the path.
struct Parts {
  std::string_view scheme, authority, path;
};
Parts parts_of(std::string_view url) {
  const std::size_t mark = url.find("://");
  if (mark == url.npos) return {};
  const std::string_view rest = url.substr(mark + 3);
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  return {url.substr(0, mark), rest.substr(0, end), rest.substr(end)};
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Goes into a request's first lines: nothing that would end or split them.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

// Checks the server's certificate, and shows the client's.
Result<std::shared_ptr<ssl::context>> tls_context(const Credentials& credentials) {
  const auto unusable = [](std::string_view flag, const std::string& file, const auto& error) {
    return invalid(std::string(flag), fmt::format("'{}' cannot be used: {}", file, error.message()));
  };
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  context->set_verify_mode(ssl::verify_peer);
  boost::system::error_code error;
  if (credentials.ca_file.empty())
    context->set_default_verify_paths(error);
  else
    context->load_verify_file(credentials.ca_file, error);
  if (error) return unusable("--ca-file", credentials.ca_file, error);
  if (credentials.client_certificate.empty()) return context;
  context->use_certificate_chain_file(credentials.client_certificate, error);
  if (error) return unusable("--client-certificate", credentials.client_certificate, error);
  const std::string& key =
      credentials.client_key.empty() ? credentials.client_certificate : credentials.client_key;
  context->use_private_key_file(key, ssl::context::pem, error);
  if (error) return unusable("--client-key", key, error);
  return context;
}

// The same of a server that need not be ours.
std::string failure_elsewhere(Exchange& exchange) {
  const std::string distrust = exchange.distrust();
  if (!distrust.empty()) return fmt::format("its certificate is not trusted: {}", distrust);
  if (exchange.error) return exchange.error.message();
  const unsigned status = exchange.parser.get().result_int();
  return status == 200 ? "" : fmt::format("it answers with the status {}", status);
}

std::optional<Code> code_of_status(int status) {
  if (status == 401) return Code::not_allowed;
  for (int i = 0; i <= static_cast<int>(Code::internal); ++i) {
    if (info(static_cast<Code>(i)).http_status == status) return static_cast<Code>(i);
  }
  return std::nullopt;
}

}  // namespace

Result<HttpClient> HttpClient::parsed(std::string_view url) {
  // Nothing of it is quoted: what is malformed may be part of a password.
  const auto wrong = [](std::string detail) { return invalid("--url", std::move(detail)); };
  if (url.starts_with("unix:")) {
    const auto address = api::parse_listen(url);
    if (!address)
      return wrong("must have a path from / on behind unix:, such as unix:/run/medsynth/api.sock");
    HttpClient client;
    client.url_ = url;
    client.authority_ = "localhost";
    client.unix_path_ = address->unix_path;
    return client;
  }
  const auto [scheme, authority, path] = parts_of(url);
  const bool tls = beast::iequals(scheme, "https");
  if (!tls && !beast::iequals(scheme, "http"))
    return wrong("must look like http://127.0.0.1:8000, https://host/path or unix:/path");
  if (url.find('@') != url.npos)
    return wrong("must have no user and no password: a key goes into MEDSYNTH_TOKEN, or 'medsynth login'");
  if (url.find_first_of("?#") != url.npos) return wrong("must have no '?' and no '#'");
  if (!is_plain(url)) return wrong("must have no blanks and nothing but ASCII");
  HttpClient client;
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != authority.npos && authority.find(']', colon) == authority.npos;
  client.port_ = has_port ? std::string(authority.substr(colon + 1)) : tls ? "443" : "80";
  client.host_ = authority.substr(0, has_port ? colon : authority.size());
  if (client.host_.starts_with('[') && client.host_.ends_with(']'))
    client.host_ = client.host_.substr(1, client.host_.size() - 2);
  if (client.host_.empty() || !is_port(client.port_))
    return wrong("must name a host, and a number as its port: http://127.0.0.1:8000");
  client.authority_ = authority;
  client.prefix_ = path.substr(0, path.find_last_not_of('/') + 1);
  client.url_ = fmt::format("{}://{}{}", tls ? "https" : "http", authority, client.prefix_);
  client.https_ = tls;
  return client;
}

Result<std::string> HttpClient::canonical(std::string_view url) {
  BOOST_OUTCOME_TRY(const auto client, parsed(url));
  return client.url_;
}

Result<HttpClient> HttpClient::open(std::string_view url, const Credentials& credentials) {
  BOOST_OUTCOME_TRY(auto client, parsed(url));
  if (!is_plain(credentials.token))
    return invalid("MEDSYNTH_TOKEN", "must be a key as 'medsynth keys create' shows it, in one line");
  client.token_ = credentials.token;
  if (client.https_) {
    BOOST_OUTCOME_TRY(client.tls_, tls_context(credentials));
  }
  return client;
}

bool HttpClient::is_loopback() const {
  return api::is_loopback_host(authority_);
}

HttpClient HttpClient::until(std::stop_token stop) const {
  HttpClient client = *this;
  client.stop_ = std::move(stop);
  client.heard_ = std::make_shared<std::string>();
  return client;
}

Result<> HttpClient::exchange_all(Exchange& exchange, std::string_view method, std::string_view target,
                                  std::string_view body, std::chrono::milliseconds timeout) const {
  if (exchange.tls) exchange.expect(host_);
  exchange.request.method_string(method);
  exchange.request.target(prefix_ + std::string(target));
  exchange.request.version(11);
  exchange.request.set(http::field::host, authority_);
  exchange.request.set(http::field::user_agent, "medsynth/" MEDSYNTH_VERSION);
  if (!token_.empty()) exchange.request.set(http::field::authorization, "Bearer " + token_);
  exchange.request.keep_alive(false);
  if (!body.empty()) exchange.request.set(http::field::content_type, "application/json");
  exchange.request.body() = body;
  exchange.request.prepare_payload();
  exchange.timeout = timeout;
  if (unix_path_.empty())
    exchange.start(host_, port_);
  else
    exchange.start(unix_path_);
  {
    const std::stop_callback interrupt(stop_, [&] { exchange.io.stop(); });
    exchange.io.run();
  }
  if (stop_.stop_requested())
    return Error{Code::cancelled, fmt::format("the call of {} was interrupted", url_), "interrupted"};
  return success();
}

Result<> HttpClient::carry_out(Exchange& exchange, std::string_view method, std::string_view target,
                               std::string_view body, std::chrono::milliseconds timeout) const {
  BOOST_OUTCOME_TRY(exchange_all(exchange, method, target, body, timeout));
  const auto& answer = exchange.parser.get();
  constexpr std::size_t kShown = 100;
  if (exchange.parser.is_header_done())
    *heard_ = fmt::format("{}, {} bytes: {}", described_peer(answer), answer.body().size(),
                          std::string_view(answer.body()).substr(0, kShown));
  if (auto failure = failure_of(exchange, url_, timeout)) return *failure;
  return success();
}

Result<HttpResponse> HttpClient::request(std::string_view method, std::string_view target,
                                         std::string_view body, std::chrono::milliseconds timeout) const {
  Exchange exchange(tls_.get());
  BOOST_OUTCOME_TRY(carry_out(exchange, method, target, body, timeout));
  return HttpResponse{static_cast<int>(exchange.parser.get().result_int()),
                      std::move(exchange.parser.get().body())};
}

Result<std::string> HttpClient::fetch(std::size_t max_bytes, std::chrono::milliseconds timeout) const {
  Exchange exchange(tls_.get());
  exchange.parser.body_limit(max_bytes);
  BOOST_OUTCOME_TRY(exchange_all(exchange, "GET", prefix_.empty() ? "/" : "", "", timeout));
  if (const std::string why = failure_elsewhere(exchange); !why.empty())
    return Error{Code::unavailable, fmt::format("{} cannot be fetched: {}", url_, why), "no_answer"};
  return std::move(exchange.parser.get().body());
}

Result<> HttpClient::stream(std::string_view target, const std::function<void(std::string_view)>& take,
                            std::chrono::milliseconds silence) const {
  Exchange exchange(tls_.get());
  exchange.parser.body_limit(boost::none);
  exchange.take = take;
  BOOST_OUTCOME_TRY(carry_out(exchange, "GET", target, "", silence));
  const unsigned status = exchange.parser.get().result_int();
  if (!is_success(status)) return as_error({static_cast<int>(status), exchange.parser.get().body()});
  return success();
}

Result<json::value> HttpClient::call(std::string_view method, std::string_view target,
                                     std::string_view body) const {
  BOOST_OUTCOME_TRY(auto response, request(method, target, body));
  if (!is_success(static_cast<unsigned>(response.status))) return as_error(response);
  auto value = json::parse(response.body);
  if (value) return value;
  return Error{
      Code::unavailable,
      fmt::format("the answer of {} to {} {} is not JSON: {}", url_, method, target, value.error().message),
      "unexpected_answer"};
}

Result<> HttpClient::only_unknown_members(const Error& misread) const {
  for (const Fault& fault : misread.faults) {
    if (!fault.detail.starts_with("is not a known field"))
      return Error{
          Code::unavailable,
          fmt::format("the answer of {} is not what this version ({}) reads: {} {}. Do both have the "
                      "same version?",
                      url_, MEDSYNTH_VERSION, fault.pointer.empty() ? "it" : fault.pointer, fault.detail),
          "unexpected_answer"};
  }
  return success();
}

Result<std::string> path_of(std::string_view before, std::string_view pointer, std::string_view name,
                            std::string_view after) {
  BOOST_OUTCOME_TRY(check_name(pointer, name));
  return fmt::format("{}{}{}", before, percent_encode(name), after);
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

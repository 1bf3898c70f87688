// One connection: reads requests, lets them be answered, writes the answers, in order. Requests that arrive
// before the answer to the one before (pipelining) stay in the buffer. One of the two files that know Beast
// and sockets.
#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <ctime>
#include <iterator>
#include <optional>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

#include "medsynth/api/connections.h"
#include "medsynth/api/listen.h"
#include "medsynth/api/origin.h"
#include "medsynth/api/problem.h"
#include "medsynth/api/router.h"
#include "medsynth/api/tls.h"
#include "medsynth/base/log.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using Parser = http::request_parser<http::string_body>;
using std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 8 * 1024;  // a request without a large body fits
constexpr std::size_t kBodyReadBytes = 128 * 1024;
// What a client may still send, and for how long, after an answer that closes the connection: without this,
// closing would reset it and the client might lose the answer.
constexpr std::size_t kLingerBytes = 64 * 1024 * 1024;
constexpr std::chrono::seconds kLinger{2};
// A reader of a stream that takes nothing for so long is gone.
constexpr std::chrono::seconds kStalled{10};

Error malformed_request(std::string_view why) {
  return {Code::invalid_argument, fmt::format("Malformed HTTP request: {}.", why), "malformed_request"};
}

Error too_many_bytes() {
  return {
      Code::unavailable,
      "The requests and answers under way hold as many bytes as they may (MEDSYNTH_MAX_BYTES_IN_FLIGHT): try "
      "again.",
      "too_many_bytes"};
}

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::get;
    case http::verb::head:
      return Method::head;
    case http::verb::post:
      return Method::post;
    case http::verb::put:
      return Method::put;
    case http::verb::delete_:
      return Method::delete_;
    case http::verb::options:
      return Method::options;
    default:
      return Method::other;
  }
}

// A client's own request id, when it can go into headers, bodies and logs as it is.
bool is_sane_id(std::string_view id) {
  const auto sane = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_' || c == '.'; };
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), sane);
}

// "Mon, 23 Nov 2026 21:06:46 GMT", formatted once per second.
const std::string& http_date() {
  thread_local std::time_t formatted = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now == formatted) return text;
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char buffer[64];
  text.assign(buffer, std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &parts));
  formatted = now;
  return text;
}

class Session {
 public:
  Session(Shared& shared, Connection& connection)
      : shared_(shared), options_(shared.app.options), connection_(connection), share_(shared.bytes) {}

  asio::awaitable<void> run() {
    for (bool more = true; more;) {
      admission_.reset();
      caller_ = peer();
      parser_.emplace();
      parser_->header_limit(options_.header_limit);
      parser_->body_limit(options_.body_limit);
      parser_->eager(true);
      const Heard heard = co_await read_request();
      if (heard == Heard::nothing) co_return;
      connection_.fresh = false;
      more = co_await answer_request();
    }
    co_await linger();
  }

 private:
  enum class Heard { request, nothing };

  // Reads until a request is complete or cannot become one (refusal_ says why). `nothing`: the client went
  // away, or stayed silent between requests.
  asio::awaitable<Heard> read_request() {
    refusal_.reset();
    bool continued = false;
    wait_for(options_.idle_timeout);
    connection_.idle = buffer_.size() == 0;
    if (!connection_.idle) wait_for(options_.header_timeout);
    for (;;) {
      if (buffer_.size() > 0 && parse()) co_return Heard::request;
      if (parser_->is_header_done() && !std::exchange(continued, true)) {
        wait_for(options_.body_timeout);
        // Whoever is refused need not send the body, and none is kept.
        admit_request();
        if (admission_->refusal) co_return Heard::request;
        if (expects_continue()) co_await write_continue();
      }
      if (shared_.app.draining && connection_.idle && !connection_.fresh) co_return Heard::nothing;
      error_code error;
      const std::size_t got = co_await connection_.read_some(
          buffer_.prepare(parser_->is_header_done() ? kBodyReadBytes : kReadBytes), error);
      buffer_.commit(got);
      refusal_ = hold(buffer_.size() + parser_->get().body().size());
      if (refusal_) co_return Heard::request;
      if (got == 0 && connection_.overdue && !connection_.idle) {
        refusal_ = Error{Code::timeout, "The request did not arrive in time.", "request_timeout"};
        co_return Heard::request;
      }
      if (got == 0) co_return Heard::nothing;
      if (std::exchange(connection_.idle, false)) wait_for(options_.header_timeout);
    }
  }

  // Once for each request: as soon as its header is there.
  void admit_request() {
    if (admission_) return;
    const auto& message = parser_->get();
    auto refused = find_caller(message);
    request_ = describe(message);
    if (!refused) refused = refuse(message);
    admission_ = admit(shared_.app, request_, std::move(refused));
  }

  // So many bytes, of all that there are for requests and of those for the caller.
  std::optional<Error> hold(std::size_t bytes) {
    if (!share_.hold(bytes)) return too_many_bytes();
    if (admission_ && admission_->turn && !admission_->turn->hold(bytes))
      return admission_->turn->too_many_bytes();
    return std::nullopt;
  }

  // True when the request is complete, or refused.
  bool parse() {
    error_code error;
    buffer_.consume(parser_->put(buffer_.data(), error));
    if (error == http::error::need_more) return false;
    if (error == http::error::body_limit) {
      refusal_ =
          Error{Code::invalid_argument, fmt::format("The body is larger than {} bytes.", options_.body_limit),
                "payload_too_large"};
    } else if (error == http::error::header_limit) {
      refusal_ = Error{Code::invalid_argument,
                       fmt::format("The header is larger than {} bytes.", options_.header_limit),
                       "header_too_large"};
    } else if (error) {
      refusal_ = malformed_request(error.message());
    }
    return error || parser_->is_done();
  }

  bool expects_continue() const {
    return !parser_->is_done() && beast::iequals(parser_->get()[http::field::expect], "100-continue");
  }

  asio::awaitable<void> write_continue() {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    error_code error;
    co_await connection_.write(asio::buffer(kContinue), error);
  }

  // True when the connection can take another request.
  asio::awaitable<bool> answer_request() {
    wait_for_ever();
    const auto started = steady_clock::now();
    const auto& message = parser_->get();
    if (!refusal_) admit_request();
    if (!admission_) {
      admission_.emplace();
      request_ = describe(message);
    }
    request_.body = message.body();  // it may have come since
    if (!refusal_) refusal_ = admission_->refusal;
    if (refusal_)
      response_ = problem(*refusal_, request_.request_id);
    else if (request_.path.empty())
      response_ = moved_into_prefix();
    else
      response_ = co_await respond(shared_.app, request_, *admission_);
    const std::size_t got = message.body().size();
    (void)std::exchange(parser_->get().body(), {});  // an assignment would keep its memory
    if (const auto too_many = hold(buffer_.size() + response_.body.size()))
      response_ = problem(*too_many, request_.request_id);
    co_await record();
    add_rate();
    const bool keep = !response_.close && !response_.source && parser_->is_done() && parser_->keep_alive() &&
                      !shared_.app.draining;
    write_head(response_, request_.request_id, keep);
    if (request_.method == Method::head) response_.body.clear();
    const std::size_t body = response_.body.size();
    join_for_tls();
    const std::size_t sent = write_now(response_.body);
    const bool written =
        sent == head_.size() + response_.body.size() || co_await write_rest(response_.body, sent);
    note(request_, response_.status, steady_clock::now() - started, got + body);
    if (response_.source && written && request_.method != Method::head) co_await stream(*response_.source);
    release_memory();
    co_return keep&& written;
  }

  // What is kept between requests is what the smallest need.
  void release_memory() {
    (void)std::exchange(response_, {});
    admission_.reset();
    if (buffer_.capacity() > kBodyReadBytes) buffer_.shrink_to_fit();
    share_.hold(buffer_.size());
  }

  Request describe(const http::request<http::string_body>& message) {
    Request request;
    request.method = method_of(message.method());
    std::string_view target = message.target();
    const std::size_t question = std::min(target.find('?'), target.size());
    request.path = below(options_.path_prefix, target.substr(0, question));
    request.query = target.substr(std::min(question + 1, target.size()));
    request.body = message.body();
    request.content_type = message[http::field::content_type];
    request.has_length =
        parser_->is_header_done() && (parser_->chunked() || parser_->content_length().has_value());
    if (const auto key = message.find("Idempotency-Key"); key != message.end())
      request.idempotency_key = key->value();
    if (const auto id = message.find("Last-Event-ID"); id != message.end())
      request.last_event_id = id->value();
    if (const auto shown = message.count(http::field::authorization); shown > 0)
      request.authorization = shown == 1 ? message[http::field::authorization] : "several headers";
    request.certificate = connection_.certificate;
    request.is_https = caller_.scheme == "https";
    if (const std::string_view cookie = message[http::field::cookie];
        !cookie.empty() && is_of_own_page(browser_headers(message)))
      request.session = cookie_value(cookie, shared_.app.session_cookie);
    request.client = caller_.address;
    const std::string_view id = message["X-Request-Id"];
    request.request_id =
        is_sane_id(id) ? std::string(id) : fmt::format("{}-{:x}", shared_.id_prefix, ++shared_.requests);
    return request;
  }

  // Of the prefix itself: a page's links are relative to what ends with a slash.
  Response moved_into_prefix() const {
    return {.status = 308,
            .content_type = "",
            .headers = {{"Location", fmt::format("{}/", options_.path_prefix)}}};
  }

  Caller peer() const {
    return {.address = connection_.peer, .scheme = connection_.tls ? "https" : "", .host = ""};
  }

  // Who asks: the peer, or whom a trusted proxy names.
  std::optional<Error> find_caller(const http::request<http::string_body>& message) {
    if (!connection_.is_proxy) return std::nullopt;
    const auto all = [&](std::string_view name) {
      std::string values;
      for (auto [each, end] = message.equal_range(name); each != end; ++each)
        fmt::format_to(std::back_inserter(values), "{}{}", values.empty() ? "" : ", ",
                       std::string_view(each->value()));
      return values;
    };
    auto caller = caller_behind(shared_.proxies, connection_.peer,
                                {.forwarded = all("Forwarded"),
                                 .forwarded_for = all("X-Forwarded-For"),
                                 .forwarded_proto = all("X-Forwarded-Proto"),
                                 .forwarded_host = all("X-Forwarded-Host")});
    if (!caller) return caller.error();
    caller_ = std::move(*caller);
    return std::nullopt;
  }

  bool is_allowed_host(std::string_view host) const {
    return is_loopback_host(host) || is_host_of(host, options_.allowed_hosts);
  }

  // What is refused before it is routed.
  std::optional<Error> refuse(const http::request<http::string_body>& message) const {
    if (!message.target().starts_with('/')) return malformed_request("the target must be a path");
    // A coding other than chunked is not undone here; alone, it has no end that we could see: what follows would be
    // taken for another request.
    if (message.count(http::field::transfer_encoding) > 0 &&
        !beast::iequals(message[http::field::transfer_encoding], "chunked"))
      return length_required();
    const auto hosts = message.count(http::field::host);
    if (hosts > 1 || (hosts == 0 && message.version() >= 11))
      return malformed_request("it must have one Host header");
    const std::string_view host = message[http::field::host];
    // Both names: a page may write the header of a proxy, but not Host.
    if (shared_.check_host &&
        ((hosts == 1 && !is_allowed_host(host)) || (!caller_.host.empty() && !is_allowed_host(caller_.host))))
      return Error{Code::not_allowed,
                   "The Host header must be localhost, 127.0.0.1 or [::1], or one of the names that "
                   "MEDSYNTH_ALLOWED_HOSTS lists.",
                   "misdirected_request"};
    const std::string_view coding = message[http::field::content_encoding];
    if (!coding.empty() && !beast::iequals(coding, "identity"))
      return Error{Code::invalid_argument, "The body must be sent as it is, without a Content-Encoding.",
                   "unsupported_content_encoding"};
    return refuse_cross_site(method_of(message.method()), browser_headers(message));
  }

  BrowserHeaders browser_headers(const http::request<http::string_body>& message) const {
    return {.host = caller_.host.empty() ? std::string_view(message[http::field::host]) : caller_.host,
            .scheme = caller_.scheme,
            .origin = message[http::field::origin],
            .origins = message.count(http::field::origin),
            .fetch_site = message["Sec-Fetch-Site"]};
  }

  void write_head(const Response& response, std::string_view request_id, bool keep) {
    head_.clear();
    auto out = std::back_inserter(head_);
    fmt::format_to(out, "HTTP/1.1 {} {}\r\n", response.status,
                   std::string_view(http::obsolete_reason(static_cast<http::status>(response.status))));
    if (!response.content_type.empty()) fmt::format_to(out, "Content-Type: {}\r\n", response.content_type);
    if (response.status != 204 && !response.source)
      fmt::format_to(out, "Content-Length: {}\r\n", response.body.size());
    for (const auto& [name, value] : response.headers) fmt::format_to(out, "{}: {}\r\n", name, value);
    fmt::format_to(out, "X-Request-Id: {}\r\nDate: {}\r\n", request_id, http_date());
    head_ += "Server: medsynth\r\nMedsynth-Version: " MEDSYNTH_VERSION
             "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
    if (!keep)
      head_ += "Connection: close\r\n";
    else if (parser_->get().version() < 11)
      head_ += "Connection: keep-alive\r\n";
    head_ += "\r\n";
  }

  // One record, and one packet, where two would do.
  void join_for_tls() {
    constexpr std::size_t kRecord = 16 * 1024;
    if (!connection_.tls || head_.size() + response_.body.size() > kRecord) return;
    head_ += std::exchange(response_.body, {});
  }

  // Small answers fit into the socket's buffer: no trip through the scheduler for them. Answers how much went
  // out; nothing over TLS, whose records may not be left half written.
  std::size_t write_now(const std::string& body) {
    if (connection_.tls) return 0;
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(head_), asio::buffer(body)};
    error_code error;
    const std::size_t sent = connection_.socket.write_some(buffers, error);
    return error ? 0 : sent;  // a broken connection breaks again in write_rest()
  }

  asio::awaitable<bool> write_rest(const std::string& body, std::size_t sent) {
    error_code error;
    wait_for(options_.idle_timeout);
    // In slices: a client that reads slowly, but reads, is not cut off.
    constexpr std::size_t kSlice = 1024 * 1024;
    if (sent < head_.size()) {
      const auto first = asio::buffer(body.data(), std::min(kSlice, body.size()));
      const std::array<asio::const_buffer, 2> buffers{asio::buffer(head_) + sent, first};
      co_await connection_.write(buffers, error);
      sent = head_.size() + first.size();
    }
    for (std::size_t at = sent - head_.size(); at < body.size() && !error; at += kSlice) {
      wait_for(options_.idle_timeout);
      const auto slice = asio::buffer(body.data() + at, std::min(kSlice, body.size() - at));
      co_await connection_.write(slice, error);
    }
    co_return !error;
  }

  // Pieces as they come, until there is none, the client does not take them, or its key does not count any more.
  asio::awaitable<void> stream(Source& source) {
    error_code error;
    while (!error) {
      wait_for_ever();
      const auto piece = co_await source.next();
      if (!piece || !is_still_admitted(shared_.app, request_, *admission_)) co_return;
      wait_for(kStalled);
      co_await connection_.write(asio::buffer(**piece), error);
    }
  }

  // What is answered is recorded before; nobody waits for the record of a refusal, which anybody may cause.
  asio::awaitable<void> record() {
    if (!shared_.app.records()) co_return;
    auto entry = audit_entry(request_, *admission_, response_);
    if (!entry) co_return;
    if (refusal_)
      shared_.app.audit->add(std::move(*entry));
    else
      co_await co_record(*shared_.app.audit, std::move(*entry));
  }

  // draft-ietf-httpapi-ratelimit-headers-10, for callers that have a rate.
  void add_rate() {
    const auto* turn = admission_->turn.get();
    if (!turn || !turn->taken()) return;
    const auto [rate, taken] = std::pair(*turn->limits().rate, *turn->taken());
    response_.headers.emplace_back("RateLimit-Policy",
                                   fmt::format(R"("requests";q={};w={})", rate.requests, rate.seconds));
    response_.headers.emplace_back("RateLimit",
                                   fmt::format(R"("requests";r={};t={})", taken.left, taken.full_in.count()));
  }

  void note(const Request& request, int status, steady_clock::duration took, std::size_t bytes) {
    const double seconds = std::chrono::duration<double>(took).count();
    const std::string_view method = method_name(request.method), pattern = admission_->pattern();
    telemetry::Metrics& metrics = shared_.app.services.metrics;
    metrics.http_request(method, pattern, status, seconds);
    if (admission_->key)
      metrics.key_request(metric_label(*admission_->key), refusal_.has_value(), seconds,
                          static_cast<double>(bytes));
    const auto level = request.polled && status < 400 ? log::Level::debug : log::Level::info;
    if (options_.access_log && log::enabled(level))
      log::write(level, "request",
                 {{"method", method},
                  {"route", pattern},
                  {"status", status},
                  {"duration_ms", std::round(seconds * 1e6) / 1e3},
                  {"client", request.client},
                  {"request_id", request.request_id}});
  }

  asio::awaitable<void> linger() {
    error_code error;
    wait_for(kLinger);
    if (connection_.tls) {
      connection_.overdue = false;
      co_await connection_.tls->shutdown(error);
      if (connection_.overdue) co_return;
    }
    connection_.socket.shutdown(Socket::shutdown_send, error);
    parser_.reset();
    std::size_t left = kLingerBytes;
    while (!error && left > 0) {
      buffer_.clear();
      const std::size_t got = co_await connection_.socket.async_read_some(
          buffer_.prepare(kBodyReadBytes), asio::redirect_error(asio::use_awaitable, error));
      left -= std::min(left, got);
    }
  }

  void wait_for(std::chrono::milliseconds time) { connection_.deadline = steady_clock::now() + time; }
  void wait_for_ever() { connection_.deadline = SessionTime::max(); }

  Shared& shared_;
  const ServerOptions& options_;
  Connection& connection_;
  BytesInFlight::Share share_;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::optional<Error> refusal_;
  std::optional<Admission> admission_;  // of the request under way
  // Members, not locals of a coroutine: a frame of over 1 KB is past malloc's fast path, at every request.
  Caller caller_;
  Request request_;
  Response response_;
  std::string head_;
};

}  // namespace

asio::awaitable<void> serve(Shared& shared, Connection& connection) {
  error_code ignored;
  connection.socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  connection.socket.non_blocking(true, ignored);
  if (connection.tls) {
    // A slow one is cut off like a slow header.
    error_code failed;
    connection.deadline = steady_clock::now() + shared.app.options.header_timeout;
    co_await connection.tls->handshake(failed);
    if (failed) {
      log::debug("no TLS connection", {{"client", connection.peer}, {"why", failed.message()}});
      co_return;
    }
    connection.certificate = fingerprint(connection.tls->peer_certificate());
  }
  Session session(shared, connection);
  co_await session.run();
}

}  // namespace medsynth::api

#include "medsynth/hub/get.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

namespace medsynth::hub {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// One call from the name's look-up to the last byte; its steps are callbacks on `io_`, so that each has the same
// limit and all end when they are asked to.
class Exchange {
 public:
  explicit Exchange(const Get& call) : call_(call), resolver_(io_), stream_(io_) {
    parser_.body_limit(boost::none);
    tunnel_answer_.skip(true);  // the answer to CONNECT has no body
    if (!call.address.tls) return;
    context_.emplace(ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(context_->native_handle(), TLS1_2_VERSION);
    context_->set_verify_mode(ssl::verify_peer);
    boost::system::error_code ignored;
    context_->set_default_verify_paths(ignored);
    tls_.emplace(stream_, *context_);
  }

  Result<Head> run() {
    const std::string& host = call_.proxy ? call_.proxy->host : call_.address.host;
    const std::string& port = call_.proxy ? call_.proxy->port : call_.address.port;
    await();
    resolver_.async_resolve(host, port, [this](auto failed, const auto& found) {
      if (failed) return fail(failed);
      stream_.async_connect(found, [this](auto refused, const auto&) {
        if (refused) return fail(refused);
        connected_ = true;
        call_.proxy&& tls_ ? open_tunnel() : shake_hands();
      });
    });
    {
      const std::stop_callback interrupt(call_.stop, [this] { io_.stop(); });
      io_.run();
    }
    if (call_.stop.stop_requested())
      return Error{Code::cancelled, fmt::format("fetching {} was cancelled", call_.address.text()), ""};
    if (refused_) return *refused_;
    if (error_) return why();
    return std::move(head_);
  }

 private:
  void fail(boost::system::error_code error) { error_ = error; }
  void await() { stream_.expires_after(call_.silence); }

  std::string authority() const {
    const std::string origin = call_.address.origin();
    return origin.substr(origin.find("://") + 3);
  }

  void open_tunnel() {
    const bool ipv6 = call_.address.host.find(':') != std::string::npos;
    const std::string target =
        fmt::format("{}:{}", ipv6 ? "[" + call_.address.host + "]" : call_.address.host, call_.address.port);
    tunnel_.method(http::verb::connect);
    tunnel_.target(target);
    tunnel_.set(http::field::host, target);
    if (!call_.proxy->authorization.empty())
      tunnel_.set(http::field::proxy_authorization, call_.proxy->authorization);
    await();
    http::async_write(stream_, tunnel_, [this](auto failed, std::size_t) {
      if (failed) return fail(failed);
      http::async_read(stream_, buffer_, tunnel_answer_, [this](auto not_read, std::size_t) {
        if (not_read) return fail(not_read);
        const int status = static_cast<int>(tunnel_answer_.get().result_int());
        if (status / 100 == 2) return shake_hands();
        refused_ = Error{Code::unavailable,
                         fmt::format("the proxy {}:{} answered {} instead of leading to {}",
                                     call_.proxy->host, call_.proxy->port, status, call_.address.origin()),
                         "proxy_refused"};
      });
    });
  }

  void shake_hands() {
    if (!tls_) return send_over(stream_);
    boost::system::error_code no_address;
    asio::ip::make_address(call_.address.host, no_address);
    SSL_set1_host(tls_->native_handle(), call_.address.host.c_str());
    // Addresses are not sent (RFC 6066, 3).
    if (no_address) SSL_set_tlsext_host_name(tls_->native_handle(), call_.address.host.c_str());
    await();
    tls_->async_handshake(ssl::stream_base::client, [this](auto failed) {
      if (failed) return fail(failed);
      shook_hands_ = true;
      send_over(*tls_);
    });
  }

  void send_over(auto& layer) {
    request_.method(http::verb::get);
    request_.version(11);
    request_.keep_alive(false);
    const bool by_proxy = call_.proxy && !tls_;
    request_.target(by_proxy ? call_.address.origin() + call_.address.target : call_.address.target);
    request_.set(http::field::host, authority());
    request_.set(http::field::user_agent, "medsynth/" MEDSYNTH_VERSION);
    request_.set(http::field::accept_encoding, "identity");  // offsets are those of the file
    if (by_proxy && !call_.proxy->authorization.empty())
      request_.set(http::field::proxy_authorization, call_.proxy->authorization);
    for (const auto& [name, value] : call_.fields) request_.set(name, value);
    await();
    http::async_write(layer, request_, [this, &layer](auto failed, std::size_t) {
      if (failed) return fail(failed);
      http::async_read_header(layer, buffer_, parser_, [this, &layer](auto not_read, std::size_t) {
        if (not_read) return fail(not_read);
        take_head();
        if (!refused_) read_on(layer);
      });
    });
  }

  void take_head() {
    head_.status = static_cast<int>(parser_.get().result_int());
    for (const auto& field : parser_.get())
      head_.fields.emplace(lower(std::string_view(field.name_string())), std::string(field.value()));
    if (!call_.on_head) return;
    if (const auto wanted = call_.on_head(head_); !wanted) refused_ = wanted.error();
  }

  void read_on(auto& layer) {
    if (parser_.is_done()) return;
    await();
    http::async_read_some(layer, buffer_, parser_, [this, &layer](auto not_read, std::size_t) {
      // Also what came before it broke off.
      if (call_.on_body && !parser_.get().body().empty()) {
        if (const auto taken = call_.on_body(parser_.get().body()); !taken) {
          refused_ = taken.error();
          return;
        }
      }
      parser_.get().body().clear();
      if (not_read) return fail(not_read);
      read_on(layer);
    });
  }

  Error why() {
    const std::string where = call_.proxy ? fmt::format("{} through the proxy {}:{}", call_.address.origin(),
                                                        call_.proxy->host, call_.proxy->port)
                                          : call_.address.origin();
    if (parser_.is_header_done())
      return {Code::unavailable,
              fmt::format("what {} sends broke off ({}): try again", where,
                          error_ == beast::error::timeout ? "nothing came any more" : error_.message()),
              "broke_off"};
    if (error_ == beast::error::timeout)
      return {Code::timeout,
              fmt::format("{} did not answer within {} s", where,
                          std::chrono::duration<double>(call_.silence).count()),
              "no_answer"};
    const long verdict =
        tls_ && connected_ && !shook_hands_ ? SSL_get_verify_result(tls_->native_handle()) : X509_V_OK;
    if (verdict != X509_V_OK)
      return {Code::unavailable,
              fmt::format(
                  "the certificate of {} is not trusted ({}): SSL_CERT_FILE may name a file of authorities",
                  where, X509_verify_cert_error_string(verdict)),
              "not_trusted"};
    return {Code::unavailable, fmt::format("{} does not answer ({})", where, error_.message()), "no_answer"};
  }

  const Get& call_;
  asio::io_context io_{1};
  asio::ip::tcp::resolver resolver_;
  beast::tcp_stream stream_;
  std::optional<ssl::context> context_;
  std::optional<ssl::stream<beast::tcp_stream&>> tls_;
  beast::flat_buffer buffer_;
  http::request<http::empty_body> tunnel_, request_;
  http::response_parser<http::empty_body> tunnel_answer_;
  http::response_parser<http::string_body> parser_;
  Head head_;
  boost::system::error_code error_;
  std::optional<Error> refused_;
  bool connected_ = false;
  bool shook_hands_ = false;
};

}  // namespace

std::string_view Head::field(std::string_view name) const {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

Result<Head> get(const Get& call) {
  return Exchange(call).run();
}

}  // namespace medsynth::hub

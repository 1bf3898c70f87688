#include "medsynth/api/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <new>

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <climits>

namespace medsynth::api {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// OpenSSL's own BIO of a socket writes with write(), which raises SIGPIPE where the client is gone.
int descriptor_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

int finished(BIO* bio, ssize_t done, int retry) {
  BIO_clear_retry_flags(bio);
  if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_flags(bio, retry);
  return static_cast<int>(done);
}

int read_bio(BIO* bio, char* into, int size) {
  const ssize_t got = ::recv(descriptor_of(bio), into, static_cast<std::size_t>(size), 0);
  return finished(bio, got, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY);
}

int write_bio(BIO* bio, const char* from, int size) {
  const ssize_t sent = ::send(descriptor_of(bio), from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  return finished(bio, sent, BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY);
}

long control_bio(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "medsynth socket");
    if (!made) throw std::bad_alloc();
    BIO_meth_set_read(made, read_bio);
    BIO_meth_set_write(made, write_bio);
    BIO_meth_set_ctrl(made, control_bio);
    return made;
  }();
  return method;
}

}  // namespace

TlsStream::TlsStream(Socket& socket, asio::ssl::context& context)
    : socket_(socket), ssl_(SSL_new(context.native_handle())) {
  BIO* const bio = ssl_ ? BIO_new(socket_method()) : nullptr;
  if (!bio) throw std::bad_alloc();
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket.native_handle())));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_accept_state(ssl_.get());
}

TlsStream::~TlsStream() = default;

template <class Operation>
asio::awaitable<std::size_t> TlsStream::perform(Operation operation, error_code& error) {
  const auto token = asio::redirect_error(asio::use_awaitable, error);
  error.clear();
  while (!error) {
    ERR_clear_error();
    errno = 0;
    const int done = operation(ssl_.get());
    if (done > 0) co_return static_cast<std::size_t>(done);
    const int broken = errno;
    switch (SSL_get_error(ssl_.get(), done)) {
      case SSL_ERROR_WANT_READ:
        co_await socket_.async_wait(Socket::wait_read, token);
        break;
      case SSL_ERROR_WANT_WRITE:
        co_await socket_.async_wait(Socket::wait_write, token);
        break;
      case SSL_ERROR_ZERO_RETURN:
        error = asio::error::eof;
        break;
      case SSL_ERROR_SYSCALL:
        if (broken != 0)
          error = error_code(broken, asio::error::get_system_category());
        else
          error = asio::error::connection_reset;
        break;
      default:
        error = error_code(static_cast<int>(ERR_get_error()), asio::error::get_ssl_category());
        if (!error) error = asio::error::connection_reset;
    }
  }
  co_return 0;
}

asio::awaitable<void> TlsStream::handshake(error_code& error) {
  co_await perform([](SSL* ssl) { return SSL_do_handshake(ssl); }, error);
}

asio::awaitable<std::size_t> TlsStream::read_some(asio::mutable_buffer into, error_code& error) {
  const int size = static_cast<int>(std::min<std::size_t>(into.size(), INT_MAX));
  co_return co_await perform([&](SSL* ssl) { return SSL_read(ssl, into.data(), size); }, error);
}

asio::awaitable<std::size_t> TlsStream::write(asio::const_buffer from, error_code& error) {
  const std::size_t all = from.size();
  error.clear();
  while (from.size() > 0 && !error) {
    const int size = static_cast<int>(std::min<std::size_t>(from.size(), INT_MAX));
    from += co_await perform([&](SSL* ssl) { return SSL_write(ssl, from.data(), size); }, error);
  }
  co_return all - from.size();
}

// Not for the client's own word that it sends nothing more.
asio::awaitable<void> TlsStream::shutdown(error_code& error) {
  co_await perform([](SSL* ssl) { return SSL_shutdown(ssl) < 0 ? -1 : 1; }, error);
}

const X509* TlsStream::peer_certificate() const {
  return SSL_get0_peer_certificate(ssl_.get());
}

}  // namespace medsynth::api

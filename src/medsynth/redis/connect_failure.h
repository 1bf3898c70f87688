// Why a connection did not come about, in the words of those who know: OpenSSL about certificates,
// Boost.Redis about sentinels. An error code alone says neither which sentinel nor what is wrong with a
// certificate. Used on the connection's event loop alone.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/ssl/context.hpp>
#include <boost/redis/logger.hpp>
#include <boost/system/error_code.hpp>

namespace medsynth::redis {

class ConnectFailure {
 public:
  // For the connection: hears what it says of its sentinels.
  boost::redis::logger listener() const;
  // Checks certificates for `name`, and remembers what is wrong with one.
  void check_certificates(boost::asio::ssl::context& context, const std::string& name) const;

  void clear();
  // What `error`, which ended the attempt, means. `master`: what sentinels were asked for.
  std::string describe(boost::system::error_code error, std::string_view master) const;

 private:
  struct Heard {
    std::string certificate;  // what is wrong with it
    std::string sentinels;    // one line per sentinel
  };
  std::shared_ptr<Heard> heard_ = std::make_shared<Heard>();
};

}  // namespace medsynth::redis

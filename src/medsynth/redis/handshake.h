// How a connection begins: TLS, who we are, and what Boost.Redis is told. Internal to session.cc.
#pragma once

#include <string>

#include <boost/asio/ssl/context.hpp>
#include <boost/redis/config.hpp>
#include <boost/redis/request.hpp>

#include "medsynth/redis/client.h"
#include "medsynth/redis/connect_failure.h"

namespace medsynth::redis {

// `url` outlives the context; `why` learns what is wrong with a certificate.
boost::asio::ssl::context tls_context(const Url& url, const ConnectFailure& why);

// HELLO with whom we are to this server. Nobody in particular: the server's default user without a password.
void hello(boost::redis::request& request, const std::string& user, const std::string& password,
           const std::string& name);

// To `url`, without the greeting, which the session sends itself to see what is answered.
boost::redis::config connection_config(const ClientOptions& options, const Url& url);

}  // namespace medsynth::redis

#include "medsynth/redis/url.h"

#include <arpa/inet.h>

#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/percent.h"
#include "medsynth/base/text.h"

namespace medsynth::redis {
namespace {

constexpr std::string_view kShape =
    "write redis://[user[:password]@]host[:port][/database], rediss://..., unix:///path?db=n or "
    "redis+sentinel://host[:port],host[:port].../master[/database]";

// Nothing of the address is quoted: what is malformed may be part of a password.
Error wrong(std::string detail) {
  return invalid("REDIS_URL", std::move(detail));
}

// What stands before and after the first (or last) `mark`; without one, everything is before.
struct Halves {
  std::string_view before;
  std::optional<std::string_view> after;
};
Halves halves(std::string_view text, std::size_t mark) {
  if (mark == text.npos) return {text, std::nullopt};
  return {text.substr(0, mark), text.substr(mark + 1)};
}

Result<std::string> percent_decoded(std::string_view text, std::string_view part) {
  if (auto decoded = percent_decode(text)) return std::move(*decoded);
  return wrong(fmt::format(
      "the {} has a '%' that is not followed by two hexadecimal digits; write %25 for '%'", part));
}

std::optional<int> number(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = !text.empty() && error == std::errc() && end == text.data() + text.size();
  return whole && value >= 0 && value <= most ? std::optional(value) : std::nullopt;
}

Result<int> database(std::string_view text) {
  // Redis has 16 unless configured otherwise; the bound only keeps out what cannot be one.
  if (const auto value = number(text, 1'000'000)) return *value;
  return wrong("the database (after the last '/', or db=) must be a whole number from 0");
}

Result<> read_credentials(std::string_view text, Url& url) {
  const auto [user, password] = halves(text, text.find(':'));
  BOOST_OUTCOME_TRY(url.user, percent_decoded(user, "user"));
  BOOST_OUTCOME_TRY(url.password, percent_decoded(password.value_or(""), "password"));
  return success();
}

Result<> read_address(std::string_view text, std::string& to_host, std::string& to_port) {
  std::string_view rest = text;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    in6_addr address;
    if (end == text.npos) return wrong("the host begins with '[' but has no ']'");
    to_host = text.substr(1, end - 1);
    if (::inet_pton(AF_INET6, to_host.c_str(), &address) != 1)
      return wrong("what stands between '[' and ']' is no IPv6 address");
    rest = text.substr(end + 1);
    if (!rest.empty() && rest[0] != ':') return wrong("only ':' and the port may follow ']'");
  }
  const auto [host, port] = halves(rest, rest.find(':'));
  if (!host.empty()) to_host = host;
  if (!port || port->empty()) return success();
  const auto value = number(*port, 65535);
  if (!value || *value == 0)
    return wrong(
        "the port (what follows the host's ':') must be a number from 1 to 65535; a password stands before "
        "an "
        "'@'");
  to_port = std::to_string(*value);
  return success();
}

// host[:port],host[:port]... and master[/database]
Result<> read_sentinels(std::string_view text, std::string_view path, Url& url) {
  for (std::optional<std::string_view> rest = text; rest;) {
    const auto [first, others] = halves(*rest, rest->find(','));
    Address address{.host = "", .port = "26379"};
    BOOST_OUTCOME_TRY(read_address(first, address.host, address.port));
    if (address.host.empty()) return wrong("a sentinel has no host: write host[:port],host[:port]");
    url.sentinels.push_back(std::move(address));
    rest = others;
  }
  const auto [master, number] = halves(path, path.find('/'));
  BOOST_OUTCOME_TRY(url.master, percent_decoded(master, "master's name"));
  if (url.master.empty())
    return wrong(
        "after the sentinels comes the name of what they watch: redis+sentinel://host:26379/mymaster");
  if (!number.value_or("").empty()) {
    BOOST_OUTCOME_TRY(url.database, database(*number));
  }
  return success();
}

Result<> read_options(std::string_view text, Url& url) {
  while (!text.empty()) {
    const auto [option, rest] = halves(text, text.find('&'));
    const auto [name, value] = halves(option, option.find('='));
    if (name == "db") {
      BOOST_OUTCOME_TRY(url.database, database(value.value_or("")));
    } else if (url.tls && name == "ssl_ca_certs") {
      BOOST_OUTCOME_TRY(url.ca_file, percent_decoded(value.value_or(""), "ssl_ca_certs"));
    } else if (url.tls && name == "sni") {
      BOOST_OUTCOME_TRY(url.sni, percent_decoded(value.value_or(""), "sni"));
    } else if (!url.sentinels.empty() && name == "sentinel_user") {
      BOOST_OUTCOME_TRY(url.sentinel_user, percent_decoded(value.value_or(""), "sentinel_user"));
    } else if (!url.sentinels.empty() && name == "sentinel_password") {
      BOOST_OUTCOME_TRY(url.sentinel_password, percent_decoded(value.value_or(""), "sentinel_password"));
    } else {
      return wrong(
          "an option (after '?') is not known; 'db' is, with rediss:// 'ssl_ca_certs' and 'sni', with "
          "sentinels 'sentinel_user' and 'sentinel_password'");
    }
    text = rest.value_or("");
  }
  return success();
}

std::string shown_address(std::string_view host, std::string_view port) {
  const bool v6 = host.find(':') != host.npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

}  // namespace

bool Url::is_loopback() const {
  if (!unix_path.empty()) return true;
  if (!sentinels.empty()) return false;
  in_addr v4;
  in6_addr v6;
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return host == "localhost";
}

std::string Url::shown() const {
  // A user without a password may be a password that somebody wrote without its ':'.
  const bool anonymous = user.empty() && password.empty();
  const std::string who =
      anonymous ? "" : masked(fmt::format("//{}{}@", user, password.empty() ? "" : ":x")).substr(2);
  if (!unix_path.empty()) return fmt::format("unix://{}{}?db={}", who, unix_path, database);
  const std::string_view scheme = tls ? "rediss" : "redis";
  if (!sentinels.empty()) {
    std::string where;
    for (const Address& each : sentinels)
      where += fmt::format("{}{}", where.empty() ? "" : ",", shown_address(each.host, each.port));
    return fmt::format("{}+sentinel://{}{}/{}/{}", scheme, who, where, master, database);
  }
  return fmt::format("{}://{}{}/{}", scheme, who, shown_address(host, port), database);
}

Result<Url> parse_url(std::string_view text) {
  Url url;
  const std::size_t mark = text.find("://");
  std::string_view scheme = text.substr(0, mark == text.npos ? 0 : mark);
  const bool by_sentinel = scheme.ends_with("+sentinel");
  if (by_sentinel) scheme.remove_suffix(std::string_view("+sentinel").size());
  if (scheme != "redis" && scheme != "rediss" && scheme != "unix")
    return wrong(fmt::format("must begin with redis://, rediss:// or unix://; {}", kShape));
  if (by_sentinel && scheme == "unix")
    return wrong("unix+sentinel:// is not known; sentinels have addresses");
  url.tls = scheme == "rediss";
  if (text.find('#') != text.npos)
    return wrong("must not contain '#'; write %23 where the user or password has one");

  std::string_view rest = text.substr(mark + 3);
  const auto [address, options] = halves(rest, rest.find('?'));
  const std::size_t slash = address.find('/');
  const auto [authority, path] = halves(address, slash);
  // Else a part of the password would be taken for a port or a database.
  if (scheme != "unix" && rest.find('@', authority.size() + 1) != rest.npos)
    return wrong("'/' and '?' in the user or password must be written %2F and %3F");
  const std::size_t at = authority.rfind('@');
  if (at != authority.npos) {
    BOOST_OUTCOME_TRY(read_credentials(authority.substr(0, at), url));
  }
  const std::string_view where = at == authority.npos ? authority : authority.substr(at + 1);

  if (scheme == "unix") {
    if (!where.empty() || path.value_or("").empty())
      return wrong("the socket's path must be absolute: unix:///run/redis.sock");
    BOOST_OUTCOME_TRY(url.unix_path, percent_decoded(address.substr(slash), "path"));
  } else if (by_sentinel) {
    BOOST_OUTCOME_TRY(read_sentinels(where, path.value_or(""), url));
  } else {
    BOOST_OUTCOME_TRY(read_address(where, url.host, url.port));
    if (!path.value_or("").empty()) {
      BOOST_OUTCOME_TRY(url.database, database(*path));
    }
  }
  BOOST_OUTCOME_TRY(read_options(options.value_or(""), url));
  if (by_sentinel && url.tls && url.sni.empty())
    return wrong(
        "rediss+sentinel:// needs sni=NAME, the name in the certificates: the master's address is not known");
  return url;
}

}  // namespace medsynth::redis

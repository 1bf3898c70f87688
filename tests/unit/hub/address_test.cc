#include "medsynth/hub/address.h"

#include <map>

#include <gtest/gtest.h>

#include "medsynth/base/percent.h"

namespace medsynth::hub {
namespace {

Environment with(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

// What an address is made of, and what it is not.
TEST(Address, IsRead) {
  const auto address = parse_address("https://Hub.example.org/a/b?c=1#d");
  ASSERT_TRUE(address);
  EXPECT_TRUE(address->tls);
  EXPECT_EQ(address->host, "hub.example.org");
  EXPECT_EQ(address->port, "443");
  EXPECT_EQ(address->target, "/a/b?c=1");
  EXPECT_EQ(address->origin(), "https://hub.example.org");
  EXPECT_EQ(address->text(), "https://hub.example.org/a/b") << "a query may be a signature";
  EXPECT_EQ(parse_address("http://[::1]:8080")->origin(), "http://[::1]:8080");
  EXPECT_EQ(parse_address("http://host?q")->target, "/?q");
}

TEST(Address, ThatIsNoneIsNotQuoted) {
  for (const char* wrong :
       {"", "host/file", "ftp://host/file", "https://", "https://host:0/", "https://host:99999/",
        "https://ho st/", "https://host/\r\nX: y", "https://me:secret@host/"}) {
    const auto address = parse_address(wrong);
    ASSERT_FALSE(address) << wrong;
    EXPECT_EQ(address.error().code, Code::invalid_argument);
    EXPECT_EQ(address.error().message.find("secret"), std::string::npos);
  }
}

// Redirects: to another host, to a path; never from https to http.
TEST(Address, IsFollowed) {
  const Address from = *parse_address("https://hub/a/b");
  EXPECT_EQ(redirected(from, "https://cdn/x?s=1")->target, "/x?s=1");
  EXPECT_EQ(redirected(from, "/c")->text(), "https://hub/c");
  EXPECT_EQ(redirected(from, "//cdn/x")->text(), "https://cdn/x");
  EXPECT_EQ(redirected(from, "http://cdn/x").error().reason, "not_encrypted");
  for (const char* wrong : {"", "b", "ftp://x/", "/a b"}) EXPECT_FALSE(redirected(from, wrong)) << wrong;
}

struct ProxyCase {
  std::map<std::string, std::string> variables;
  std::string url;
  std::string expected;  // "host:port authorization", "" for none
};

// As curl and pip take them.
TEST(Proxy, IsThatOfTheEnvironment) {
  const std::vector<ProxyCase> cases{
      {{}, "https://hub/", ""},
      {{{"https_proxy", "http://proxy:3128"}}, "https://hub/", "proxy:3128 "},
      {{{"HTTPS_PROXY", "proxy:3128/"}}, "https://hub/", "proxy:3128 "},
      {{{"https_proxy", "http://proxy:3128"}}, "http://hub/", ""},
      {{{"http_proxy", "http://proxy"}}, "http://hub/", "proxy:80 "},
      {{{"ALL_PROXY", "http://proxy:1"}}, "https://hub/", "proxy:1 "},
      {{{"https_proxy", "http://me:p%40ss@proxy:1"}}, "https://hub/", "proxy:1 Basic bWU6cEBzcw=="},
      {{{"https_proxy", "http://proxy:1"}, {"no_proxy", "other, hub"}}, "https://hub/", ""},
      {{{"https_proxy", "http://proxy:1"}, {"NO_PROXY", ".example.org"}}, "https://a.example.org/", ""},
      {{{"https_proxy", "http://proxy:1"}, {"no_proxy", "example.org"}},
       "https://badexample.org/",
       "proxy:1 "},
      {{{"https_proxy", "http://proxy:1"}, {"no_proxy", "*"}}, "https://hub/", ""},
  };
  for (const ProxyCase& each : cases) {
    const auto proxy = proxy_for(*parse_address(each.url), with(each.variables));
    ASSERT_TRUE(proxy);
    EXPECT_EQ(*proxy ? (*proxy)->host + ":" + (*proxy)->port + " " + (*proxy)->authorization : "",
              each.expected)
        << each.url << " expects " << each.expected;
  }
}

TEST(Proxy, OfAnotherKindIsNamedAndNotShown) {
  for (const char* wrong : {"socks5://me:secret@proxy:1", "https://me:secret@proxy:1", "http://"}) {
    const auto proxy = proxy_for(*parse_address("https://hub/"), with({{"https_proxy", wrong}}));
    ASSERT_FALSE(proxy) << wrong;
    EXPECT_NE(proxy.error().message.find("HTTP proxy"), std::string::npos);
    EXPECT_EQ(proxy.error().message.find("secret"), std::string::npos);
  }
}

TEST(EncodedPath, KeepsItsSlashes) {
  EXPECT_EQ(percent_encode("a/b c%?.gguf", "/"), "a/b%20c%25%3F.gguf");
}

}  // namespace
}  // namespace medsynth::hub

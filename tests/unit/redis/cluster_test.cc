#include "medsynth/redis/cluster.h"

#include <gtest/gtest.h>

namespace medsynth::redis {
namespace {

Result<> checked(std::string info, std::vector<std::string> prefixes) {
  Reply reply;
  reply.kind = Reply::Kind::text;
  reply.text = std::move(info);
  const auto step = check_prefixes(std::move(prefixes), "A and B").decode({reply});
  if (!step) return step.error();
  return success();
}

TEST(Cluster, HashTags) {
  EXPECT_EQ(hash_tag("{a}:b"), "a");
  EXPECT_EQ(hash_tag("x{a}{b}"), "a");
  EXPECT_EQ(hash_tag("{}a"), "");
  EXPECT_EQ(hash_tag("a"), "");
  EXPECT_EQ(hash_tag("{a"), "");
}

// On a cluster our keys must lie together; elsewhere names are free.
TEST(Cluster, PrefixesCarryOneTag) {
  EXPECT_TRUE(checked("# Cluster\r\ncluster_enabled:0\r\n", {"dramatiq", "task:"}));
  const std::string cluster = "# Cluster\r\ncluster_enabled:1\r\n";
  EXPECT_TRUE(checked(cluster, {"{m}", "{m}:task:"}));
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"dramatiq", "task:"}, {"{m}", "task:"}, {"{m}", "{n}:task:"}}) {
    const auto refused = checked(cluster, wrong);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("A and B"), std::string::npos);
  }
}

}  // namespace
}  // namespace medsynth::redis

#include "medsynth/base/settings.h"

#include <gtest/gtest.h>

#include "medsynth/base/described.h"
#include "medsynth/base/paths.h"
#include "medsynth/base/text.h"

namespace medsynth {
namespace {

Environment environment(std::map<std::string, std::string> words) {
  return [words = std::move(words)](const std::string& name) -> std::optional<std::string> {
    const auto found = words.find(name);
    return found == words.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(Settings, TableAndMembersAreTheSameInTheSameOrder) {
  const auto members = described::member_names<Settings>();
  ASSERT_EQ(members.size(), settings_table().size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    std::string name(members[i]);
    if (name.ends_with('_')) name.pop_back();
    EXPECT_EQ(name, settings_table()[i].name);
  }
}

TEST(Settings, DefaultsAreThoseOfTheSourceDocument) {
  const auto loaded = load_settings({}, environment({}), "");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->settings.redis_url, "redis://localhost:6379/0");
  EXPECT_EQ(loaded->settings.max_cpu_percent, 80.0);
  EXPECT_EQ(loaded->settings.max_concurrent_tasks, 5);
  EXPECT_EQ(loaded->origins.at("redis_url"), Origin::fallback);
}

TEST(Settings, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  const auto loaded =
      load_settings({{"workers", "3"}}, environment({{"MEDSYNTH_WORKERS", "2"}, {"MAX_CPU_PERCENT", "50"}}),
                    "workers = 4\nmax_cpu_percent = 60.5\nlog_level = 'debug'\n");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->settings.workers, 3);
  EXPECT_EQ(loaded->settings.max_cpu_percent, 50);
  EXPECT_EQ(loaded->settings.log_level, "debug");
  EXPECT_EQ(loaded->origins.at("workers"), Origin::flag);
  EXPECT_EQ(loaded->origins.at("max_cpu_percent"), Origin::environment);
  EXPECT_EQ(loaded->origins.at("log_level"), Origin::file);
}

TEST(Settings, WrongValuesAreAllNamedWithTheirPlaceAndRange) {
  const auto loaded = load_settings({{"redis", "maybe"}},
                                    environment({{"MAX_CPU_PERCENT", "180"}, {"MAX_CONCURRENT_TASKS", "x"}}),
                                    "redis_ulr = 'redis://'\n");
  ASSERT_FALSE(loaded);
  const std::string& message = loaded.error().message;
  for (const char* part :
       {"--redis: must be one of auto|managed|external", "MAX_CPU_PERCENT: must be between 0 and 100",
        "MAX_CONCURRENT_TASKS: must be a whole number", "did you mean 'redis_url'"})
    EXPECT_NE(message.find(part), std::string::npos) << message;
}

// Server and worker must mean the same queues, however the list was typed.
TEST(Settings, QueuesAreSplitAtCommasWithoutSpaces) {
  Settings settings;
  EXPECT_EQ(queue_names(settings), std::vector<std::string>{"medsynth"});
  settings.queues = " a, b ,,c.d ";
  EXPECT_EQ(queue_names(settings), (std::vector<std::string>{"a", "b", "c.d"}));
}

TEST(Settings, PasswordsAreNeverShown) {
  EXPECT_EQ(masked("redis://user:secret@host:6379/0"), "redis://user:***@host:6379/0");
  EXPECT_EQ(masked("redis://:p@ss@host/0"), "redis://:***@host/0");
  EXPECT_EQ(masked("redis://host:6379/0"), "redis://host:6379/0");
  EXPECT_EQ(masked("redis+sentinel://:a@one/m?sentinel_password=b&sentinel_user=eve"),
            "redis+sentinel://:***@one/m?sentinel_password=***&sentinel_user=eve");
}

}  // namespace
}  // namespace medsynth

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

// A misspelt variable has no effect, which nobody would see: each is named, with what was probably meant.
TEST(Settings, UnknownVariablesAreNamedWithWhatWasMeant) {
  const auto warning_of = [](const std::string& name) {
    const auto all = unknown_variables({"PATH", name, "HOME"});
    return all.empty() ? "" : all.size() == 1 ? all[0] : "several";
  };
  const std::map<std::string, std::string> meant{{"MEDSYNTH_WORKER", "MEDSYNTH_WORKERS"},
                                                 {"MAX_CONCURENT_TASKS", "MAX_CONCURRENT_TASKS"},
                                                 {"medsynth_workers", "MEDSYNTH_WORKERS"},
                                                 {"MEDSYTNH_LISTEN", "MEDSYNTH_LISTEN"},
                                                 {"MEDSYNTH_MAX_CPU_PERCENT", "MAX_CPU_PERCENT"},
                                                 {"MEDSYNTH_REDIS_URL", "REDIS_URL"},
                                                 {"REDIS_URI", "REDIS_URL"},
                                                 {"TASK_STORAGE_TLL", "TASK_STORAGE_TTL"},
                                                 {"MEDSYNTH_RESULTKEYS", "MEDSYNTH_RESULT_KEYS"}};
  for (const auto& [name, variable] : meant) {
    EXPECT_TRUE(warning_of(name).starts_with(name + " is not a variable of Medsynth")) << warning_of(name);
    EXPECT_TRUE(warning_of(name).ends_with("(did you mean '" + variable + "'?)")) << warning_of(name);
  }
  EXPECT_NE(warning_of("MEDSYNTH_COLOUR_SCHEME").find("no effect; docs/settings.md"), std::string::npos);
  EXPECT_EQ(warning_of("MEDSYNTH_A\nB").find('\n'), std::string::npos);
}

// Known names, other programs', and what Kubernetes makes of a service called medsynth.
TEST(Settings, OtherVariablesAreNotOurs) {
  std::vector<std::string> names{"PATH",
                                 "MODEL_CACHE_DIR",
                                 "REDIS_HOST",
                                 "REDIS_PORT",
                                 "MAX_JOBS",
                                 "URL",
                                 "QUEUES",
                                 "LISTEN_FDS",
                                 "TASK_ID",
                                 "MEDSYNTH_SERVICE_HOST",
                                 "MEDSYNTH_PORT",
                                 "MEDSYNTH_PORT_8000_TCP_ADDR",
                                 ""};
  for (const Setting& setting : settings_table()) names.emplace_back(setting.environment);
  EXPECT_EQ(unknown_variables(names), std::vector<std::string>{});
}

// A relative folder of the environment would be another one in each current folder; without HOME the password
// database knows the home folder. Nothing is ever kept in "/.local/share" for want of a HOME.
TEST(Paths, RelativeFoldersOfTheEnvironmentAreIgnored) {
  const Settings settings;
  const auto data = [&](std::map<std::string, std::string> words) {
    return data_dir(settings, environment(std::move(words)));
  };
  EXPECT_EQ(data({{"XDG_DATA_HOME", "/x"}, {"HOME", "/home/eve"}}), "/x/medsynth");
  EXPECT_EQ(data({{"XDG_DATA_HOME", "x"}, {"HOME", "/home/eve"}}), "/home/eve/.local/share/medsynth");
  EXPECT_EQ(data({{"XDG_DATA_HOME", ""}, {"HOME", "/home/eve"}}), "/home/eve/.local/share/medsynth");
  EXPECT_EQ(settings_file(environment({{"XDG_CONFIG_HOME", "./c"}, {"HOME", "/home/eve"}})),
            "/home/eve/.config/medsynth/medsynth.toml");
  for (const char* home : {"", "eve", "./"}) {
    const auto folder = data({{"HOME", home}});
    EXPECT_EQ(folder, data({}));
    EXPECT_NE(folder, "/.local/share/medsynth");
    EXPECT_TRUE(folder.empty() || folder.is_absolute()) << folder;
    EXPECT_EQ(check_data_dir(settings, environment({})).has_value(), !folder.empty());
  }
}

}  // namespace
}  // namespace medsynth

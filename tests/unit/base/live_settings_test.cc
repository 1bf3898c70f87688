#include "medsynth/base/live_settings.h"

#include <gtest/gtest.h>

namespace medsynth {
namespace {

using Names = std::vector<std::string>;

TEST(LiveSettingsTest, WhatIsReadAgainCountsOrWaits) {
  Settings read;
  EXPECT_EQ(changes(Settings{}, read).live, Names{});
  read.max_concurrent_tasks = 9;
  read.max_cpu_percent = 50;
  read.workers = 2;
  read.namespace_ = "other";
  const SettingChanges found = changes(Settings{}, read);
  EXPECT_EQ(found.live, (Names{"max_cpu_percent", "max_concurrent_tasks"}));
  EXPECT_EQ(found.on_restart, (Names{"workers", "namespace"}));
}

TEST(LiveSettingsTest, LiveOnesAreTakenAndTheOthersStay) {
  LoadedSettings file;
  LiveSettings live(Settings{}, [&]() -> Result<LoadedSettings> { return file; });
  EXPECT_EQ(live.read_again(), nullptr) << "nothing differs";
  file.settings.workers = 2;
  EXPECT_EQ(live.read_again(), nullptr) << "nothing that counts at once";
  file.settings.max_concurrent_tasks = 9;
  const Settings* now = live.read_again();
  ASSERT_NE(now, nullptr);
  EXPECT_EQ(now->max_concurrent_tasks, 9);
  EXPECT_EQ(now->workers, 1);
  EXPECT_EQ(live.read_again(), nullptr) << "it is so already";
}

TEST(LiveSettingsTest, WrongOnesChangeNothing) {
  bool wrong = true;
  LiveSettings live(Settings{}, [&]() -> Result<LoadedSettings> {
    LoadedSettings file;
    file.settings.max_concurrent_tasks = 9;
    if (wrong) return invalid("/max_concurrent_tasks", "must be a whole number");
    return file;
  });
  EXPECT_EQ(live.read_again(), nullptr);
  wrong = false;
  ASSERT_NE(live.read_again(), nullptr);
  EXPECT_EQ(LiveSettings(Settings{}, {}).read_again(), nullptr) << "there is nothing to read";
}

}  // namespace
}  // namespace medsynth

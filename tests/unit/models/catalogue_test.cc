#include "medsynth/models/catalogue.h"

#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "medsynth/base/id.h"

namespace medsynth::models {
namespace {

namespace fs = std::filesystem;

struct CatalogueTest : testing::Test {
  fs::path folder = fs::canonical(testing::TempDir()) / new_uuid();
  CatalogueTest() { fs::create_directories(folder); }
  ~CatalogueTest() override { fs::remove_all(folder); }
  Catalogue read(const std::string& text) const {
    std::ofstream(folder / "models.toml") << text;
    return *Catalogue::read(folder);
  }
  Error error(const std::string& text) const {
    std::ofstream(folder / "models.toml") << text;
    const auto catalogue = Catalogue::read(folder);
    return catalogue ? Error{Code::internal, "no error", ""} : catalogue.error();
  }
};

constexpr auto kDemo = R"(
[models.small]
file = "small.gguf"
context = 2048
demo = true
[models.sentences]
file = "sentences.gguf"
kind = "sentence"
)";

// Where its layers may lie: prefer unless the entry says otherwise, and only in the words there are.
TEST_F(CatalogueTest, SaysWhereLayersMayLie) {
  const auto catalogue = read("[models.a]\nfile = 'a'\ngpu = 'require'\n[models.b]\nfile = 'b'\n");
  EXPECT_EQ(catalogue.find("a")->gpu, Gpu::require);
  EXPECT_EQ(catalogue.find("b")->gpu, Gpu::prefer);
  for (const char* wrong : {"'always'", "''", "true", "1"}) {
    const Error refused = error(fmt::format("[models.a]\nfile = 'a'\ngpu = {}\n", wrong));
    EXPECT_EQ(refused.message, "models.toml: /models/a/gpu: must be one of prefer, require, never") << wrong;
  }
  auto written = read("");
  ASSERT_TRUE(written.put({.name = "c", .file = "c", .gpu = Gpu::never}));
  EXPECT_EQ(Catalogue::read(folder)->find("c")->gpu, Gpu::never);
}

// No models.toml: an empty catalogue, and resolving says how to get a model.
TEST_F(CatalogueTest, MissingFileIsEmpty) {
  const auto catalogue = Catalogue::read(folder);
  ASSERT_TRUE(catalogue);
  EXPECT_TRUE(catalogue->models().empty());
  const auto resolved = catalogue->resolve("", "language");
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().code, Code::not_found);
  EXPECT_NE(resolved.error().message.find("medsynth models pull"), std::string::npos);
}

// An entry: its fields are read, the others have their defaults.
TEST_F(CatalogueTest, ReadsEntries) {
  const Catalogue catalogue = read(kDemo);
  const ModelFile* small = catalogue.find("small");
  ASSERT_NE(small, nullptr);
  EXPECT_EQ(small->context, 2048);
  EXPECT_TRUE(small->demo);
  EXPECT_EQ(small->kind, "language");
  EXPECT_EQ(small->parallel, 1);
}

// The default is wanted and not installed: the demo model of that kind answers, and it is said. A sentence
// model that is no demo does not stand in.
TEST_F(CatalogueTest, DemoStandsInForTheDefault) {
  const Catalogue catalogue = read(kDemo);
  const auto resolved = catalogue.resolve("", "language");
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->model.name, "small");
  EXPECT_TRUE(resolved->substituted);
  EXPECT_EQ(resolved->path, folder / "small.gguf");
  EXPECT_EQ(catalogue.resolve("", "sentence").error().code, Code::not_found);
}

// The default is installed: it answers itself.
TEST_F(CatalogueTest, DefaultAnswersWhenInstalled) {
  const Catalogue catalogue = read(std::string(kDemo) + "[models.biomedlm]\nfile = \"b.gguf\"\n");
  const auto resolved = catalogue.resolve("", "language");
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->model.name, "biomedlm");
  EXPECT_FALSE(resolved->substituted);
}

// Nobody stands in for what was asked for by name; but any model may be asked to embed, whatever its kind.
TEST_F(CatalogueTest, NamedModelsAreNotSubstituted) {
  const Catalogue catalogue = read(kDemo);
  EXPECT_EQ(catalogue.resolve("nothing", "language").error().code, Code::not_found);
  EXPECT_EQ(catalogue.resolve("small", "sentence")->model.name, "small");
}

// A default must be of its kind.
TEST_F(CatalogueTest, ADefaultOfTheOtherKindIsRefused) {
  const Catalogue catalogue = read("[models.biomedlm]\nfile = \"demo.gguf\"\nkind = \"sentence\"\n");
  EXPECT_EQ(catalogue.resolve("", "language").error().reason, "wrong_kind");
}

// Wrong entries: the error names entry and field.
TEST_F(CatalogueTest, ErrorsNameTheField) {
  const auto pointer = [&](const std::string& text) { return error(text).faults.at(0).pointer; };
  EXPECT_EQ(pointer("[models.a]\nfile = 1"), "/models/a/file");
  EXPECT_EQ(pointer("[models.a]\ncontext = 1"), "/models/a/file");
  EXPECT_EQ(pointer("[models.a]\nfile = \"a\"\ncontext = \"x\""), "/models/a/context");
  EXPECT_EQ(pointer("[models.a]\nfile = \"a\"\nkind = \"poem\""), "/models/a/kind");
  EXPECT_EQ(pointer("[models.a]\nfile = \"a\"\nsha256 = \"12\""), "/models/a/sha256");
  EXPECT_EQ(pointer("[models.a]\nfile = \"a\"\nmemory_mb = -1"), "/models/a/memory_mb");
  EXPECT_EQ(pointer("[models.a]\nfile = \"a\"\nparallel = 0"), "/models/a/parallel");
  EXPECT_EQ(pointer("[models.a]\nfile = \"a\"\ncontxt = 1"), "/models/a/contxt");
  EXPECT_EQ(pointer("[models.\"a/b\"]\nfile = \"a\""), "/models/a/b/name");
  EXPECT_EQ(pointer("[modles.a]\nfile = \"a\""), "/modles");
  EXPECT_EQ(pointer("models = 3"), "/models");
  EXPECT_EQ(pointer("roots = [\"relative\"]"), "/roots");
  EXPECT_NE(error("[models.a\n").message.find("line 1"), std::string::npos);
  EXPECT_NE(error("[models.a]\nfile = \"a\"\ncontxt = 1").message.find("did you mean 'context'?"),
            std::string::npos);
}

// A file outside the folder, by dots, by an absolute path or by a link: not_allowed, unless its folder is a
// root.
TEST_F(CatalogueTest, FilesStayBelowTheRoots) {
  const auto resolve = [&](const std::string& file, const std::string& top = "") {
    return read(top + "\n[models.a]\nfile = \"" + file + "\"").resolve("a", "language");
  };
  EXPECT_EQ(resolve("../outside.gguf").error().code, Code::not_allowed);
  EXPECT_EQ(resolve("sub/../../outside.gguf").error().code, Code::not_allowed);
  EXPECT_EQ(resolve("/etc/passwd").error().code, Code::not_allowed);
  EXPECT_EQ(resolve(folder.string() + "x/a.gguf").error().code, Code::not_allowed);
  EXPECT_EQ(resolve(".").error().code, Code::not_allowed);
  fs::create_symlink("/etc", folder / "link");
  EXPECT_EQ(resolve("link/passwd").error().code, Code::not_allowed);
  ASSERT_TRUE(resolve("sub/a.gguf"));
  ASSERT_TRUE(resolve((folder / "a.gguf").string()));
  ASSERT_TRUE(resolve("/etc/passwd", "roots = [\"/etc\"]"));
  EXPECT_EQ(resolve("/etc/passwd", "roots = [\"/etc\"]")->path, "/etc/passwd");
}

// put and remove: written to the file, read back the same, with the roots.
TEST_F(CatalogueTest, WritesWhatItReads) {
  Catalogue catalogue = read("roots = [\"/data\"]");
  const ModelFile model{.name = "a.b",
                        .file = "a.gguf",
                        .sha256 = std::string(64, '0'),
                        .kind = "sentence",
                        .context = 256,
                        .memory_mb = 90,
                        .parallel = 2,
                        .demo = true,
                        .notes = "with \"quotes\" and Ü"};
  ASSERT_TRUE(catalogue.put(model));
  ASSERT_TRUE(catalogue.put({.name = "c", .file = "/data/c.gguf"}));
  const auto again = Catalogue::read(folder);
  ASSERT_TRUE(again);
  const ModelFile* found = again->find("a.b");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->notes, model.notes);
  EXPECT_EQ(found->sha256, model.sha256);
  EXPECT_EQ(found->kind, "sentence");
  EXPECT_EQ(found->parallel, 2);
  EXPECT_TRUE(found->demo);
  EXPECT_TRUE(again->locate(*again->find("c")));
  ASSERT_TRUE(catalogue.remove("a.b"));
  EXPECT_EQ(Catalogue::read(folder)->find("a.b"), nullptr);
  EXPECT_EQ(catalogue.remove("a.b").error().code, Code::not_found);
  EXPECT_EQ(catalogue.put({.name = "a b", .file = "x"}).error().code, Code::invalid_argument);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 2);  // nothing half-written is left
}

// Two commands that read the same catalogue and add one model each: both are there afterwards.
TEST_F(CatalogueTest, WritersKeepEachOthersEntries) {
  auto first = *Catalogue::read(folder), second = *Catalogue::read(folder);
  ASSERT_TRUE(first.put({.name = "a", .file = "a.gguf", .keep_alive = -1, .pinned = true}));
  ASSERT_TRUE(second.put({.name = "b", .file = "b.gguf"}));
  const auto both = *Catalogue::read(folder);
  ASSERT_NE(both.find("a"), nullptr);
  ASSERT_NE(both.find("b"), nullptr);
  EXPECT_EQ(both.find("a")->keep_alive, -1);
  EXPECT_TRUE(both.find("a")->pinned);
  EXPECT_FALSE(both.find("b")->keep_alive);
  ASSERT_TRUE(first.remove("b"));
  EXPECT_EQ(Catalogue::read(folder)->models().size(), 1U);
}

// A model that was chosen answers where none is named; one that goes takes the choice with it, one that is
// renamed keeps it.
TEST_F(CatalogueTest, AChosenModelIsTheDefault) {
  Catalogue catalogue = read(std::string(kDemo) + "[models.own]\nfile = \"own.gguf\"\n");
  ASSERT_TRUE(catalogue.use("own"));
  const auto name = [&](std::string_view kind) {
    return Catalogue::read(folder)->resolve("", kind)->model.name;
  };
  EXPECT_EQ(name("language"), "own");
  EXPECT_FALSE(Catalogue::read(folder)->resolve("", "language")->substituted);
  ASSERT_TRUE(catalogue.use("sentences"));
  EXPECT_EQ(name("language"), "own");
  EXPECT_EQ(name("sentence"), "sentences");
  ASSERT_TRUE(catalogue.rename("own", "other"));
  EXPECT_EQ(name("language"), "other");
  EXPECT_EQ(catalogue.find("own"), nullptr);
  ASSERT_TRUE(catalogue.remove("other"));
  EXPECT_EQ(name("language"), "small");
}

// Names that nobody has, or somebody else: refused, and the file stays as it is.
TEST_F(CatalogueTest, NamesAreChecked) {
  Catalogue catalogue = read(kDemo);
  EXPECT_EQ(catalogue.use("nobody").error().code, Code::not_found);
  EXPECT_EQ(catalogue.rename("nobody", "x").error().code, Code::not_found);
  EXPECT_EQ(catalogue.rename("small", "sentences").error().code, Code::conflict);
  EXPECT_EQ(catalogue.rename("small", "no/name").error().code, Code::invalid_argument);
  EXPECT_NE(Catalogue::read(folder)->find("small"), nullptr);
}

// The settings' model goes before the chosen one; one that is not installed is never replaced by another.
TEST_F(CatalogueTest, TheSettingsGoFirst) {
  const std::string text =
      "language_model = \"small\"\n" + std::string(kDemo) + "[models.own]\nfile = \"own.gguf\"\n";
  EXPECT_EQ(read(text).resolve("", "language")->model.name, "small");
  EXPECT_EQ(Catalogue::read(folder, {}, "own")->resolve("", "language")->model.name, "own");
  EXPECT_EQ(Catalogue::read(folder, {}, "own")->resolve("", "sentence").error().code, Code::not_found);
  const auto missing = Catalogue::read(folder, {}, "nobody")->resolve("", "language");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::invalid_argument);
  EXPECT_NE(missing.error().message.find("MEDSYNTH_LANGUAGE_MODEL"), std::string::npos);
}

// There is no entailment model that answers unless one is chosen, in the file or the settings; a model of another kind
// never does.
TEST_F(CatalogueTest, AnEntailmentModelIsChosen) {
  const std::string text = std::string(kDemo) +
                           "[models.nli]\nfile = \"nli/model.onnx\"\nkind = \"entailment\"\n"
                           "labels = \"entailment,neutral,contradiction\"\n";
  const auto nobody = read(text).resolve("", "entailment");
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Code::not_found);
  EXPECT_NE(nobody.error().message.find("models use"), std::string::npos);
  EXPECT_EQ(read(text).resolve("nli", "entailment")->model.labels, "entailment,neutral,contradiction");
  EXPECT_EQ(Catalogue::read(folder, {}, {}, "nli")->resolve("", "entailment")->model.name, "nli");
  EXPECT_EQ(Catalogue::read(folder, {}, {}, "x")->resolve("", "entailment").error().code,
            Code::invalid_argument);
  for (const char* kind : {"language", "sentence"})
    EXPECT_EQ(read(text).resolve("nli", kind).error().reason, "wrong_kind");
  EXPECT_EQ(read("entailment_model = \"nli\"\n" + text).resolve("", "entailment")->model.name, "nli");
}

// A default that names nothing, or a model of the other kind: the catalogue says so.
TEST_F(CatalogueTest, ADefaultMustBeThere) {
  EXPECT_EQ(error("language_model = \"nobody\"\n" + std::string(kDemo)).faults.at(0).pointer,
            "/language_model");
  EXPECT_EQ(error("language_model = \"sentences\"\n" + std::string(kDemo)).faults.at(0).pointer,
            "/language_model");
  EXPECT_EQ(error("sentence_model = 7\n" + std::string(kDemo)).faults.at(0).pointer, "/sentence_model");
}

// A sentence model cannot judge: asking it by name is an error, too.
TEST_F(CatalogueTest, ASentenceModelDoesNotJudge) {
  EXPECT_EQ(read(kDemo).resolve("sentences", "language").error().reason, "wrong_kind");
}

// Where a file came from and under which terms stays with its entry.
TEST_F(CatalogueTest, KeepsLicenceAndSource) {
  auto catalogue = read("");
  ASSERT_TRUE(catalogue.put({.name = "a", .file = "a.gguf", .licence = "MIT", .source = "hf:a/b"}));
  const auto again = Catalogue::read(folder);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->find("a")->licence, "MIT");
  EXPECT_EQ(again->find("a")->source, "hf:a/b");
}

}  // namespace
}  // namespace medsynth::models

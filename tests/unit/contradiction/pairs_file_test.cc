#include "medsynth/contradiction/pairs_file.h"

#include <gtest/gtest.h>

namespace medsynth::contradiction {
namespace {

// The first fault as "where: what", or "" when it was read.
std::string fault(std::string_view text, Format format, const TrialReader& trial = {}) {
  const auto read = read_pairs(text, format, trial);
  if (read) return "";
  EXPECT_EQ(read.error().code, Code::invalid_argument);
  const Fault& first = read.error().faults.at(0);
  return first.pointer + ": " + first.detail;
}

// One object a line; empty lines, Windows line ends, a byte order mark and further members do no harm.
TEST(ReadPairs, Jsonl) {
  const auto pairs = read_pairs(
      "\xEF\xBB\xBF{\"claim1\":\"a\",\"claim2\":\"b\",\"label\":\"contradiction\",\"id\":7,"
      "\"category\":\"negation\"}\r\n\r\n"
      "{\"claim1\":\"c\",\"claim2\":\"d\",\"label\":\"no_contradiction\",\"id\":\"x\",\"source\":\"me\"}",
      Format::jsonl);
  ASSERT_TRUE(pairs);
  ASSERT_EQ(pairs->size(), 2U);
  EXPECT_EQ((*pairs)[0].claim2, "b");
  EXPECT_EQ((*pairs)[0].label, Label::contradiction);
  EXPECT_EQ((*pairs)[0].id, "7");
  EXPECT_EQ((*pairs)[0].category, "negation");
  EXPECT_EQ((*pairs)[1].label, Label::no_contradiction);
  EXPECT_EQ((*pairs)[1].id, "x");
  EXPECT_EQ((*pairs)[1].category, "");
}

// A wrong line is named with its number and field, and all wrong lines are named at once.
TEST(ReadPairs, JsonlFaults) {
  constexpr std::string_view kGood = "{\"claim1\":\"a\",\"claim2\":\"b\",\"label\":\"contradiction\"}\n";
  const std::string text = std::string(kGood) +
                           "{\"claim1\":\"a\",\"claim2\":\"b\",\"label\":\"maybe\"}\n\n" +
                           "{\"claim1\":\"\",\"label\":\"contradiction\"}\nnot json\n";
  const auto read = read_pairs(text, Format::jsonl);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().reason, "bad_pairs");
  ASSERT_EQ(read.error().faults.size(), 4U);
  EXPECT_EQ(read.error().faults[0].pointer, "line 2, label");
  EXPECT_NE(read.error().faults[0].detail.find("contradiction, no_contradiction"), std::string::npos);
  EXPECT_EQ(read.error().faults[1].pointer, "line 4, claim1");
  EXPECT_EQ(read.error().faults[2].pointer, "line 4, claim2");
  EXPECT_TRUE(read.error().faults[3].pointer.starts_with("line 5"));
  EXPECT_NE(fault("", Format::jsonl).find("no pair"), std::string::npos);
  EXPECT_NE(fault("\n \n", Format::jsonl).find("no pair"), std::string::npos);
}

// A claim too long for the analysis is refused before anything is judged.
TEST(ReadPairs, TooLongAClaim) {
  const std::string text =
      R"({"claim1":")" + std::string(40'000, 'a') + R"(","claim2":"b","label":"contradiction"})";
  EXPECT_TRUE(fault(text, Format::jsonl).starts_with("line 1, claim1"));
}

// Thousands of wrong lines are counted, not listed.
TEST(ReadPairs, ManyFaultsAreCounted) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "{}\n";
  const auto read = read_pairs(text, Format::jsonl);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().faults.size(), 20U);
  EXPECT_NE(read.error().message.find("3000"), std::string::npos);
}

// Quotes, commas, line ends and doubled quotes inside fields; the line is where a record begins.
TEST(ReadCsv, QuotedFields) {
  const auto records = read_csv("a,b\r\n\"x, \"\"y\"\"\",\"two\nlines\"\n\nlast,\n");
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 3U);
  EXPECT_EQ((*records)[1].fields, (std::vector<std::string>{"x, \"y\"", "two\nlines"}));
  EXPECT_EQ((*records)[1].line, 2U);
  EXPECT_EQ((*records)[2].fields, (std::vector<std::string>{"last", ""}));
  EXPECT_EQ((*records)[2].line, 5U);
  EXPECT_FALSE(read_csv("a,\"b"));
}

// HealthVer's columns, in any order: Refutes is a contradiction, Supports and Neutral are none.
TEST(ReadPairs, HealthVer) {
  const auto pairs = read_pairs(
      "id,evidence,claim,label,topic_ip,question\n"
      "1,\"Masks, worn well, helped.\",Masks do not help.,Refutes,2,q\n"
      "2,Masks helped.,Masks help.,Supports,2,q\n"
      "3,Tea is warm.,Masks help.,Neutral,2,q\n",
      Format::healthver);
  ASSERT_TRUE(pairs);
  ASSERT_EQ(pairs->size(), 3U);
  EXPECT_EQ((*pairs)[0].claim1, "Masks, worn well, helped.");
  EXPECT_EQ((*pairs)[0].claim2, "Masks do not help.");
  EXPECT_EQ((*pairs)[0].label, Label::contradiction);
  EXPECT_EQ((*pairs)[0].id, "1");
  EXPECT_EQ((*pairs)[0].category, "Refutes");
  EXPECT_EQ((*pairs)[1].label, Label::no_contradiction);
  EXPECT_EQ((*pairs)[2].label, Label::no_contradiction);
}

// A missing column, an unknown label and an empty field are named.
TEST(ReadPairs, HealthVerFaults) {
  EXPECT_TRUE(fault("id,claim,label\n", Format::healthver).starts_with("line 1, evidence"));
  EXPECT_TRUE(fault("evidence,claim,label\ne,c,Supports\ne,c,Perhaps\n", Format::healthver)
                  .starts_with("line 3, label: must be Supports"));
  EXPECT_TRUE(
      fault("evidence,claim,label\n,c,Supports\n", Format::healthver).starts_with("line 2, evidence"));
  EXPECT_NE(fault("", Format::healthver).find("no pair"), std::string::npos);
}

Result<std::string> report(const std::string& id) {
  if (id == "NCT1")
    return std::string(
        R"({"Clinical Trial ID":"NCT1","Results":["Outcome 1:","  Mean 5 mm Hg"],"Eligibility":[]})");
  if (id == "NCT2") return std::string(R"({"Results":["Outcome 1:","  Mean 7 mm Hg"]})");
  return Error{Code::not_found, "there is no report of " + id, ""};
}

// NLI4CT: the sections come from the reports, of two trials when they are compared.
TEST(ReadPairs, Nli4ct) {
  const auto pairs = read_pairs(
      R"({"u1":{"Type":"Single","Section_id":"Results","Primary_id":"NCT1","Statement":"It fell.","Label":"Entailment","Primary_evidence_index":[0]},
          "u2":{"Type":"Comparison","Section_id":"Results","Primary_id":"NCT1","Secondary_id":"NCT2","Statement":"It rose.","Label":"Contradiction"}})",
      Format::nli4ct, report);
  ASSERT_TRUE(pairs) << pairs.error().faults.at(0).detail;
  ASSERT_EQ(pairs->size(), 2U);
  EXPECT_EQ((*pairs)[0].claim1, "Outcome 1:\nMean 5 mm Hg");
  EXPECT_EQ((*pairs)[0].claim2, "It fell.");
  EXPECT_EQ((*pairs)[0].label, Label::no_contradiction);
  EXPECT_EQ((*pairs)[0].id, "u1");
  EXPECT_EQ((*pairs)[0].category, "Single, Results");
  EXPECT_EQ((*pairs)[1].claim1,
            "Primary trial:\nOutcome 1:\nMean 5 mm Hg\nSecondary trial:\nOutcome 1:\nMean 7 mm Hg");
  EXPECT_EQ((*pairs)[1].label, Label::contradiction);
}

// What is wrong with an entry is named by its id.
TEST(ReadPairs, Nli4ctFaults) {
  const auto one = [](const std::string& section, const std::string& trial, const std::string& label) {
    return R"({"u1":{"Type":"Single","Section_id":")" + section + R"(","Primary_id":")" + trial +
           R"(","Statement":"It fell.","Label":")" + label + R"("}})";
  };
  EXPECT_EQ(fault(one("Results", "NCT9", "Entailment"), Format::nli4ct, report),
            "entry u1: there is no report of NCT9");
  EXPECT_TRUE(
      fault(one("Dosage", "NCT1", "Entailment"), Format::nli4ct, report).starts_with("entry u1, Section_id"));
  EXPECT_TRUE(fault(one("Eligibility", "NCT1", "Entailment"), Format::nli4ct, report)
                  .starts_with("entry u1, Section_id"));
  EXPECT_TRUE(
      fault(one("Results", "NCT1", "Neutral"), Format::nli4ct, report).starts_with("entry u1, Label"));
  EXPECT_TRUE(fault(R"({"u1":{}})", Format::nli4ct, report).starts_with("entry u1, Type"));
  EXPECT_NE(fault("[]", Format::nli4ct, report).find("must be an object"), std::string::npos);
}

}  // namespace
}  // namespace medsynth::contradiction

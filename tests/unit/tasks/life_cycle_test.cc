#include "medsynth/tasks/life_cycle.h"

#include <set>

#include <gtest/gtest.h>

#include "medsynth/base/described.h"

namespace medsynth::tasks {
namespace {

using enum Status;
constexpr std::array kAll{pending, processing, retrying, completed, failed, cancelled};

// Every pair of statuses: exactly the documented changes are allowed.
TEST(LifeCycle, AllowsExactlyTheDocumentedChanges) {
  const std::set<std::pair<Status, Status>> allowed{
      {pending, processing},  {pending, cancelled},    {processing, processing}, {processing, completed},
      {processing, failed},   {processing, cancelled}, {processing, retrying},   {processing, pending},
      {retrying, processing}, {retrying, cancelled}};
  for (const Status from : kAll)
    for (const Status to : kAll)
      EXPECT_EQ(may_change(from, to), allowed.contains({from, to}))
          << described::enum_name(from) << " -> " << described::enum_name(to);
}

// A task that has ended never changes; one that has not can always end.
TEST(LifeCycle, EndsAreFinalAndAlwaysReachable) {
  for (const Status from : kAll) {
    bool leaves = false;
    for (const Status to : kAll) leaves |= may_change(from, to);
    EXPECT_EQ(leaves, !is_terminal(from));
    EXPECT_EQ(may_change(from, cancelled), !is_terminal(from));
  }
}

// What the scripts are told comes from the table.
TEST(LifeCycle, ScriptsAreToldJsonTexts) {
  EXPECT_EQ(json_text(retrying), "\"retrying\"");
  EXPECT_EQ(json_texts_before(processing), "\"pending\",\"processing\",\"retrying\"");
  EXPECT_EQ(json_texts_before(completed), "\"processing\"");
  EXPECT_EQ(json_texts(true), "\"completed\",\"failed\",\"cancelled\"");
  EXPECT_EQ(json_texts(false), "\"pending\",\"processing\",\"retrying\"");
}

}  // namespace
}  // namespace medsynth::tasks

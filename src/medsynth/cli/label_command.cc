// medsynth label: what people think of the pairs that `analyze` reported, kept for `calibrate`.
#include <cstdint>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "medsynth/api/reference_payloads.h"
#include "medsynth/base/id.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/local_server.h"

namespace medsynth::cli {
namespace {

struct Options {
  std::string subject, label;
  std::int64_t pair = 0;
};

Result<std::vector<api::NewLabel>> saved_labels(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf()))
    return invalid("FILE",
                   fmt::format("'{}' cannot be read. For one pair of a task: medsynth label ID --pair N "
                               "agree",
                               file));
  auto read = described::parse<api::LabelsFile>(text.str());
  if (read) return std::move(read->labels);
  read.error().message =
      fmt::format("{} is no file of labels that a report saved: {}", file, read.error().message);
  return read.error();
}

Result<std::vector<api::NewLabel>> labels_of(const Options& options) {
  if (options.label.empty() && options.pair == 0) return saved_labels(options.subject);
  if (options.label.empty()) return invalid("LABEL", "is missing: agree (they contradict) or disagree");
  if (options.pair == 0) return invalid("--pair", "is missing: the number that the report gives the pair");
  BOOST_OUTCOME_TRY(check_name("ID", options.subject));
  return std::vector{api::NewLabel{.task_id = options.subject,
                                   .pair = options.pair,
                                   .label = *described::enum_from<api::Judgement>(options.label)}};
}

Result<std::int64_t> keep(const Session& session, const std::vector<api::NewLabel>& labels) {
  BOOST_OUTCOME_TRY(const auto server, LocalServer::where_none_runs(session));
  BOOST_OUTCOME_TRY(const auto client, server ? session.client_of(server->url()) : session.client());
  std::int64_t total = 0, kept = 0;
  for (const api::NewLabel& each : labels) {
    auto answer = client.call<api::LabelAnswer>("POST", "/v1/labels", described::write(each));
    if (!answer) {
      Error error = answer.error();
      error.message = fmt::format("pair {} of task {}: {} ({} of {} labels were kept)", each.pair,
                                  each.task_id, error.message, kept, labels.size());
      return error;
    }
    ++kept;
    total = answer->at("data").at("total").to_number<std::int64_t>();
  }
  return total;
}

Result<> label(const Session& session, const Options& options) {
  BOOST_OUTCOME_TRY(const auto labels, labels_of(options));
  BOOST_OUTCOME_TRY(const auto total, keep(session, labels));
  if (session.format == Format::json)
    print_json({{"kept", labels.size()}, {"total", total}});
  else
    print(fmt::format("{} kept, {} in all. When there are some hundred: medsynth calibrate", labels.size(),
                      total));
  return success();
}

}  // namespace

void add_label_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, chosen, "label", "Says of reported pairs whether they do contradict, for calibrate",
                  [=](const Session& session) {
                    const auto done = label(session, *options);
                    return done ? 0 : fail(done.error());
                  });
  command->add_option("ID|FILE", options->subject, "A task of analyze, or the file that its report saved")
      ->required();
  command->add_option("LABEL", options->label, "agree: they contradict each other; disagree: they do not")
      ->check(CLI::IsMember({"agree", "disagree"}));
  command->add_option("--pair", options->pair, "The number of the pair, as the report counts")
      ->check(CLI::PositiveNumber);
}

}  // namespace medsynth::cli

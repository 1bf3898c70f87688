// /v1/errors: what tasks and dead letters failed of, in groups of the same words.
#include <algorithm>
#include <map>

#include "medsynth/api/bulk_payloads.h"
#include "medsynth/api/error_words.h"
#include "medsynth/api/handlers.h"
#include "medsynth/api/task_search.h"
#include "medsynth/api/url.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kMaxGroups = 200;
constexpr std::size_t kMaxNames = 10;  // actors and queues of a group that are told
constexpr std::size_t kMaxText = 2000;

class Groups {
 public:
  struct Failed {
    std::string id;
    std::optional<std::string> task_id;
    std::string at;
    std::optional<std::string> actor, queue;
  };
  // The newest comes first.
  void add(const std::string& error, const Failed& failed) {
    ErrorGroup& group = groups_[error_words(error)];
    if (group.count++ == 0) {
      group.newest = failed.id;
      group.newest_task = failed.task_id;
      group.newest_at = failed.at;
      group.newest_text = beginning(error);
    }
    note(failed.actor, group.actors);
    note(failed.queue, group.queues);
  }

  ErrorGroups told(const Reach& reach) && {
    ErrorGroups all{.scanned = reach.scanned, .total = reach.total, .next_cursor = reach.next_cursor};
    for (auto& [words, group] : groups_) {
      group.error = words;
      all.groups.push_back(std::move(group));
    }
    std::ranges::sort(all.groups, [](const ErrorGroup& a, const ErrorGroup& b) {
      return a.count != b.count ? a.count > b.count : a.error < b.error;
    });
    for (std::size_t i = kMaxGroups; i < all.groups.size(); ++i) all.left_out += all.groups[i].count;
    all.groups.resize(std::min(all.groups.size(), kMaxGroups));
    return all;
  }

 private:
  static std::string beginning(const std::string& text) {
    std::size_t end = std::min(text.size(), kMaxText);
    while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return text.substr(0, end);
  }
  static void note(const std::optional<std::string>& name, std::vector<std::string>& names) {
    if (name && names.size() < kMaxNames && std::ranges::find(names, *name) == names.end())
      names.push_back(*name);
  }

  std::map<std::string, ErrorGroup> groups_;
};

asio::awaitable<Result<Response>> task_errors(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(auto query, parse_query<TaskErrorsQuery>(request.query));
  if (!query.status) query.status = tasks::Status::failed;
  BOOST_OUTCOME_CO_TRY(auto wanted, TaskSelection::of(query));
  Reach reach;
  BOOST_OUTCOME_CO_TRY(co_await look_into_arguments(app, wanted, reach));
  Groups groups;
  const TakeTask take = [&](const tasks::Record& record, const tasks::Cursor&) {
    if (const auto error = record.text("error"); error && !error->empty())
      groups.add(*error, {.id = record.task_id,
                          .task_id = record.task_id,
                          .at = record.text("updated_at").value_or(""),
                          .actor = record.text("actor"),
                          .queue = record.text("queue")});
    return true;
  };
  BOOST_OUTCOME_CO_TRY(co_await walk_tasks(app, wanted, query.cursor.value_or(""), take, reach));
  co_return answer(std::move(groups).told(reach));
}

asio::awaitable<Result<Response>> dead_errors(App& app, const Request& request) {
  BOOST_OUTCOME_CO_TRY(const auto query, parse_query<DeadErrorsQuery>(request.query));
  Reach reach;
  Groups groups;
  const TakeLetter take = [&](dramatiq::DeadLetter& letter) {
    Groups::Failed failed{.id = letter.redis_message_id,
                          .at = rfc3339(WallTime{std::chrono::milliseconds{letter.died_at_ms}}),
                          .queue = letter.queue};
    if (letter.message) {
      failed.actor = letter.message->actor_name;
      failed.task_id = task_of(*letter.message);
    }
    groups.add(letter.reason, failed);
    return true;
  };
  BOOST_OUTCOME_CO_TRY(co_await walk_dead(app, query, query.cursor, take, reach));
  co_return answer(std::move(groups).told(reach));
}

}  // namespace

std::vector<Route> error_routes() {
  return {{.method = Method::get,
           .pattern = "/v1/errors/tasks",
           .handler = task_errors,
           .access = Scope::read,
           .name = "group_task_errors",
           .group = "tasks",
           .summary = "What tasks failed of, in groups of the same words without numbers; failed ones unless "
                      "`status` says otherwise",
           .query = payload<TaskErrorsQuery>("TaskErrorsQuery"),
           .answer = payload<ErrorGroups>("ErrorGroups")},
          {.method = Method::get,
           .pattern = "/v1/errors/dead",
           .handler = dead_errors,
           .access = Scope::read,
           .name = "group_dead_letters",
           .group = "dead",
           .summary = "What dead letters died of, in groups of the same words without numbers",
           .query = payload<DeadErrorsQuery>("DeadErrorsQuery"),
           .answer = payload<ErrorGroups>("ErrorGroups")}};
}

}  // namespace medsynth::api

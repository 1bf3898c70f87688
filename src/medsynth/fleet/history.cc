#include "medsynth/fleet/history.h"

#include <array>
#include <charconv>
#include <cmath>

#include "medsynth/fleet/fleet.h"

namespace medsynth::fleet {
namespace {

constexpr std::size_t kWords = 7;

std::optional<double> number(std::string_view word) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  const bool whole = error == std::errc() && end == word.data() + word.size();
  return whole && std::isfinite(value) && value >= 0 && value < 1e15 ? std::optional(value) : std::nullopt;
}

}  // namespace

Tally totals_of(const std::vector<Sample>& metrics) {
  Tally totals;
  for (const Sample& each : metrics) {
    const auto count = static_cast<std::int64_t>(each.value);
    if (each.name == "dramatiq_messages_total") totals.ended += count;
    if (each.name == "dramatiq_message_errors_total") totals.ended -= count;
    // What failed is tried again or dead. That is also what never ran: an actor that nobody knows, say.
    if (each.name == "dramatiq_message_retries_total" || each.name == "dramatiq_message_rejects_total") {
      totals.ended += count;
      totals.failed += count;
    }
    if (each.name == "medsynth_task_queue_wait_seconds" && !each.counts.empty()) {
      totals.started += each.counts.back();
      totals.waited += each.value;
    }
  }
  return totals;
}

Tally since(const Tally& before, const Tally& now) {
  return {.ended = now.ended - before.ended,
          .failed = now.failed - before.failed,
          .started = now.started - before.started,
          .waited = std::max(0.0, now.waited - before.waited),
          .cpu_percent = now.cpu_percent,
          .memory_percent = now.memory_percent};
}

std::optional<HistoryStep> read_step(std::string_view text, std::chrono::seconds step) {
  std::array<std::string_view, kWords> words;
  for (std::string_view& word : words) {
    const std::size_t end = text.find(' ');
    word = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  std::array<std::optional<double>, kWords> numbers;
  for (std::size_t i = 0; i < kWords; ++i) numbers[i] = number(words[i]);
  for (std::size_t i = 0; i < 5; ++i)
    if (!numbers[i]) return std::nullopt;
  const auto count = [&](std::size_t i) { return static_cast<std::int64_t>(*numbers[i]); };
  return HistoryStep{.at = WallTime(step * count(0)),
                     .tally = {.ended = count(1),
                               .failed = count(2),
                               .started = count(3),
                               .waited = *numbers[4],
                               .cpu_percent = numbers[5],
                               .memory_percent = numbers[6]}};
}

}  // namespace medsynth::fleet

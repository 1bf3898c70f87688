#include <algorithm>
#include <optional>
#include <sstream>
#include <tuple>

#include <prometheus/check_names.h>
#include <prometheus/text_serializer.h>

#include "medsynth/telemetry/registry.h"

namespace medsynth::telemetry {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

std::optional<MetricType> kind_from(std::string_view kind) {
  if (kind == "counter") return MetricType::Counter;
  if (kind == "gauge") return MetricType::Gauge;
  if (kind == "histogram") return MetricType::Histogram;
  return std::nullopt;
}

void fill_histogram(const ClientMetric::Histogram& from, Sample& sample) {
  sample.value = from.sample_sum;
  for (const auto& bucket : from.bucket) {
    sample.counts.push_back(static_cast<std::int64_t>(bucket.cumulative_count));
    if (sample.counts.size() < from.bucket.size())
      sample.bounds.push_back(bucket.upper_bound);  // the last is +Inf
  }
}

std::optional<ClientMetric> to_metric(const Sample& sample, MetricType type) {
  ClientMetric metric;
  for (const auto& [name, value] : sample.labels) {
    if (!prometheus::CheckLabelName(name)) return std::nullopt;
    metric.label.push_back({name, value});
  }
  if (type == MetricType::Counter) metric.counter.value = sample.value;
  if (type == MetricType::Gauge) metric.gauge.value = sample.value;
  if (type == MetricType::Histogram) {
    if (sample.counts.size() != sample.bounds.size() + 1) return std::nullopt;
    for (std::size_t i = 0; i < sample.bounds.size(); ++i)
      metric.histogram.bucket.push_back({static_cast<std::uint64_t>(sample.counts[i]), sample.bounds[i]});
    metric.histogram.sample_count = static_cast<std::uint64_t>(sample.counts.back());
    metric.histogram.sample_sum = sample.value;
  }
  return metric;
}

}  // namespace

std::vector<Sample> to_samples(const std::vector<MetricFamily>& families) {
  std::vector<Sample> samples;
  for (const MetricFamily& family : families) {
    for (const ClientMetric& metric : family.metric) {
      Sample& sample = samples.emplace_back();
      sample.name = family.name;
      sample.help = family.help;
      for (const auto& label : metric.label) sample.labels[label.name] = label.value;
      switch (family.type) {
        case MetricType::Counter:
          sample.kind = "counter", sample.value = metric.counter.value;
          break;
        case MetricType::Histogram:
          sample.kind = "histogram", fill_histogram(metric.histogram, sample);
          break;
        default:
          sample.kind = "gauge", sample.value = metric.gauge.value;
      }
    }
  }
  std::sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) {
    return std::tie(a.name, a.labels) < std::tie(b.name, b.labels);
  });
  return samples;
}

void merge(std::vector<MetricFamily>& families, std::span<const Sample> imported) {
  for (const Sample& sample : imported) {
    const auto type = kind_from(sample.kind);
    if (!type || !prometheus::CheckMetricName(sample.name)) continue;
    auto metric = to_metric(sample, *type);
    if (!metric) continue;
    auto family = std::find_if(families.begin(), families.end(),
                               [&](const auto& each) { return each.name == sample.name; });
    if (family == families.end())
      family = families.insert(family, MetricFamily{sample.name, sample.help, *type, {}});
    if (family->type == *type) family->metric.push_back(std::move(*metric));
  }
  std::sort(families.begin(), families.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
}

std::string to_text(const std::vector<MetricFamily>& families) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace medsynth::telemetry

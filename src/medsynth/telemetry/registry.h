// Inside the room: the families behind Metrics, and families as samples and text.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "medsynth/telemetry/telemetry.h"

namespace medsynth::telemetry {

std::vector<Sample> to_samples(const std::vector<prometheus::MetricFamily>& families);
// Adds the samples to the families of their name, ordered by name; what does not fit is left out.
void merge(std::vector<prometheus::MetricFamily>& families, std::span<const Sample> imported);
std::string to_text(const std::vector<prometheus::MetricFamily>& families);

}  // namespace medsynth::telemetry

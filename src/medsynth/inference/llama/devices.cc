#include "medsynth/inference/llama/devices.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <ggml-backend.h>

#include "medsynth/inference/llama/runtime.h"

namespace medsynth::inference::llama {
namespace {

ggml_backend_dev_props properties(ggml_backend_dev_t device) {
  ggml_backend_dev_props props{};
  ggml_backend_dev_get_props(device, &props);
  return props;
}

// A card that two backends can use stands in the list once, for the backend that was registered first. What is
// integrated has no address that all of them tell: it is one backend's.
bool is_known(const std::vector<ggml_backend_dev_t>& devices, ggml_backend_dev_t device) {
  const ggml_backend_dev_props props = properties(device);
  return std::ranges::any_of(devices, [&](ggml_backend_dev_t each) {
    if (ggml_backend_dev_backend_reg(each) == ggml_backend_dev_backend_reg(device)) return false;
    const char* const other = properties(each).device_id;
    return props.type == GGML_BACKEND_DEVICE_TYPE_IGPU ||
           (other && props.device_id && std::string_view(other) == props.device_id);
  });
}

std::vector<ggml_backend_dev_t> find(enum ggml_backend_dev_type type) {
  std::vector<ggml_backend_dev_t> devices;
  for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i) {
    ggml_backend_dev_t const device = ggml_backend_dev_get(i);
    if (ggml_backend_dev_type(device) == type && !is_known(devices, device)) devices.push_back(device);
  }
  return devices;
}

}  // namespace

const std::vector<ggml_backend_dev_t>& gpus() {
  load_backends();
  static const std::vector<ggml_backend_dev_t> devices = [] {
    auto found = find(GGML_BACKEND_DEVICE_TYPE_GPU);
    if (found.empty()) found = find(GGML_BACKEND_DEVICE_TYPE_IGPU);
    found.resize(std::min(found.size(), llama_max_devices()));
    return found;
  }();
  return devices;
}

models::Device describe(ggml_backend_dev_t device) {
  const ggml_backend_dev_props props = properties(device);
  return {.id = props.device_id ? props.device_id : "",
          .name = props.description,
          .kind = props.type == GGML_BACKEND_DEVICE_TYPE_IGPU ? "integrated" : "gpu",
          .driver = ggml_backend_reg_name(ggml_backend_dev_backend_reg(device)),
          .memory_total = props.memory_total,
          .memory_free = props.memory_free};
}

Result<Offload> Offload::of(const models::Placement& placement) {
  Offload offload;
  for (const models::Share& share : placement.shares) {
    if (share.device >= gpus().size())
      return Error{Code::internal, fmt::format("there is no GPU {} any more", share.device), ""};
    offload.devices_.push_back(gpus()[share.device]);
    offload.split_.push_back(static_cast<float>(share.layers));
  }
  offload.devices_.push_back(nullptr);
  offload.split_.resize(llama_max_devices());
  offload.layers_ = static_cast<std::int32_t>(placement.on_devices());
  return offload;
}

void Offload::set(llama_model_params& params) const {
  // The runtime only reads the list.
  params.devices = const_cast<ggml_backend_dev_t*>(devices_.data());
  params.tensor_split = split_.data();
  params.split_mode = LLAMA_SPLIT_MODE_LAYER;
  params.n_gpu_layers = layers_;
}

}  // namespace medsynth::inference::llama

// Loading GGUF files with llama.cpp; .onnx files are ONNX Runtime's.
#include "medsynth/inference/onnx/engine.h"

#include <algorithm>
#include <array>
#include <exception>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "medsynth/inference/llama/devices.h"
#include "medsynth/inference/llama/model.h"
#include "medsynth/inference/llama/runtime.h"
#include "medsynth/inference/model_file.h"
#include "medsynth/inference/onnx/files.h"
#include "medsynth/models/digest.h"

namespace medsynth::inference {
namespace {

using namespace llama;

// What the runtime's progress callback sees. It may end the loading by returning false.
struct LoadProgress {
  const LoadOptions& options;
  static bool report(float part, void* self) {
    const LoadOptions& options = static_cast<LoadProgress*>(self)->options;
    if (options.progress) options.progress(part);
    return !options.stop.stop_requested();
  }
};

Error cancelled(const LoadOptions& options) {
  return {Code::cancelled, fmt::format("loading {} was cancelled", options.name), ""};
}

// Why the runtime gave no model: it says so only in its log.
Error load_error(const LoadOptions& options) {
  if (options.stop.stop_requested()) return cancelled(options);
  const std::string why = take_error();
  if (why.find("alloc") != std::string::npos)
    return {Code::exhausted, fmt::format("no memory to load {}: {}", options.name, why), "no_memory"};
  return {Code::invalid_argument,
          fmt::format("{} cannot be loaded: {}", options.name, why.empty() ? "damaged file" : why),
          "not_a_model"};
}

std::string description_of(const llama_model* model, const models::Placement& placement) {
  std::array<char, 128> text{};
  llama_model_desc(model, text.data(), text.size());
  return placement.shares.empty() ? text.data() : fmt::format("{}, {}", text.data(), placement.text);
}

class LlamaEngine final : public Engine {
 public:
  LlamaEngine() { start_runtime(); }

  Result<std::shared_ptr<Model>> load(const LoadOptions& options) override try {
    if (onnx::is_onnx(options.path)) return onnx::load(options);
    BOOST_OUTCOME_TRY(const ModelFacts facts, read_facts(options.path));
    BOOST_OUTCOME_TRY(check_biomedlm(facts));
    BOOST_OUTCOME_TRY(auto digest, models::file_digest(options.path, options.stop));
    BOOST_OUTCOME_TRY(models::check_digest(options.name, digest, options.sha256));

    load_backends();
    LoadProgress progress{options};
    llama_model_params params = llama_model_default_params();
    BOOST_OUTCOME_TRY(const Offload offload, Offload::of(options.placement));
    offload.set(params);
    params.progress_callback = LoadProgress::report;
    params.progress_callback_user_data = &progress;
    take_error();
    ModelPtr model(llama_model_load_from_file(options.path.c_str(), params));
    if (!model) return load_error(options);
    if (options.stop.stop_requested()) return cancelled(options);
    ModelInfo info{.id = options.name,
                   .digest = std::move(digest),
                   .description = description_of(model.get(), options.placement),
                   .context = choose_context(facts, options.context),
                   .dimension = llama_model_n_embd_out(model.get()),
                   .parameters = llama_model_n_params(model.get()),
                   .size_bytes = llama_model_size(model.get()),
                   .kind = facts.sentence ? "sentence" : "language"};
    return LlamaModel::make(std::move(model), std::move(info), facts.sentence, std::max(1, options.threads));
  } catch (const std::bad_alloc&) {
    return Error{Code::exhausted, fmt::format("no memory to load {}", options.name), "no_memory"};
  } catch (const std::exception& error) {
    return Error{Code::internal, fmt::format("loading {} failed: {}", options.name, error.what()), ""};
  }

  Result<models::Footprint> footprint(const LoadOptions& options) override {
    if (onnx::is_onnx(options.path)) return onnx::footprint(options);
    BOOST_OUTCOME_TRY(const ModelFacts facts, read_facts(options.path));
    return predict_footprint(facts, choose_context(facts, options.context));
  }

  std::vector<models::Device> devices() override {
    std::vector<models::Device> devices;
    for (ggml_backend_dev_t each : gpus()) devices.push_back(describe(each));
    return devices;
  }
};

}  // namespace

std::unique_ptr<Engine> make_engine() {
  return std::make_unique<LlamaEngine>();
}

}  // namespace medsynth::inference

#include "medsynth/contradiction/train.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numeric>

#include <fmt/format.h>

namespace medsynth::contradiction {
namespace {

using Vector = std::vector<double>;

double logistic(double x) {
  return 1 / (1 + std::exp(-std::clamp(x, -30.0, 30.0)));
}

// Features as the fit sees them: mean 0, deviation 1, and a last column of ones. One that never varies gets
// weight 0.
struct Standard {
  Vector mean, scale;

  explicit Standard(std::span<const Row* const> rows) : mean(rows[0]->values.size()), scale(mean.size()) {
    const auto count = static_cast<double>(rows.size());
    for (const Row* row : rows)
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += row->values[i] / count;
    for (const Row* row : rows)
      for (std::size_t i = 0; i < mean.size(); ++i) scale[i] += std::pow(row->values[i] - mean[i], 2) / count;
    for (double& each : scale) each = each > 1e-12 ? 1 / std::sqrt(each) : 0;
  }
  Vector operator()(const Row& row) const {
    Vector out(mean.size() + 1, 1);
    for (std::size_t i = 0; i < mean.size(); ++i) out[i] = (row.values[i] - mean[i]) * scale[i];
    return out;
  }
};

// Solves a * x = b for a symmetric positive definite `a` (row by row), by Cholesky's decomposition in place.
Vector solve(std::vector<Vector> a, Vector b) {
  const std::size_t n = b.size();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i][j];
      for (std::size_t k = 0; k < j; ++k) sum -= a[i][k] * a[j][k];
      a[i][j] = i == j ? std::sqrt(std::max(sum, 1e-12)) : sum / a[j][j];
    }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= a[i][k] * b[k];
    b[i] /= a[i][i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= a[k][i] * b[k];
    b[i] /= a[i][i];
  }
  return b;
}

// Weights of the raw features, the intercept last.
struct Model {
  Vector weights;
  double operator()(const Row& row) const {
    return logistic(
        std::inner_product(row.values.begin(), row.values.end(), weights.begin(), weights.back()));
  }
};

// Newton's method: the penalised log likelihood is concave, and a step that would make it worse is halved.
Model fit(std::span<const Row* const> rows, double penalty) {
  const Standard standard(rows);
  std::vector<Vector> x;
  for (const Row* row : rows) x.push_back(standard(*row));
  const std::size_t n = x[0].size();
  Vector weights(n);
  const auto loss = [&](const Vector& at) {
    double sum = 0;
    for (std::size_t i = 0; i + 1 < n; ++i) sum += penalty / 2 * at[i] * at[i];
    for (std::size_t r = 0; r < x.size(); ++r) {
      const double p = logistic(std::inner_product(at.begin(), at.end(), x[r].begin(), 0.0));
      sum -= std::log(rows[r]->contradiction ? p : 1 - p);
    }
    return sum;
  };
  double now = loss(weights);
  constexpr int kSteps = 50;  // it takes about ten
  for (int step = 0; step < kSteps; ++step) {
    Vector gradient(n);
    std::vector<Vector> hessian(n, Vector(n));
    for (std::size_t i = 0; i < n; ++i) {
      const double ridge = i + 1 < n ? penalty : 1e-9;
      gradient[i] = -ridge * weights[i];
      hessian[i][i] = ridge;
    }
    for (std::size_t r = 0; r < x.size(); ++r) {
      const double p = logistic(std::inner_product(weights.begin(), weights.end(), x[r].begin(), 0.0));
      const double miss = (rows[r]->contradiction ? 1 : 0) - p;
      for (std::size_t i = 0; i < n; ++i) {
        gradient[i] += miss * x[r][i];
        for (std::size_t j = 0; j <= i; ++j) hessian[i][j] += p * (1 - p) * x[r][i] * x[r][j];
      }
    }
    Vector move = solve(hessian, gradient), next(n);
    double better = now;
    for (int halved = 0; halved < 20; ++halved) {
      for (std::size_t i = 0; i < n; ++i) next[i] = weights[i] + move[i];
      better = loss(next);
      if (better <= now) break;
      for (double& each : move) each /= 2;
    }
    if (better > now) break;
    weights = std::move(next);
    const bool done = now - better < 1e-9 * std::abs(now);
    now = better;
    if (done) break;
  }
  Model model{Vector(n)};
  model.weights.back() = weights.back();
  for (std::size_t i = 0; i + 1 < n; ++i) {
    model.weights[i] = weights[i] * standard.scale[i];
    model.weights.back() -= model.weights[i] * standard.mean[i];
  }
  return model;
}

// The fold of each row: each label dealt out by itself, so that every fold has both.
std::vector<int> folds_of(std::span<const Row> rows, int folds) {
  std::vector<int> out;
  std::array<int, 2> next{};
  for (const Row& row : rows) out.push_back(next[row.contradiction ? 1 : 0]++ % folds);
  return out;
}

Validated cross_validate(std::span<const Row> rows, int folds, double penalty) {
  const std::vector<int> fold_of = folds_of(rows, folds);
  Vector probabilities(rows.size());
  for (int fold = 0; fold < folds; ++fold) {
    std::vector<const Row*> others;
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (fold_of[i] != fold) others.push_back(&rows[i]);
    const Model model = fit(others, penalty);
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (fold_of[i] == fold) probabilities[i] = model(rows[i]);
  }
  const auto truth = std::make_unique<bool[]>(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) truth[i] = rows[i].contradiction;
  return validate(probabilities, {truth.get(), rows.size()});
}

Result<> check(std::span<const Row> rows, const TrainOptions& options) {
  if (options.folds < 2 || options.folds > 20) return invalid("/folds", "must be between 2 and 20");
  if (options.penalties.empty()) return invalid("/penalties", "must not be empty");
  for (const double penalty : options.penalties)
    if (!(penalty > 0) || !std::isfinite(penalty)) return invalid("/penalties", "must be above 0");
  const std::size_t width = feature_names().size();
  std::array<int, 2> counts{};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ++counts[rows[i].contradiction ? 1 : 0];
    const std::string at = "/" + std::to_string(i);
    if (rows[i].values.size() != width) return invalid(at, fmt::format("must have {} values", width));
    for (const double value : rows[i].values)
      if (!std::isfinite(value)) return invalid(at, "has a value that is not finite");
  }
  if (std::min(counts[0], counts[1]) < options.folds)
    return invalid("", fmt::format("there are {} contradictions and {} other pairs: at least {} of each are "
                                   "needed, one for each fold",
                                   counts[1], counts[0], options.folds));
  return success();
}

double auroc(std::span<const double> probabilities, std::span<const bool> truth) {
  std::vector<std::size_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return probabilities[a] < probabilities[b]; });
  double below = 0, won = 0, positives = 0;  // ties count half
  for (std::size_t i = 0; i < order.size();) {
    double tied = 0, tied_positives = 0;
    const double at = probabilities[order[i]];
    for (; i < order.size() && probabilities[order[i]] == at; ++i)
      (truth[order[i]] ? tied_positives : tied) += 1;
    won += tied_positives * (below + tied / 2);
    below += tied;
    positives += tied_positives;
  }
  return below > 0 && positives > 0 ? won / (below * positives) : .5;
}

double calibration_error(std::span<const double> probabilities, std::span<const bool> truth) {
  struct Bin {
    double said = 0, was = 0;
  };
  std::array<Bin, 10> bins{};
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    Bin& bin = bins[std::min<std::size_t>(9, static_cast<std::size_t>(probabilities[i] * 10))];
    bin.said += probabilities[i];
    bin.was += truth[i] ? 1 : 0;
  }
  double error = 0;
  for (const Bin& bin : bins) error += std::abs(bin.said - bin.was);
  return error / static_cast<double>(probabilities.size());
}

}  // namespace

Validated validate(std::span<const double> probabilities, std::span<const bool> contradictions) {
  Validated out;
  const auto count = static_cast<double>(probabilities.size());
  constexpr double kSmallest = 1e-9;  // a sure and wrong answer costs much, not everything
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    const double right = contradictions[i] ? probabilities[i] : 1 - probabilities[i];
    out.accuracy += (probabilities[i] > .5) == contradictions[i] ? 1 : 0;
    out.log_loss -= std::log(std::max(right, kSmallest));
  }
  out.accuracy /= count;
  out.log_loss /= count;
  out.auroc = auroc(probabilities, contradictions);
  out.ece = calibration_error(probabilities, contradictions);
  return out;
}

Result<Trained> train(std::span<const Row> rows, const TrainOptions& options) {
  BOOST_OUTCOME_TRY(check(rows, options));
  Trained best;
  for (const double penalty : options.penalties) {
    const Validated validated = cross_validate(rows, options.folds, penalty);
    if (best.penalty > 0 && validated.log_loss >= best.validated.log_loss) continue;
    best.penalty = penalty;
    best.validated = validated;
  }
  std::vector<const Row*> all;
  for (const Row& row : rows) all.push_back(&row);
  const Model model = fit(all, best.penalty);
  const auto names = feature_names();
  best.combination.intercept = model.weights.back();
  for (std::size_t i = 0; i < names.size(); ++i)
    if (model.weights[i] != 0) best.combination.weights[std::string(names[i])] = model.weights[i];
  best.combination.uncertain = options.uncertain;
  best.combination.trained_on.pairs = static_cast<std::int64_t>(rows.size());
  return best;
}

}  // namespace medsynth::contradiction

// Cholesky factorisation with complete pivoting, block by block (LAPACK's dpstrf; Lucas 2004, LAPACK Working Note 161), of the
// correlations that belong to a covariance: so features of small variance keep their digits beside those of large variance.
#include "semidefiniteFactor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "products.h"
#include "vectorCode.h"
#include "workers.h"

namespace stepadapt {
namespace {

constexpr int64_t kBlock = 32;

// The lower triangle of a symmetric matrix, row-major, whose size is a multiple of kBlock.
struct Triangle {
  explicit Triangle(int64_t size) : size(size), stride(size + 8), data(size * stride, 0.0) {}
  double* row(int64_t i) { return data.data() + i * stride; }
  // Exchanges two rows and the columns of the same numbers, i < j, and what is factorised of the rows.
  void exchange(int64_t i, int64_t j) {
    std::swap_ranges(row(i), row(i) + i, row(j));
    for (int64_t k = i + 1; k < j; k++) std::swap(row(k)[i], row(j)[k]);
    for (int64_t k = j + 1; k < size; k++) std::swap(row(k)[i], row(k)[j]);
    std::swap(row(i)[i], row(j)[j]);
  }
  int64_t size, stride;
  std::vector<double> data;
};

// Column `column` of the factor below its pivot, and what it leaves of every variance. `first` is the first column of the block.
FOR_EVERY_PROCESSOR void eliminate(Triangle& matrix, int64_t first, int64_t column, double pivot, double* left) {
  double known[kBlock] = {};
  std::copy(matrix.row(column) + first, matrix.row(column) + column, known);
  for (int64_t i = column + 1; i < matrix.size; i++) {
    double* __restrict own = matrix.row(i) + first;
    double parts[8] = {};
    for (int64_t k = 0; k < kBlock; k += 8) {
      for (int64_t lane = 0; lane < 8; lane++) parts[lane] += own[k + lane] * known[k + lane];
    }
    const double sum =
        ((parts[0] + parts[4]) + (parts[1] + parts[5])) + ((parts[2] + parts[6]) + (parts[3] + parts[7]));
    const double value = (own[column - first] - sum) / pivot;
    own[column - first] = value;
    left[i] -= value * value;
  }
}

// Takes what the block explains from the rows and columns behind it.
void update(Triangle& matrix, int64_t first) {
  const int64_t start = first + kBlock, rest = matrix.size - start, wide = rest + 8;
  std::vector<double> transposed(kBlock * wide);
  for (int64_t j = 0; j < rest; j++) {
    for (int64_t k = 0; k < kBlock; k++) transposed[k * wide + j] = matrix.row(start + j)[first + k];
  }
  Workers::shared().run(rest / kBlock, [&](int64_t group) {
    const int64_t row = start + group * kBlock;
    multiply(Product::subtract, kBlock, (group + 1) * kBlock, kBlock, {matrix.row(row) + first, matrix.stride, 1},
             transposed.data(), wide, matrix.row(row) + start, matrix.stride);
  });
}

}  // namespace

SemidefiniteFactor::SemidefiniteFactor(const double* matrix, int64_t size) {
  constexpr double kRounding = std::numeric_limits<double>::epsilon();
  double largest = 0;
  for (int64_t i = 0; i < size; i++) largest = std::max(largest, matrix[i * size + i]);
  Triangle triangle((size + kBlock - 1) / kBlock * kBlock);
  // `left`: what the columns so far leave of each correlation of a feature with itself.
  std::vector<double> deviation(size), left(triangle.size, 0.0);
  for (int64_t i = 0; i < size && largest > 0; i++) {
    // A variance that is a rounding of the largest one says nothing to divide by: its covariances may be of any size beside it.
    deviation[i] = std::sqrt(std::max(matrix[i * size + i], kRounding * largest));
    for (int64_t j = 0; j <= i; j++) triangle.row(i)[j] = matrix[i * size + j] / (deviation[i] * deviation[j]);
    left[i] = triangle.row(i)[i];
  }
  std::vector<int64_t> order(triangle.size);
  std::iota(order.begin(), order.end(), 0);
  const double smallest = size * kRounding;
  for (rank = 0; rank < size; rank++) {
    const int64_t first = rank / kBlock * kBlock, best = std::max_element(left.begin() + rank, left.end()) - left.begin();
    if (rank == first && rank > 0) update(triangle, first - kBlock);
    if (left[best] <= smallest) break;
    if (best != rank) {
      triangle.exchange(rank, best);
      std::swap(order[rank], order[best]);
      std::swap(left[rank], left[best]);
    }
    const double pivot = std::sqrt(left[rank]);
    triangle.row(rank)[rank] = pivot;
    eliminate(triangle, first, rank, pivot, left.data());
  }
  values.assign(size * rank, 0.0);
  for (int64_t i = 0; i < size; i++) {
    const int64_t feature = order[i];
    for (int64_t k = 0; k < rank && k <= i; k++) values[feature * rank + k] = triangle.row(i)[k] * deviation[feature];
  }
}

}  // namespace stepadapt

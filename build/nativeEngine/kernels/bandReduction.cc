// The first stage: blocked Householder reflections from both sides in turn (Grosser and Lang 1999, "Efficient parallel reduction to
// bidiagonal form"). kBlock columns become upper triangular, then the kBlock rows beside them lower triangular, and so on; all
// but a small part of the work is products of matrices. A block of reflections is I - V T V^T (Schreiber and Van Loan 1989).
#include <algorithm>
#include <cmath>

#include "products.h"
#include "singularValues.h"
#include "vectorCode.h"
#include "workers.h"

namespace stepadapt {
namespace {

// A panel of kBlock columns and what its QR decomposition makes of it.
struct Panel {
  explicit Panel(int64_t longest) : v(longest * kBlock) {}
  std::vector<double> v;      // (rows, kBlock): the panel, then the reflections' vectors with their ones and zeros
  double t[kBlock * kBlock];  // upper triangular
  double r[kBlock * kBlock];  // upper triangular
};

// Householder's reflections of a panel, one column after the other; `factors` are the scalars of H = I - factor v v^T.
FOR_EVERY_PROCESSOR void reflect(int64_t rows, double* v, double* r, double* factors) {
  double squares = 0;  // of the column below the diagonal
  for (int64_t i = 1; i < rows; i++) squares += v[i * kBlock] * v[i * kBlock];
  for (int64_t j = 0; j < kBlock; j++) {
    const double first = v[j * kBlock + j];
    const double length = squares == 0 ? -first : -std::copysign(std::sqrt(first * first + squares), first);
    const double factor = squares == 0 ? 0 : (length - first) / length;
    const double scale = squares == 0 ? 0 : 1 / (first - length);
    factors[j] = factor;
    double products[kBlock];
    for (int64_t c = 0; c < kBlock; c++) products[c] = v[j * kBlock + c];
    for (int64_t i = j + 1; i < rows; i++) {
      double* __restrict row = v + i * kBlock;
      const double along = row[j] *= scale;
      for (int64_t c = 0; c < kBlock; c++) products[c] += along * row[c];
    }
    double keep[kBlock];
    for (int64_t c = 0; c < kBlock; c++) {
      keep[c] = c > j ? factor * products[c] : 0;
      r[j * kBlock + c] = c < j ? 0 : v[j * kBlock + c] - keep[c];
      v[j * kBlock + c] = c < j ? v[j * kBlock + c] : c == j ? 1 : 0;
    }
    r[j * kBlock + j] = squares == 0 ? first : length;
    squares = 0;
    const int64_t next = j + 1 < kBlock ? j + 1 : j;
    for (int64_t i = j + 1; i < rows; i++) {
      double* __restrict row = v + i * kBlock;
      const double along = row[j];
      for (int64_t c = 0; c < kBlock; c++) row[c] -= along * keep[c];
      squares += i > next ? row[next] * row[next] : 0;
    }
  }
}

void factor(Panel& panel, int64_t rows) {
  double factors[kBlock], products[kBlock * kBlock];
  reflect(rows, panel.v.data(), panel.r, factors);
  multiply(Product::set, kBlock, kBlock, rows, {panel.v.data(), 1, kBlock}, panel.v.data(), kBlock, products, kBlock);
  std::fill(panel.t, panel.t + kBlock * kBlock, 0.0);
  for (int64_t j = 0; j < kBlock; j++) {
    panel.t[j * kBlock + j] = factors[j];
    for (int64_t i = 0; i < j; i++) {
      double sum = 0;
      for (int64_t k = i; k < j; k++) sum += panel.t[i * kBlock + k] * products[k * kBlock + j];
      panel.t[i * kBlock + j] = -factors[j] * sum;
    }
  }
}

}  // namespace

Band reduceToBand(double* matrix, int64_t rows, int64_t columns, int64_t stride) {
  Band band(columns);
  Panel left(rows), right(columns);
  // A stride that is no power of two keeps the rows of a strip apart in the cache.
  const int64_t wide = columns + 8;
  std::vector<double> products(kBlock * wide), transposed(kBlock * wide);
  Workers& workers = Workers::shared();
  for (int64_t first = 0; first < columns; first += kBlock) {
    const int64_t rest = columns - first - kBlock, below = rows - first;
    double* corner = matrix + first * stride + first;
    for (int64_t i = 0; i < below; i++) std::copy_n(corner + i * stride, kBlock, left.v.data() + i * kBlock);
    factor(left, below);
    for (int64_t i = 0; i < kBlock; i++) {
      std::copy(left.r + i * kBlock + i, left.r + (i + 1) * kBlock, band.at(first + i, first + i));
    }
    if (rest == 0) break;

    // From the left: A -= V (T^T (V^T A)). Only the rows of the next panel at once; the others when the reflections from the right are
    // known, too, so that they are read from memory once.
    double* trailing = corner + kBlock;
    workers.run(rest / kBlock, [&](int64_t strip) {
      double projected[kBlock * kBlock];
      const int64_t column = strip * kBlock;
      multiply(Product::set, kBlock, kBlock, below, {left.v.data(), 1, kBlock}, trailing + column, stride, projected, kBlock);
      multiply(Product::set, kBlock, kBlock, kBlock, {left.t, 1, kBlock}, projected, kBlock, &products[column], wide);
    });
    const auto fromLeft = [&](int64_t row) {
      multiply(Product::subtract, kBlock, rest, kBlock, {&left.v[row * kBlock], kBlock, 1}, products.data(), wide,
               trailing + row * stride, stride);
    };
    fromLeft(0);
    for (int64_t i = 0; i < kBlock; i++) {
      for (int64_t j = 0; j < rest; j++) right.v[j * kBlock + i] = trailing[i * stride + j];
    }
    factor(right, rest);
    for (int64_t i = 0; i < kBlock; i++) {
      for (int64_t j = 0; j <= i; j++) *band.at(first + i, first + kBlock + j) = right.r[j * kBlock + i];
      for (int64_t j = 0; j < rest; j++) transposed[i * wide + j] = right.v[j * kBlock + i];
    }

    // From the right: A -= ((A V) T) V^T.
    workers.run(below / kBlock - 1, [&](int64_t group) {
      const int64_t row = (group + 1) * kBlock;
      double* own = trailing + row * stride;
      double projected[kBlock * kBlock], turned[kBlock * kBlock];
      fromLeft(row);
      multiply(Product::set, kBlock, kBlock, rest, {own, stride, 1}, right.v.data(), kBlock, projected, kBlock);
      multiply(Product::set, kBlock, kBlock, kBlock, {projected, kBlock, 1}, right.t, kBlock, turned, kBlock);
      multiply(Product::subtract, kBlock, rest, kBlock, {turned, kBlock, 1}, transposed.data(), wide, own, stride);
    });
  }
  return band;
}

}  // namespace stepadapt

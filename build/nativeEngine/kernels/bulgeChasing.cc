// The second stage: one row after the other is brought to two elements, and the bulges that the reflections make are chased down the
// band and out at its end (Murata and Horikoshi 1975 for symmetric bands; Lang 1996). A sweep touches no more of a bulge than the next
// sweep needs gone: the first row from the right, the first column from the left.
#include <cmath>

#include "singularValues.h"
#include "vectorCode.h"

namespace stepadapt {
namespace {

// The reflection I - factor v v^T, v[0] = 1, that brings x to (length, 0, ..., 0), with x in v before; its factor.
INLINE double reflection(double* v, double* length) {
  double squares = 0;
  for (int64_t i = 1; i < kBlock; i++) squares += v[i] * v[i];
  const double first = v[0];
  v[0] = 1;
  if (squares == 0) {
    *length = first;
    return 0;
  }
  *length = -std::copysign(std::sqrt(first * first + squares), first);
  const double scale = 1 / (first - *length);
  for (int64_t i = 1; i < kBlock; i++) v[i] *= scale;
  return (*length - first) / *length;
}

// Step of a sweep: from the right so that row `row` ends with column `column`, in `rows` rows; then from the left so that that column
// ends on the diagonal.
FOR_EVERY_PROCESSOR void chase(Band& band, int64_t row, int64_t column, int64_t rows) {
  constexpr int64_t kStride = Band::kStride, kWide = 2 * kBlock;
  double v[kBlock], length;
  double* block = band.at(row, column);
  for (int64_t j = 0; j < kBlock; j++) v[j] = block[j];
  double factor = reflection(v, &length);
  for (int64_t i = 0; i < rows; i++) {
    double* __restrict own = block + i * kStride;
    double parts[8] = {};
    for (int64_t j = 0; j < kBlock; j += 8) {
      for (int64_t lane = 0; lane < 8; lane++) parts[lane] += own[j + lane] * v[j + lane];
    }
    const double along =
        factor * (((parts[0] + parts[4]) + (parts[1] + parts[5])) + ((parts[2] + parts[6]) + (parts[3] + parts[7])));
    for (int64_t j = 0; j < kBlock; j++) own[j] -= along * v[j];
  }
  block[0] = length;
  for (int64_t j = 1; j < kBlock; j++) block[j] = 0;

  block = band.at(column, column);
  for (int64_t i = 0; i < kBlock; i++) v[i] = block[i * kStride];
  factor = reflection(v, &length);
  double along[kWide] = {};
  for (int64_t i = 0; i < kBlock; i++) {
    const double* __restrict own = block + i * kStride;
    for (int64_t j = 0; j < kWide; j++) along[j] += v[i] * own[j];
  }
  for (int64_t i = 0; i < kBlock; i++) {
    double* __restrict own = block + i * kStride;
    const double part = factor * v[i];
    for (int64_t j = 0; j < kWide; j++) own[j] -= part * along[j];
  }
  block[0] = length;
  for (int64_t i = 1; i < kBlock; i++) block[i * kStride] = 0;
}

}  // namespace

void reduceToBidiagonal(Band& band, double* diagonal, double* above) {
  const int64_t size = band.size();
  // One thread: sweeps could follow each other on several, three steps apart, but where other programs want the processors, too, threads
  // that wait for each other so often take ten times as long.
  for (int64_t row = 0; row + 1 < size; row++) {
    chase(band, row, row + 1, kBlock + 1);
    for (int64_t column = row + 1 + kBlock; column < size; column += kBlock) {
      chase(band, column - kBlock, column, 2 * kBlock);
    }
  }
  for (int64_t i = 0; i < size; i++) {
    diagonal[i] = *band.at(i, i);
    above[i] = i + 1 < size ? *band.at(i, i + 1) : 0;
  }
}

}  // namespace stepadapt

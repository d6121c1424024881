// Two operations on float64 matrices that take TensorFlow's own many times as long: its decompositions run in one thread, and Svd works
// through memory column by column.
#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "semidefiniteFactor.h"
#include "singularValues.h"
#include "tensors.h"

namespace stepadapt {
namespace {

int64_t roundedUp(int64_t length) { return (length + kBlock - 1) / kBlock * kBlock; }

// Finite elements, or a failure of the call; the largest absolute value.
bool isMatrix(Call& call, const Tensor& tensor, double* largest) {
  if (!call.ok()) return false;
  if (tensor.rank() != 2) return call.fail("not a matrix");
  *largest = 0;
  double zero = 0;
  const double* elements = tensor.data<double>();
  for (int64_t i = 0, count = tensor.size(); i < count; i++) {
    *largest = std::max(*largest, std::fabs(elements[i]));
    zero += 0 * elements[i];
  }
  return zero == 0 || call.fail("the matrix has elements that are not finite");
}

// (m, n) -> min(m, n) singular values, from the largest to the smallest.
void singularValues(void*, TF_OpKernelContext* context) {
  Call call(context);
  const Tensor matrix = call.input(0);
  double largest;
  if (!isMatrix(call, matrix, &largest)) return;
  const int64_t m = matrix.length(0), n = matrix.length(1), count = std::min(m, n);
  const Tensor values = call.output(0, {count}, TF_DOUBLE);
  if (!call.ok()) return;
  // Rows and columns of zeros make it fit the blocks and add singular values of 0. Elements of at most 1 have squares.
  const int64_t rows = roundedUp(std::max(m, n)), columns = roundedUp(count), stride = columns + 8;
  const double scale = largest > 0 ? 1 / largest : 1;
  std::vector<double> work(rows * stride, 0.0), found(columns), above(columns);
  const double* elements = matrix.data<double>();
  for (int64_t i = 0; i < m; i++) {
    for (int64_t j = 0; j < n; j++) {
      work[m < n ? j * stride + i : i * stride + j] = scale * elements[i * n + j];
    }
  }
  if (columns > 0) {
    Band band = reduceToBand(work.data(), rows, columns, stride);
    reduceToBidiagonal(band, found.data(), above.data());
    if (!solveBidiagonal(columns, found.data(), above.data())) {
      call.fail("the singular values do not converge");
      return;
    }
  }
  std::sort(found.begin(), found.end(), std::greater<double>());
  std::transform(found.begin(), found.begin() + count, values.data<double>(), [&](double value) { return largest * value; });
}

// (n, n) -> (n, rank).
void semidefiniteFactor(void*, TF_OpKernelContext* context) {
  Call call(context);
  const Tensor matrix = call.input(0);
  double largest;
  if (!isMatrix(call, matrix, &largest)) return;
  const int64_t size = matrix.length(0);
  if (matrix.length(1) != size) {
    call.fail("a covariance is square");
    return;
  }
  const SemidefiniteFactor factor(matrix.data<double>(), size);
  const Tensor values = call.output(0, {size, factor.rank}, TF_DOUBLE);
  if (call.ok()) std::copy(factor.values.begin(), factor.values.end(), values.data<double>());
}

// The C interface asks for a kernel's own data, of which these have none.
void* nothing(TF_OpKernelConstruction*) { return nullptr; }
void forget(void*) {}
void unknownShapes(TF_ShapeInferenceContext*, TF_Status*) {}

}  // namespace

void registerMatrixOperations() {
  registerOperation("StepadaptSingularValues", {"matrix: double"}, {"values: double"}, {}, &unknownShapes,
                    {&nothing, &singularValues, &forget});
  registerOperation("StepadaptSemidefiniteFactor", {"matrix: double"}, {"factor: double"}, {}, &unknownShapes,
                    {&nothing, &semidefiniteFactor, &forget});
}

}  // namespace stepadapt

// Singular values of dense float64 matrices in three stages: dense -> band -> bidiagonal -> values.
#pragma once

#include <cstdint>
#include <vector>

namespace stepadapt {

// Width of the blocks, and superdiagonals of the band: as many as keep products at the processor's speed and the last stages short.
constexpr int64_t kBlock = 32;

// Upper triangular band, row-major: row r holds the columns r - kBlock to r + 2 kBlock, so that there is room for what the second
// stage fills in for a while. Behind the last row stand 2 kBlock rows of zeros.
class Band {
 public:
  static constexpr int64_t kStride = 3 * kBlock;
  explicit Band(int64_t size) : size_(size), data_((size + 2 * kBlock) * (kStride + 1), 0.0) {}
  int64_t size() const { return size_; }
  // The element, and with steps of kStride between rows the matrix from there on.
  double* at(int64_t row, int64_t column) { return data_.data() + row * kStride + column + kBlock; }

 private:
  int64_t size_;
  std::vector<double> data_;
};

// A matrix of n columns and at least as many rows, both multiples of kBlock, becomes an upper triangular band with the same singular
// values. `stride` elements lie between its rows; what stands in `matrix` is lost.
Band reduceToBand(double* matrix, int64_t rows, int64_t columns, int64_t stride);

// The band becomes bidiagonal: its diagonal and the one above, of the same length with a 0 at the end.
void reduceToBidiagonal(Band& band, double* diagonal, double* above);

// Replaces the diagonal of an upper bidiagonal matrix by its singular values, in no order, and `above` by zeros. Errors are of the size
// of the largest value's rounding. False if it does not converge.
bool solveBidiagonal(int64_t size, double* diagonal, double* above);

}  // namespace stepadapt

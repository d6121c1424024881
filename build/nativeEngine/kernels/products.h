// Products of float64 matrices, row-major, in one thread: what TensorFlow's C interface does not lend.
#pragma once

#include <cstdint>

namespace stepadapt {

// What `multiply` does with a product.
enum class Product { set, subtract };

// A matrix whose element (i, j) lies at data[i * row + j * column]: with row = 1 the transpose of a row-major one.
struct Factor {
  const double* data;
  int64_t row, column;
};

// c = a b, or c -= a b, with a (rows, depth), b (depth, columns) and c (rows, columns). Strides are elements from a row to the next;
// `rows` is a multiple of 4 and `columns` of 32.
void multiply(Product product, int64_t rows, int64_t columns, int64_t depth, Factor a, const double* b, int64_t bStride,
              double* c, int64_t cStride);

}  // namespace stepadapt

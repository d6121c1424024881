#include "products.h"

#include <cstring>

#include "vectorCode.h"

namespace stepadapt {
namespace {

// Columns of a strip, rows of a tile, and depth that is worked off before the next tile: parts of a strip of b then lie in the
// first-level cache (16 KiB), and what is summed for a tile in registers.
constexpr int64_t kStrip = 32, kTile = 4, kDepth = 64;

enum class Into { set, add, subtract };

template <int lanes>
struct Lanes {
  typedef double Vector __attribute__((vector_size(lanes * sizeof(double))));
};

// One tile: kTile rows and `vectors` vectors of columns.
template <int lanes, int vectors>
INLINE void tile(Into into, int64_t depth, Factor a, const double* b, int64_t bStride, double* c, int64_t cStride) {
  typedef typename Lanes<lanes>::Vector Vector;
  Vector sums[kTile][vectors] = {};
  const double* rows[kTile];
  for (int i = 0; i < kTile; i++) rows[i] = a.data + i * a.row;
  for (int64_t k = 0; k < depth; k++) {
    Vector from[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++) std::memcpy(&from[v], b + k * bStride + v * lanes, sizeof(Vector));
#pragma GCC unroll 8
    for (int i = 0; i < kTile; i++) {
#pragma GCC unroll 8
      for (int v = 0; v < vectors; v++) sums[i][v] += rows[i][k * a.column] * from[v];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kTile; i++) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++) {
      Vector to = sums[i][v];
      double* place = c + i * cStride + v * lanes;
      if (into != Into::set) {
        std::memcpy(&to, place, sizeof(Vector));
        to = into == Into::add ? to + sums[i][v] : to - sums[i][v];
      }
      std::memcpy(place, &to, sizeof(Vector));
    }
  }
}

template <int lanes, int vectors>
INLINE void multiplyBy(Product product, int64_t rows, int64_t columns, int64_t depth, Factor a, const double* b,
                       int64_t bStride, double* c, int64_t cStride) {
  for (int64_t strip = 0; strip < columns; strip += kStrip) {
    for (int64_t first = 0; first < depth; first += kDepth) {
      const int64_t part = depth - first < kDepth ? depth - first : kDepth;
      const Into into = product == Product::subtract ? Into::subtract : first == 0 ? Into::set : Into::add;
      for (int64_t row = 0; row < rows; row += kTile) {
        const Factor left{a.data + row * a.row + first * a.column, a.row, a.column};
        for (int64_t column = strip; column < strip + kStrip; column += lanes * vectors) {
          tile<lanes, vectors>(into, part, left, b + first * bStride + column, bStride, c + row * cStride + column, cStride);
        }
      }
    }
  }
}

}  // namespace

#if MANY_PROCESSORS

namespace {

// Tiles as large as the registers of each kind of processor hold.
__attribute__((target("avx512f"))) void multiply512(Product product, int64_t rows, int64_t columns, int64_t depth, Factor a,
                                                    const double* b, int64_t bStride, double* c, int64_t cStride) {
  multiplyBy<8, 4>(product, rows, columns, depth, a, b, bStride, c, cStride);
}

__attribute__((target("avx2,fma"))) void multiply256(Product product, int64_t rows, int64_t columns, int64_t depth, Factor a,
                                                     const double* b, int64_t bStride, double* c, int64_t cStride) {
  multiplyBy<4, 2>(product, rows, columns, depth, a, b, bStride, c, cStride);
}

}  // namespace

void multiply(Product product, int64_t rows, int64_t columns, int64_t depth, Factor a, const double* b, int64_t bStride,
              double* c, int64_t cStride) {
  if (__builtin_cpu_supports("avx512f")) return multiply512(product, rows, columns, depth, a, b, bStride, c, cStride);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return multiply256(product, rows, columns, depth, a, b, bStride, c, cStride);
  }
  multiplyBy<2, 2>(product, rows, columns, depth, a, b, bStride, c, cStride);
}

#else

void multiply(Product product, int64_t rows, int64_t columns, int64_t depth, Factor a, const double* b, int64_t bStride,
              double* c, int64_t cStride) {
  multiplyBy<2, 4>(product, rows, columns, depth, a, b, bStride, c, cStride);
}

#endif

}  // namespace stepadapt

// The last stage: Golub and Kahan's implicit QR iteration on a bidiagonal matrix (Golub and Van Loan, Matrix Computations, 8.6.2; the
// shifts and directions of LAPACK's dbdsqr, Demmel and Kahan 1990), without vectors.
#include <algorithm>
#include <cmath>
#include <limits>

#include "singularValues.h"

namespace stepadapt {
namespace {

// The rotation with c f + s g = r and c g = s f.
struct Rotation {
  Rotation(double f, double g) : r(std::sqrt(f * f + g * g)), c(r == 0 ? 1 : f / r), s(r == 0 ? 0 : g / r) {}
  double r, c, s;
};

// The smaller singular value of [f g; 0 h].
double smallerValue(double f, double g, double h) {
  const double larger = std::max(std::fabs(f), std::fabs(h)), smaller = std::min(std::fabs(f), std::fabs(h));
  if (smaller == 0) return 0;
  const double sum = std::hypot(larger + smaller, g), difference = std::hypot(larger - smaller, g);
  // The two are sum +- difference over 2, and their product is that of f and h.
  return larger / ((sum + difference) / 2) * smaller;
}

// One sweep over the rows first to last, which are coupled, with a shift above 0.
void sweep(int64_t first, int64_t last, double shift, double* d, double* e) {
  double f = (std::fabs(d[first]) - shift) * (std::copysign(1.0, d[first]) + shift / d[first]);
  double g = e[first];
  for (int64_t i = first; i < last; i++) {
    const Rotation right(f, g);
    if (i > first) e[i - 1] = right.r;
    f = right.c * d[i] + right.s * e[i];
    e[i] = right.c * e[i] - right.s * d[i];
    g = right.s * d[i + 1];
    d[i + 1] *= right.c;
    const Rotation left(f, g);
    d[i] = left.r;
    f = left.c * e[i] + left.s * d[i + 1];
    d[i + 1] = left.c * d[i + 1] - left.s * e[i];
    if (i + 1 < last) {
      g = left.s * e[i + 1];
      e[i + 1] *= left.c;
    }
  }
  e[last - 1] = f;
}

// One sweep with shift 0, after which a zero anywhere on the diagonal has come to its end, and the last row is coupled no more.
void sweepUnshifted(int64_t first, int64_t last, double* d, double* e) {
  double c = 1, oldC = 1, oldS = 0;
  for (int64_t i = first; i < last; i++) {
    const Rotation right(d[i] * c, e[i]);
    if (i > first) e[i - 1] = oldS * right.r;
    const Rotation left(oldC * right.r, d[i + 1] * right.s);
    d[i] = left.r;
    c = right.c;
    oldC = left.c;
    oldS = left.s;
  }
  const double h = d[last] * c;
  d[last] = h * oldC;
  e[last - 1] = h * oldS;
}

}  // namespace

bool solveBidiagonal(int64_t size, double* d, double* e) {
  double largest = 0;
  for (int64_t i = 0; i < size; i++) largest = std::max({largest, std::fabs(d[i]), std::fabs(e[i])});
  // Less than some roundings cannot be asked for: those of a sweep over equal values bring as much back.
  const double negligible = 4 * std::numeric_limits<double>::epsilon() * largest;
  int64_t sweeps = 30 * size, known = -1;
  for (int64_t last = size - 1; last > 0;) {
    int64_t first = last;
    for (; first > 0 && std::fabs(e[first - 1]) > negligible; first--) {
    }
    if (first > 0) e[first - 1] = 0;
    if (first == last) {
      last--;
      continue;
    }
    if (sweeps-- == 0) return false;
    // Sweeps run from large to small values; the matrix turned round has the same.
    if (known != first && std::fabs(d[first]) < std::fabs(d[last])) {
      std::reverse(d + first, d + last + 1);
      std::reverse(e + first, e + last);
    }
    known = first;
    double smallest = largest;
    for (int64_t i = first; i <= last; i++) smallest = std::min(smallest, std::fabs(d[i]));
    if (smallest > negligible) {
      sweep(first, last, smallerValue(d[last - 1], e[last - 1], d[last]), d, e);
    } else {
      for (int64_t i = first; i <= last; i++) d[i] = std::fabs(d[i]) > negligible ? d[i] : 0;
      sweepUnshifted(first, last, d, e);
    }
  }
  for (int64_t i = 0; i < size; i++) d[i] = std::fabs(d[i]);
  return true;
}

}  // namespace stepadapt

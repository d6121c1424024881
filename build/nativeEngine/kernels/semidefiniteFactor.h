// Factors of covariances.
#pragma once

#include <cstdint>
#include <vector>

namespace stepadapt {

// A (size, rank) with A A^T = the symmetric positive semidefinite matrix (size, size), of which the lower triangle is read. The rank is
// that of its correlations: directions stop to count when they explain less than `size` roundings of every feature's variance.
struct SemidefiniteFactor {
  SemidefiniteFactor(const double* matrix, int64_t size);
  int64_t rank = 0;
  std::vector<double> values;
};

}  // namespace stepadapt

import * as tf from '@tensorflow/tfjs-core';
import { CholeskyDecomposition, EigenvalueDecomposition, Matrix, SingularValueDecomposition } from 'ml-matrix';
import { nativeFloat64 } from './nativeFloat64.js';

/** A dense float64 matrix, row-major. */
export interface Matrix64 {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/**
 * Linear algebra in double precision. Tensors are float32; this stands beside them for the few computations that lose their
 * meaning there, such as square roots of covariances.
 */
export interface Float64Algebra {
  /** matrix^T matrix, (columns, columns): sums of outer products of the rows with themselves. */
  gram(matrix: Matrix64): Matrix64;
  /** first^T second for matrices with equally many rows. */
  transposeMultiply(first: Matrix64, second: Matrix64): Matrix64;
  /** Lower triangular L with L L^T = matrix, of which the lower triangle is read; null where a pivot is not positive. */
  cholesky(matrix: Matrix64): Matrix64 | null;
  /** Eigenvalues of a symmetric matrix, ascending, and its eigenvectors as columns in the same order. */
  symmetricEigen(matrix: Matrix64): { readonly values: Float64Array; readonly vectors: Matrix64 };
  /** The eigenvalues alone, ascending: several times faster where the matrix is large. */
  symmetricEigenvalues(matrix: Matrix64): Float64Array;
  /** In no particular order. */
  singularValues(matrix: Matrix64): Float64Array;
  /**
   * A with A A^T = a covariance, of which the lower triangle is read, and as many columns as there are directions in which the
   * features vary. Null where no operation of ours does that, and singular values take long.
   */
  readonly semidefiniteFactor: ((covariance: Matrix64) => Matrix64) | null;
}

/** Below this size the portable code is as fast as the call into the library. */
const NATIVE_FROM = 128;

/** Linear algebra for matrices of about this size: the native library's where its engine is open, else portable code. */
export function float64Algebra(size: number): Float64Algebra {
  return tf.getBackend() === 'tensorflow' && size >= NATIVE_FROM ? nativeFloat64() : portable;
}

const portable: Float64Algebra = {
  gram({ rows, columns, data }) {
    const products = new Float64Array(columns * columns);
    for (let row = 0; row < rows; row += 1) {
      const vector = data.subarray(row * columns, (row + 1) * columns);
      for (let i = 0; i < columns; i += 1) {
        const factor = vector[i];
        for (let j = i; j < columns; j += 1) products[i * columns + j] += factor * vector[j];
      }
    }
    for (let i = 0; i < columns; i += 1) {
      for (let j = 0; j < i; j += 1) products[i * columns + j] = products[j * columns + i];
    }
    return { rows: columns, columns, data: products };
  },
  transposeMultiply(first, second) {
    return fromMlMatrix(toMlMatrix(first).transpose().mmul(toMlMatrix(second)));
  },
  cholesky(matrix) {
    // Its factorisation wants the two triangles equal to the last bit, and reads one.
    const lower = toMlMatrix(matrix);
    for (let row = 0; row < matrix.rows; row += 1) {
      for (let column = 0; column < row; column += 1) lower.set(column, row, lower.get(row, column));
    }
    const decomposition = new CholeskyDecomposition(lower);
    return decomposition.isPositiveDefinite() ? fromMlMatrix(decomposition.lowerTriangularMatrix) : null;
  },
  symmetricEigen,
  symmetricEigenvalues: (matrix) => symmetricEigen(matrix).values,
  singularValues(matrix) {
    const { diagonal } = new SingularValueDecomposition(toMlMatrix(matrix), {
      computeLeftSingularVectors: false,
      computeRightSingularVectors: false,
      autoTranspose: true,
    });
    return Float64Array.from(diagonal);
  },
  semidefiniteFactor: null,
};

function symmetricEigen(matrix: Matrix64): { values: Float64Array; vectors: Matrix64 } {
  const decomposition = new EigenvalueDecomposition(toMlMatrix(matrix), { assumeSymmetric: true });
  return {
    values: Float64Array.from(decomposition.realEigenvalues),
    vectors: fromMlMatrix(decomposition.eigenvectorMatrix),
  };
}

function toMlMatrix({ rows, columns, data }: Matrix64): Matrix {
  return Matrix.from1DArray(rows, columns, data);
}

function fromMlMatrix(matrix: Matrix): Matrix64 {
  return { rows: matrix.rows, columns: matrix.columns, data: Float64Array.from(matrix.to1DArray()) };
}

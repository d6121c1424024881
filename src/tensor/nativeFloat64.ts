import * as tf from '@tensorflow/tfjs-core';
import type { Float64Algebra, Matrix64 } from './float64.js';
import { hasOwnOperation } from './ownOperations.js';

/** What is used of the N-API binding. Tensors made here are unknown to tfjs, so each id is deleted by hand. */
interface Binding {
  createTensor(shape: number[], dtype: number, values: Int32Array): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Int32Array;
  executeOp(
    name: string,
    attributes: { name: string; type: number; value: number | boolean }[],
    inputs: number[],
    outputs: number,
  ): { id: number; shape: number[] }[];
  readonly TF_INT32: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_BOOL: number;
}

/** Names under which the add-on of build/nativeEngine/kernels registers its operations. */
const SINGULAR_VALUES = 'StepadaptSingularValues';
const SEMIDEFINITE_FACTOR = 'StepadaptSemidefiniteFactor';

/** TensorFlow's number of the type double, which the binding does not name. */
const DOUBLE = 2;

/**
 * TensorFlow's float64 operations. The binding moves no doubles in or out, but pairs of int32, which `Bitcast` turns into
 * doubles bit by bit. Needs the native engine to be open.
 *
 * @param own whether to use our own operations, by default where they are there
 */
export function nativeFloat64(
  own = hasOwnOperation(SINGULAR_VALUES) && hasOwnOperation(SEMIDEFINITE_FACTOR),
): Float64Algebra {
  const { binding } = tf.backend() as unknown as { binding: Binding };
  const type = (name: string, value: number) => ({ name, type: binding.TF_ATTR_TYPE, value });
  const flag = (name: string, value: boolean) => ({ name, type: binding.TF_ATTR_BOOL, value });
  const typed = type('T', DOUBLE);
  const transposeFirst = [typed, flag('transpose_a', true), flag('transpose_b', false)];

  /** Runs one operation on matrices and returns its outputs; nothing stays behind on the engine. */
  function run(
    operation: string,
    attributes: { name: string; type: number; value: number | boolean }[],
    inputs: readonly Matrix64[],
    outputs: number,
  ): Float64Array[] {
    const ids: number[] = [];
    const keep = (id: number) => {
      ids.push(id);
      return id;
    };
    try {
      const uploaded = inputs.map(({ rows, columns, data }) => {
        const pairs = new Int32Array(data.buffer, data.byteOffset, data.length * 2);
        const raw = keep(binding.createTensor([rows, columns, 2], binding.TF_INT32, pairs));
        const cast = [type('T', binding.TF_INT32), type('type', DOUBLE)];
        return keep(binding.executeOp('Bitcast', cast, [raw], 1)[0].id);
      });
      const results = binding.executeOp(operation, attributes, uploaded, outputs);
      for (const { id } of results) keep(id);
      return results.map(({ id, shape }) => {
        if (shape.includes(0)) return new Float64Array(0);
        const cast = [typed, type('type', binding.TF_INT32)];
        const pairs = binding.tensorDataSync(keep(binding.executeOp('Bitcast', cast, [id], 1)[0].id));
        // A copy: the pairs are memory of the tensor, which is deleted here.
        return new Float64Array(pairs.slice().buffer);
      });
    } finally {
      for (const id of ids) binding.deleteTensor(id);
    }
  }

  return {
    gram(matrix) {
      const [data] = run('MatMul', transposeFirst, [matrix, matrix], 1);
      return { rows: matrix.columns, columns: matrix.columns, data };
    },
    transposeMultiply(first, second) {
      const [data] = run('MatMul', transposeFirst, [first, second], 1);
      return { rows: first.columns, columns: second.columns, data };
    },
    cholesky(matrix) {
      const [data] = run('Cholesky', [typed], [matrix], 1);
      // Where a pivot is not positive, TensorFlow fills the triangle with NaN.
      return Number.isNaN(data[0]) ? null : { rows: matrix.rows, columns: matrix.columns, data };
    },
    symmetricEigen(matrix) {
      const [values, data] = run('SelfAdjointEigV2', [typed, flag('compute_v', true)], [matrix], 2);
      return { values, vectors: { rows: matrix.rows, columns: matrix.columns, data } };
    },
    symmetricEigenvalues(matrix) {
      return run('SelfAdjointEigV2', [typed, flag('compute_v', false)], [matrix], 2)[0];
    },
    singularValues(matrix) {
      if (own) return run(SINGULAR_VALUES, [], [matrix], 1)[0];
      return run('Svd', [typed, flag('compute_uv', false), flag('full_matrices', false)], [matrix], 3)[0];
    },
    semidefiniteFactor: own
      ? (matrix) => {
          const [data] = run(SEMIDEFINITE_FACTOR, [], [matrix], 1);
          return { rows: matrix.rows, columns: data.length / matrix.rows, data };
        }
      : null,
  };
}

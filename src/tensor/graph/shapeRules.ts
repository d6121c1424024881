import { backend_util } from '@tensorflow/tfjs-core';

/** What is known of a value while recording: never its contents, unless it is a constant. */
export interface KnownValue {
  readonly shape: readonly number[];
  /** TensorFlow's number of the type. */
  readonly dtype: number;
  /** Contents of a constant. */
  readonly values?: ArrayLike<number>;
}

type ShapeRule = (inputs: readonly KnownValue[], attributes: ReadonlyMap<string, unknown>) => (readonly number[])[];

/**
 * Shapes of the outputs of one operation.
 *
 * @throws Error for an operation without a rule
 */
export function outputShapes(
  op: string,
  inputs: readonly KnownValue[],
  attributes: ReadonlyMap<string, unknown>,
): (readonly number[])[] {
  const rule = rules.get(op);
  if (!rule) throw new Error(`no rule for the output shape of ${op}`);
  return rule(inputs, attributes);
}

const same: ShapeRule = ([x]) => [x.shape];

const broadcast: ShapeRule = ([a, b]) => [backend_util.assertAndGetBroadcastShape([...a.shape], [...b.shape])];

const fromConstant =
  (index: number): ShapeRule =>
  (inputs) => [constant(inputs[index])];

const reshape: ShapeRule = ([x, shape]) => {
  const wanted = constant(shape);
  const known = size(wanted.filter((length) => length !== -1));
  return [wanted.map((length) => (length === -1 ? size(x.shape) / known : length))];
};

const reduce: ShapeRule = ([x, axes], attributes) => {
  const reduced = new Set(constant(axes).map((axis) => axisOf(axis, x.shape.length)));
  if (attributes.get('keep_dims') === true) return [x.shape.map((length, axis) => (reduced.has(axis) ? 1 : length))];
  return [x.shape.filter((_, axis) => !reduced.has(axis))];
};

const matMul: ShapeRule = ([a, b], attributes) => {
  const batch = backend_util.assertAndGetBroadcastShape([...a.shape.slice(0, -2)], [...b.shape.slice(0, -2)]);
  const rows = a.shape.at((attributes.get('adj_x') ?? attributes.get('transpose_a')) === true ? -1 : -2)!;
  const columns = b.shape.at((attributes.get('adj_y') ?? attributes.get('transpose_b')) === true ? -2 : -1)!;
  return [[...batch, rows, columns]];
};

const concat: ShapeRule = (inputs) => {
  const tensors = inputs.slice(0, -1);
  const axis = axisOf(constant(inputs[inputs.length - 1])[0], tensors[0].shape.length);
  const length = tensors.reduce((sum, { shape }) => sum + shape[axis], 0);
  return [tensors[0].shape.with(axis, length)];
};

const split: ShapeRule = ([x, sizes, axis]) => {
  const along = axisOf(constant(axis)[0], x.shape.length);
  return constant(sizes).map((length) => x.shape.with(along, length));
};

const slice: ShapeRule = ([x, begin, sizes]) => {
  const from = constant(begin);
  return [constant(sizes).map((length, axis) => (length === -1 ? x.shape[axis] - from[axis] : length))];
};

const transpose: ShapeRule = ([x, permutation]) => [constant(permutation).map((axis) => x.shape[axis])];

const pack: ShapeRule = (inputs, attributes) => {
  const [{ shape }] = inputs;
  return [shape.toSpliced(axisOf(attributes.get('axis') as number, shape.length + 1), 0, inputs.length)];
};

const expandDims: ShapeRule = ([x, axis]) => {
  return [x.shape.toSpliced(axisOf(constant(axis)[0], x.shape.length + 1), 0, 1)];
};

const pad: ShapeRule = ([x, paddings]) => {
  const amounts = constant(paddings);
  return [x.shape.map((length, axis) => amounts[2 * axis] + length + amounts[2 * axis + 1])];
};

const tile: ShapeRule = ([x, multiples]) => {
  const times = constant(multiples);
  return [x.shape.map((length, axis) => length * times[axis])];
};

const conv2d: ShapeRule = ([x, kernel], attributes) => {
  const [height, width] = kernel.shape;
  return [[...window(x.shape, [height, width], attributes), kernel.shape[3]]];
};

const pool: ShapeRule = ([x], attributes) => {
  const [, height, width] = attributes.get('ksize') as number[];
  return [[...window(x.shape, [height, width], attributes), x.shape[3]]];
};

const resize: ShapeRule = ([x, size]) => {
  const [height, width] = constant(size);
  return [[x.shape[0], height, width, x.shape[3]]];
};

/** Of our own operations (build/nativeEngine/kernels/groupNorm.cc). */
const groupNorm: ShapeRule = ([x], attributes) => {
  const statistics = [x.shape[0], attributes.get('groups') as number];
  return [x.shape, statistics, statistics];
};

const groupNormGrad: ShapeRule = ([, x, bias, gamma, beta]) => [x.shape, bias.shape, gamma.shape, beta.shape];

const unary = [
  'Cast',
  'Cos',
  'Exp',
  'Log',
  'LogicalNot',
  'Neg',
  'Relu',
  'Rsqrt',
  'Sigmoid',
  'Sin',
  'Softmax',
  'Sqrt',
  'Square',
  'Tanh',
  'ZerosLike',
];
const binary = ['Add', 'AddV2', 'Maximum', 'Minimum', 'Mul', 'RealDiv', 'SquaredDifference', 'Sub'];
const comparisons = ['Equal', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'LogicalAnd', 'LogicalOr'];

/** Whether an operation's output is true or false, whatever its inputs are. */
export function isComparison(op: string): boolean {
  return comparisons.includes(op);
}

const rules: ReadonlyMap<string, ShapeRule> = new Map<string, ShapeRule>([
  ...unary.map((op) => [op, same] as const),
  ...[...binary, ...comparisons].map((op) => [op, broadcast] as const),
  ['AddN', same],
  ['AvgPool', pool],
  ['BatchMatMulV2', matMul],
  ['BiasAdd', same],
  ['BiasAddGrad', ([dy]) => [dy.shape.slice(-1)]],
  ['ConcatV2', concat],
  ['Conv2D', conv2d],
  ['Conv2DBackpropFilter', fromConstant(1)],
  ['Conv2DBackpropInput', fromConstant(0)],
  ['ExpandDims', expandDims],
  ['MatMul', matMul],
  ['MaxPool', pool],
  ['Mean', reduce],
  ['Pack', pack],
  ['Pad', pad],
  ['PadV2', pad],
  ['Reshape', reshape],
  ['ResizeBilinear', resize],
  ['ResizeNearestNeighbor', resize],
  ['Slice', slice],
  ['SplitV', split],
  ['StepadaptGroupNorm', groupNorm],
  ['StepadaptGroupNormGrad', groupNormGrad],
  ['Sum', reduce],
  ['Tile', tile],
  ['Transpose', transpose],
]);

/** Batch, height and width after a sliding window over (N, H, W, C). */
function window(
  [count, ...lengths]: readonly number[],
  sizes: readonly number[],
  attributes: ReadonlyMap<string, unknown>,
): number[] {
  const strides = (attributes.get('strides') as number[]).slice(1, 3);
  const padded = attributes.get('padding') === 'SAME';
  const windows = sizes.map((size, axis) =>
    Math.ceil((padded ? lengths[axis] : lengths[axis] - size + 1) / strides[axis]),
  );
  return [count, ...windows];
}

function constant({ values }: KnownValue): number[] {
  if (!values) throw new Error('a shape depends on the contents of a tensor');
  return Array.from(values);
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

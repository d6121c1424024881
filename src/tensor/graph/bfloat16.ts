import {
  ATTRIBUTE_KIND as KIND,
  DT_BFLOAT16,
  DT_FLOAT,
  type NativeBackend,
  type OperationAttribute,
  type TensorBinding,
} from './nativeBackend.js';

/** The operations that are computed in bfloat16, and which of their inputs are numbers; the others are shapes. */
const OPERANDS: ReadonlyMap<string, readonly number[]> = new Map([
  ['BatchMatMulV2', [0, 1]],
  ['Conv2D', [0, 1]],
  ['Conv2DBackpropFilter', [0, 2]],
  ['Conv2DBackpropInput', [1, 2]],
  ['MatMul', [0, 1]],
]);

/**
 * Runs `compute` with an engine whose convolutions, matrix products and their gradients round their inputs to bfloat16 (8 bits
 * of mantissa) and give their sums, added up in float32, rounded to bfloat16. All other operations, and all tensors that
 * `compute` sees, stay float32. While operations are recorded, these are recorded so.
 */
export function inBfloat16<T>(backend: NativeBackend, compute: () => T): T {
  const { binding } = backend;
  backend.binding = bfloat16Binding(binding);
  try {
    return compute();
  } finally {
    backend.binding = binding;
  }
}

function bfloat16Binding(real: TensorBinding): TensorBinding {
  const cast = (id: number, from: number, to: number) => real.executeOp('Cast', castAttributes(from, to), [id], 1)[0];
  const executeOp: TensorBinding['executeOp'] = (name, attributes, inputs, outputs) => {
    const operands = OPERANDS.get(name);
    const isFloat = attributes.some((attribute) => attribute.name === 'T' && attribute.value === DT_FLOAT);
    if (operands === undefined || !isFloat) return real.executeOp(name, attributes, inputs, outputs);
    const rounded = operands.map((index) => cast(inputs[index], DT_FLOAT, DT_BFLOAT16).id);
    const all = inputs.map((id, index) => rounded[operands.indexOf(index)] ?? id);
    const [product] = real.executeOp(name, attributes.map(inType), all, 1);
    rounded.forEach((id) => real.deleteTensor(id));
    const output = cast(product.id, DT_BFLOAT16, DT_FLOAT);
    real.deleteTensor(product.id);
    return [output];
  };
  return Object.create(real, { executeOp: { value: executeOp, enumerable: true } }) as TensorBinding;
}

function inType(attribute: OperationAttribute): OperationAttribute {
  return attribute.name === 'T' ? { ...attribute, value: DT_BFLOAT16 } : attribute;
}

function castAttributes(from: number, to: number): OperationAttribute[] {
  return [
    { name: 'SrcT', type: KIND.type, value: from },
    { name: 'DstT', type: KIND.type, value: to },
    { name: 'Truncate', type: KIND.bool, value: false },
  ];
}

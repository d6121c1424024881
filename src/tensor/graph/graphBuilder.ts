import { DT_BFLOAT16, DT_BOOL, DT_FLOAT, DT_INT32, DT_RESOURCE, DT_UINT32 } from './nativeBackend.js';
import { shapeProto, type AttrValue, type NodeDef } from './savedModel.js';
import { isComparison, outputShapes, type KnownValue } from './shapeRules.js';

/** A value in the graph: one output of one node. */
export interface GraphValue extends KnownValue {
  /** `node:output`, as other nodes' inputs and a session's feeds and fetches name it. */
  readonly name: string;
}

/** A variable that lives in the session's memory from run to run. */
export interface GraphVariable {
  readonly handle: GraphValue;
}

/** Constants up to this many elements are written once, however often they are used. */
const SHARED_CONSTANT = 64;

/** Collects the nodes of a graph. */
export class GraphBuilder {
  readonly nodes: NodeDef[] = [];
  private readonly constants = new Map<string, GraphValue>();
  private readonly casts = new Map<string, GraphValue>();
  /** What every new operation waits for. */
  private waitsFor: readonly string[] = [];

  /** A value that each run is given. */
  placeholder(name: string, shape: readonly number[], dtype = DT_FLOAT): GraphValue {
    return this.value(
      this.node('Placeholder', [], { dtype: { type: dtype }, shape: { shape: shapeProto(shape) } }, name),
      {
        shape,
        dtype,
      },
    );
  }

  constant(shape: readonly number[], dtype: number, values: ArrayLike<number>): GraphValue {
    if (values.length > SHARED_CONSTANT) return this.newConstant(shape, dtype, values);
    const key = `${dtype};${shape.join()};${Array.from(values, (value) => (Object.is(value, -0) ? '-0' : value)).join()}`;
    const known = this.constants.get(key) ?? this.newConstant(shape, dtype, values);
    this.constants.set(key, known);
    return known;
  }

  /** Adds the nodes of `add`, all of which wait until `value` is there. */
  after<T>({ name }: GraphValue, add: () => T): T {
    const before = this.waitsFor;
    this.waitsFor = [`^${name.slice(0, name.lastIndexOf(':'))}`];
    try {
      return add();
    } finally {
      this.waitsFor = before;
    }
  }

  /** An operation whose outputs' shapes have a rule. A value is cast to a type once, however often it is asked for. */
  operation(
    op: string,
    inputs: readonly GraphValue[],
    attributes: ReadonlyMap<string, unknown>,
    encoded: Readonly<Record<string, AttrValue>>,
  ): GraphValue[] {
    const castKey = op === 'Cast' ? this.castKey(inputs[0].name, attributes.get('DstT') as number) : null;
    const known = castKey === null ? undefined : this.casts.get(castKey);
    if (known) return [known];
    const given = (attributes.get('DstT') ?? attributes.get('T')) as number | undefined;
    const dtype = isComparison(op) ? DT_BOOL : (given ?? inputs[0].dtype);
    const shapes = outputShapes(op, inputs, attributes);
    const node = this.node(op, names(inputs), encoded);
    const outputs = shapes.map((shape, output) => ({ name: `${node}:${output}`, shape, dtype }));
    if (castKey !== null) {
      const [output] = outputs;
      this.casts.set(castKey, output);
      // Rounding what was widened gives the same bits.
      if (inputs[0].dtype === DT_BFLOAT16) this.casts.set(this.castKey(output.name, DT_BFLOAT16), inputs[0]);
    }
    return outputs;
  }

  /** A float32 variable; without a shape, one whose shape may change from assignment to assignment. */
  variable(name: string, shape: readonly number[] | null): GraphVariable {
    const shapeAttribute = shape === null ? { unknownRank: true } : shapeProto(shape);
    const attr = { dtype: { type: DT_FLOAT }, shape: { shape: shapeAttribute }, shared_name: { s: utf8(name) } };
    return {
      handle: this.value(this.node('VarHandleOp', [], attr, name), { shape: [], dtype: DT_RESOURCE }),
    };
  }

  /** The variable's value when `after` have run. */
  read({ handle }: GraphVariable, shape: readonly number[], after: readonly string[] = []): GraphValue {
    const node = this.node('ReadVariableOp', [handle.name, ...controls(after)], { dtype: { type: DT_FLOAT } });
    return this.value(node, { shape, dtype: DT_FLOAT });
  }

  /** Replaces a variable's value, or adds to it, when `after` have run. Returns the node, for others to wait for. */
  assign(
    op: 'AssignVariableOp' | 'AssignAddVariableOp',
    { handle }: GraphVariable,
    value: GraphValue,
    after: readonly string[] = [],
  ): string {
    return this.node(op, [handle.name, value.name, ...controls(after)], { dtype: { type: DT_FLOAT } });
  }

  /** A scalar whose fetching makes `nodes` run: a session runs what its fetches need and nothing else. */
  done(name: string, nodes: readonly string[]): GraphValue {
    const zero = this.constant([], DT_FLOAT, [0]);
    return this.value(this.node('Identity', [zero.name, ...controls(nodes)], { T: { type: DT_FLOAT } }, name), zero);
  }

  /** Adds a node with given attributes and returns its name. */
  node(op: string, input: readonly string[], attr: Readonly<Record<string, AttrValue>>, name?: string): string {
    const unique = name ?? `${op}_${this.nodes.length}`;
    // A constant serves everyone, at any time.
    this.nodes.push({ name: unique, op, input: op === 'Const' ? input : [...input, ...this.waitsFor], attr });
    return unique;
  }

  /** The first output of a node. */
  value(node: string, { shape, dtype }: KnownValue): GraphValue {
    return { name: `${node}:0`, shape, dtype };
  }

  private castKey(name: string, type: number): string {
    return [name, type, ...this.waitsFor].join(' ');
  }

  private newConstant(shape: readonly number[], dtype: number, values: ArrayLike<number>): GraphValue {
    const array = typedArray(dtype, values);
    const tensor = { dtype, tensorShape: shapeProto(shape), tensorContent: new Uint8Array(array.buffer) };
    const node = this.node('Const', [], { dtype: { type: dtype }, value: { tensor } });
    return { ...this.value(node, { shape, dtype }), values: array };
  }
}

function typedArray(dtype: number, values: ArrayLike<number>): Float32Array | Int32Array | Uint32Array {
  if (dtype === DT_INT32) return Int32Array.from(values);
  return dtype === DT_UINT32 ? Uint32Array.from(values) : Float32Array.from(values);
}

function names(values: readonly GraphValue[]): string[] {
  return values.map(({ name }) => name);
}

function controls(nodes: readonly string[]): string[] {
  return nodes.map((node) => `^${node}`);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

import protobuf from 'protobufjs';

/**
 * The parts of TensorFlow's `saved_model.proto`, `graph.proto`, `node_def.proto`, `attr_value.proto`, `tensor.proto` and
 * `tensor_shape.proto` that a recorded graph needs, with their published field numbers.
 */
const schema = `
  syntax = "proto3";
  message SavedModel { int64 savedModelSchemaVersion = 1; repeated MetaGraphDef metaGraphs = 2; }
  message MetaGraphDef { MetaInfoDef metaInfoDef = 1; GraphDef graphDef = 2; }
  message MetaInfoDef { repeated string tags = 4; }
  message GraphDef { repeated NodeDef node = 1; VersionDef versions = 4; }
  message VersionDef { int32 producer = 1; }
  message NodeDef { string name = 1; string op = 2; repeated string input = 3; map<string, AttrValue> attr = 5; }
  message AttrValue {
    message ListValue { repeated int64 i = 3; }
    oneof value {
      ListValue list = 1; bytes s = 2; int64 i = 3; float f = 4; bool b = 5; int32 type = 6;
      TensorShapeProto shape = 7; TensorProto tensor = 8;
    }
  }
  message TensorShapeProto {
    message Dim { int64 size = 1; }
    repeated Dim dim = 2;
    bool unknownRank = 3;
  }
  message TensorProto { int32 dtype = 1; TensorShapeProto tensorShape = 2; bytes tensorContent = 4; }
`;

interface ShapeProto {
  readonly dim?: readonly { readonly size: number }[];
  readonly unknownRank?: boolean;
}

/** One attribute of a node; exactly one field is set. */
export type AttrValue =
  | { readonly list: { readonly i: readonly number[] } }
  | { readonly s: Uint8Array }
  | { readonly i: number }
  | { readonly f: number }
  | { readonly b: boolean }
  | { readonly type: number }
  | { readonly shape: ShapeProto }
  | {
      readonly tensor: { readonly dtype: number; readonly tensorShape: ShapeProto; readonly tensorContent: Uint8Array };
    };

/** One operation of a graph. Inputs are `name:output`, or `^name` for one that must only have run before. */
export interface NodeDef {
  readonly name: string;
  readonly op: string;
  readonly input: readonly string[];
  readonly attr: Readonly<Record<string, AttrValue>>;
}

/** The tag under which the graph is stored. */
export const SERVE_TAG = 'serve';

/** Version of the graph format: that of TensorFlow 2.14, which later versions read. */
const GRAPH_PRODUCER = 1800;

const savedModel = protobuf.parse(schema).root.lookupType('SavedModel');

/** The contents of `saved_model.pb` for a graph without functions or stored variables. */
export function encodeSavedModel(nodes: readonly NodeDef[]): Uint8Array {
  const graphDef = { node: nodes, versions: { producer: GRAPH_PRODUCER } };
  const message = {
    savedModelSchemaVersion: 1,
    metaGraphs: [{ metaInfoDef: { tags: [SERVE_TAG] }, graphDef }],
  };
  return savedModel.encode(message).finish();
}

/** A known shape. */
export function shapeProto(shape: readonly number[]): ShapeProto {
  return { dim: shape.map((size) => ({ size })) };
}

import * as tf from '@tensorflow/tfjs-core';
import type { DropoutMasks } from '../model/unet.js';
import type { GraphBuilder, GraphValue } from '../tensor/graph/graphBuilder.js';
import { DT_BOOL, DT_FLOAT, DT_INT32, DT_UINT32, DT_UINT64 } from '../tensor/graph/nativeBackend.js';
import type { Recording } from '../tensor/graph/recording.js';
import { philoxStart } from '../tensor/random.js';
import { dropoutSite } from './dropoutMasks.js';
import type { UpdateSettings } from './trainStep.js';

/** TensorFlow's number of the Philox generator. */
const PHILOX = 1;

/** Names of what the masks of one kind of micro-batch are made from. */
export interface DropoutPorts {
  /** (N, 4) int32: the counter of every image. */
  readonly counters: string;
  /** (2) int32 each: the key of every site. */
  readonly keys: readonly { readonly site: number; readonly name: string }[];
}

/**
 * Records the masks of `dropoutMasks`, bit for bit: TensorFlow's generator is the same Philox, started at the same counter with
 * the same key, and only these are given at each run.
 *
 * @param count images of the micro-batch
 * @returns the masks of `images` images from `first` on, and the ports, complete once all masks have been asked for
 */
export function recordDropout(
  builder: GraphBuilder,
  recording: Recording,
  { rate, count, prefix }: { readonly rate: number; readonly count: number; readonly prefix: string },
): { readonly masks: (first: number, images: number) => DropoutMasks; readonly ports: DropoutPorts } {
  const counters = builder.placeholder(`${prefix}/counters`, [count, 4], DT_INT32);
  const keys: DropoutPorts['keys'][number][] = [];
  const rows = builder.node('Unpack', [counters.name], {
    num: { i: count },
    T: { type: DT_INT32 },
    axis: { i: 0 },
  });
  const starts = Array.from({ length: count }, (_, image) => bits64(builder, { name: `${rows}:${image}` }, 2));
  const algorithm = builder.constant([], DT_INT32, [PHILOX]);
  // A uniform number is a word's upper 24 bits; being less than the rate is the word being less than this.
  const threshold = builder.constant([], DT_UINT32, [Math.ceil(rate * 2 ** 24) * 2 ** 8]);
  const scale = builder.constant([], DT_FLOAT, [1 / (1 - rate)]);

  const keyed = new Map<number, GraphValue>();
  const keyOf = (site: number): GraphValue => {
    const known = keyed.get(site);
    if (known) return known;
    const placed = builder.placeholder(`${prefix}/key${site}`, [2], DT_INT32);
    keys.push({ site, name: placed.name });
    const key = bits64(builder, placed, 1);
    keyed.set(site, key);
    return key;
  };
  const words = (images: readonly GraphValue[], key: GraphValue, shape: GraphValue): GraphValue[] =>
    images.map((start) => {
      const attributes = { dtype: { type: DT_UINT32 }, Tshape: { type: DT_INT32 } };
      const inputs = [shape, key, start, algorithm].map(({ name }) => name);
      const node = builder.node('StatelessRandomUniformFullIntV2', inputs, attributes);
      return builder.value(node, { shape: [], dtype: DT_UINT32 });
    });

  return {
    masks: (first, images) => ({
      mask(site, shape) {
        const perImage = shape.slice(1);
        const drawn = words(
          starts.slice(first, first + images),
          keyOf(site),
          builder.constant([perImage.length], DT_INT32, perImage),
        );
        const unary = (op: string, inputs: readonly string[], attributes: Parameters<GraphBuilder['node']>[2]) =>
          `${builder.node(op, inputs, attributes)}:0`;
        const all = unary(
          'Pack',
          drawn.map(({ name }) => name),
          { N: { i: images }, T: { type: DT_UINT32 }, axis: { i: 0 } },
        );
        const kept = unary('GreaterEqual', [all, threshold.name], { T: { type: DT_UINT32 } });
        const ones = unary('Cast', [kept], { SrcT: { type: DT_BOOL }, DstT: { type: DT_FLOAT } });
        const mask = unary('Mul', [ones, scale.name], { T: { type: DT_FLOAT } });
        return recording.tensor({ name: mask, shape, dtype: DT_FLOAT });
      },
    }),
    ports: { counters: counters.name, keys },
  };
}

/** The values of the ports for one micro-batch; call inside `tf.tidy`. */
export function dropoutFeeds(
  ports: DropoutPorts,
  settings: Pick<UpdateSettings, 'update' | 'dropoutKey'>,
  images: { readonly first: number; readonly count: number },
): Map<string, tf.Tensor> {
  const start = (site: number, image: number) => philoxStart(dropoutSite(settings, site, images.first + image));
  const counters = Array.from({ length: images.count }, (_, image) => start(0, image).counter.map((word) => word | 0));
  return new Map<string, tf.Tensor>([
    [ports.counters, tf.tensor2d(counters.flat(), [images.count, 4], 'int32')],
    ...ports.keys.map(({ site, name }) => {
      const { key } = start(site, 0);
      return [
        name,
        tf.tensor1d(
          key.map((word) => word | 0),
          'int32',
        ),
      ] as const;
    }),
  ]);
}

/** `length` 64-bit words from twice as many 32-bit ones, the lower first. */
function bits64(builder: GraphBuilder, { name }: Pick<GraphValue, 'name'>, length: number): GraphValue {
  const shape = builder.constant([2], DT_INT32, [length, 2]);
  const pairs = builder.node('Reshape', [name, shape.name], { T: { type: DT_INT32 }, Tshape: { type: DT_INT32 } });
  const node = builder.node('Bitcast', [`${pairs}:0`], { T: { type: DT_INT32 }, type: { type: DT_UINT64 } });
  return builder.value(node, { shape: [length], dtype: DT_UINT64 });
}

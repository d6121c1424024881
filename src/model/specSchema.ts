import { z } from 'zod';
import type { AttentionSpec, ResBlockSpec, UNetSpec } from './spec.js';

/** Far above any image network, and low enough that a malformed file cannot ask for absurd memory. */
const MAX_WIDTH = 65_536;
const MAX_LEVELS = 16;
const MAX_BLOCKS = 64;

const width = z.number().int().min(1).max(MAX_WIDTH);

const resBlock = z
  .strictObject({
    in: width,
    inner: width,
    out: width,
    norm1Groups: width,
    norm2Groups: width,
    shortcut: z.boolean().optional(),
  })
  // Files of earlier versions leave it out: their networks have a shortcut exactly where the width changes.
  .transform((block) => ({ ...block, shortcut: block.shortcut ?? block.in !== block.out }));
const attention = z.strictObject({
  channels: width,
  qk: width,
  v: width,
  normGroups: width,
  // Files of earlier versions leave heads and scale-shift norms out: their networks have neither.
  heads: width.default(1),
  scaleWidth: width,
});
const blocks = z
  .array(z.strictObject({ res: resBlock, attention: attention.nullable() }))
  .min(1)
  .max(MAX_BLOCKS);

/** A `UNetSpec` from a file: right in form, and its widths fit together. */
export const unetSpecSchema: z.ZodType<UNetSpec> = z
  .strictObject({
    size: width,
    inChannels: width,
    outChannels: width,
    time: z.strictObject({ sinusoid: width.min(4).multipleOf(2), hidden: width, out: width }),
    scaleShift: z.boolean().default(false),
    convIn: width,
    down: z
      .array(z.strictObject({ blocks, downsample: width.nullable() }))
      .min(1)
      .max(MAX_LEVELS),
    mid: z.strictObject({ first: resBlock, attention, second: resBlock }),
    up: z
      .array(z.strictObject({ blocks, upsample: width.nullable() }))
      .min(1)
      .max(MAX_LEVELS),
    normOutGroups: width,
    normEps: z.number().gt(0).max(1),
    dropout: z.number().min(0).lt(1),
  })
  .superRefine((spec, context) => {
    for (const message of misfits(spec)) context.addIssue({ code: 'custom', message });
  });

/** Follows the channels through the network; one sentence for everything that does not fit. */
function misfits(spec: UNetSpec): string[] {
  const found: string[] = [];
  const expect = (fits: boolean, message: string) => {
    if (!fits) found.push(message);
  };
  const walkRes = (res: ResBlockSpec, input: number, name: string): number => {
    expect(res.in === input, `${name} reads ${res.in} channels where ${input} arrive`);
    expect(res.shortcut || res.in === res.out, `${name} has no shortcut, but turns ${res.in} channels into ${res.out}`);
    expect(res.in % res.norm1Groups === 0, `${name}.norm1 has ${res.norm1Groups} groups for ${res.in} channels`);
    expect(res.inner % res.norm2Groups === 0, `${name}.norm2 has ${res.norm2Groups} groups for ${res.inner} channels`);
    return res.out;
  };
  const walkAttention = (at: AttentionSpec | null, input: number, name: string): void => {
    if (at === null) return;
    expect(at.channels === input, `${name} reads ${at.channels} channels where ${input} arrive`);
    expect(at.channels % at.normGroups === 0, `${name} has ${at.normGroups} norm groups for ${at.channels} channels`);
    expect(at.qk % at.heads === 0, `${name} has ${at.heads} heads for ${at.qk} channels of q and k`);
    expect(at.v % at.heads === 0, `${name} has ${at.heads} heads for ${at.v} channels of v`);
  };

  const { down, mid, up } = spec;
  const halvings = down.length - 1;
  expect(spec.size % 2 ** halvings === 0, `images of ${spec.size} pixels cannot be halved ${halvings} times`);
  expect(up.length === down.length, `there are ${down.length} levels down, but ${up.length} up`);

  let current = spec.convIn;
  const skips = [current];
  down.forEach((level, i) => {
    level.blocks.forEach((block, j) => {
      current = walkRes(block.res, current, `down_blocks.${i}.resnets.${j}`);
      walkAttention(block.attention, current, `down_blocks.${i}.attentions.${j}`);
      skips.push(current);
    });
    expect(
      (level.downsample === null) === (i === halvings),
      `down_blocks.${i} must halve the image unless it is the last`,
    );
    if (level.downsample !== null) skips.push((current = level.downsample));
  });

  current = walkRes(mid.first, current, 'mid_block.resnets.0');
  walkAttention(mid.attention, current, 'mid_block.attentions.0');
  current = walkRes(mid.second, current, 'mid_block.resnets.1');

  up.forEach((level, i) => {
    expect(
      level.blocks.length === (down.at(-1 - i)?.blocks.length ?? 0) + 1,
      `up_blocks.${i} must have one block more than the level down of its resolution`,
    );
    level.blocks.forEach((block, j) => {
      current = walkRes(block.res, current + (skips.pop() ?? 0), `up_blocks.${i}.resnets.${j}`);
      walkAttention(block.attention, current, `up_blocks.${i}.attentions.${j}`);
    });
    expect(
      (level.upsample === null) === (i === up.length - 1),
      `up_blocks.${i} must double the image unless it is the last`,
    );
    current = level.upsample ?? current;
  });
  expect(current % spec.normOutGroups === 0, `conv_norm_out has ${spec.normOutGroups} groups for ${current} channels`);
  return found;
}

import type { PruningConfig } from '../contract/config.js';

/**
 * The part of a stage's inputs that says which multiples widths are. Undefined for 1, which leaves no trace in the inputs' hash:
 * results from before there was a choice stay valid.
 */
export function multipleInput({ widthMultiple }: Pick<PruningConfig, 'widthMultiple'>): {
  widthMultiple: number | undefined;
} {
  return { widthMultiple: widthMultiple === 1 ? undefined : widthMultiple };
}

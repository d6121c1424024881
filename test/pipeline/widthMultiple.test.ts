import { expect, it } from 'vitest';
import { pruningSchema } from '../../src/contract/config.js';
import { multipleInput } from '../../src/pipeline/widthMultiple.js';

it('the default changes no input of a stage, so results from before the choice stay valid', () => {
  const pruning = pruningSchema.parse(undefined);
  expect(JSON.stringify({ scope: pruning.scope, ...multipleInput(pruning) })).toBe('{"scope":"inner"}');
  expect(multipleInput({ widthMultiple: 16 })).toEqual({ widthMultiple: 16 });
});

import type { TestSpecification } from 'vitest/node';
import { BaseSequencer } from 'vitest/node';

/** Files that take longest, by a run with one worker. Begun last, one of them would leave the other processors idle. */
const LONG = [
  'cli/pipeline',
  'fault/killAndResume',
  'training/compiledTrainStep',
  'training/trainStep',
  'app/realRun',
  'cli/badInput',
  'pipeline/expertStage',
  'cli/pruning',
  'cli/queue',
  'fault/verifyAndRepair',
  'pipeline/sweep/runSweep',
  'fault/crashPoints',
  'training/resume',
  'pipeline/trainNetwork',
  'training/stepOptions',
  'evaluation/inception/weights',
];

/** Hands the long files out first; the others as Vitest does. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = LONG.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return place === -1 ? LONG.length : place;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

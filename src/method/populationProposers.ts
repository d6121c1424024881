import { randomUniform } from '../tensor/random.js';
import { allocateInSpace, type AllocationOptions } from './allocation.js';
import { projectWidths } from './projectWidths.js';
import { ATTEMPTS, findEntry, type Proposal, type ProposalRequest, type Proposer } from './proposer.js';
import type { MemoryEntry } from './proxyMemory.js';
import type { WidthChoice } from './widthSpace.js';

interface RandomStream {
  readonly seed: number;
  readonly stream: string;
}

/**
 * Draws every width uniformly from its legal values and projects the draw onto the budget: what a search has to beat. Which
 * channels a width keeps is still decided by importance.
 */
export function randomProposer(options: RandomStream): Proposer {
  return {
    propose: async (request) =>
      firstNew(request, options, request.search.space.choices.length, (draw) => ({
        widths: new Map(request.search.space.choices.map((choice) => [choice.id, legalWidth(choice, draw())])),
        reason: 'drawn at random',
      })),
  };
}

/** The best rounds that parents are drawn from. */
const SURVIVORS = 8;

/**
 * A steady-state evolutionary search, as DDSM's (arXiv 2310.03337) over whole networks, here over the widths of one. Round 0 is
 * the allocation by importance. A child takes every width from one of two parents, each the better of two survivors drawn at
 * random; widths then move by one unit with probability 1 / number of widths, and the child is projected onto the budget.
 */
export function evolutionaryProposer(
  options: RandomStream & { readonly allocator: AllocationOptions['method'] },
): Proposer {
  return {
    async propose(request) {
      const { round, history, search } = request;
      const { space, ranking, targetMacs } = search;
      const { choices } = space;
      const start = allocateInSpace(space, ranking, { targetMacs, method: options.allocator }).widths;
      if (round === 0) return { widths: start, reason: `${options.allocator} allocation by importance` };
      const survivors = history
        .filter((entry): entry is MemoryEntry & { score: number } => entry.score !== null)
        .sort((a, b) => a.score - b.score || a.round - b.round)
        .slice(0, SURVIVORS);
      return firstNew(request, options, 4 + 3 * choices.length, (draw) => {
        // Survivors are in order of score: the better of two is the earlier one.
        const tournament = () =>
          survivors[Math.min(...[draw(), draw()].map((uniform) => Math.floor(uniform * survivors.length)))];
        const parents = [tournament(), tournament()];
        const widths = new Map(
          choices.map((choice) => {
            const parent = parents[draw() < 0.5 ? 0 : 1];
            const inherited = parent?.widths[choice.id] ?? start.get(choice.id)!;
            const [mutates, direction] = [draw() < 1 / choices.length, draw()];
            return [choice.id, mutates ? moved(choice, inherited, direction < 0.5 ? -1 : 1) : inherited];
          }),
        );
        const names = parents.map((parent) => (parent === undefined ? 'the start' : `round ${parent.round}`));
        return { widths, reason: `child of ${names.join(' and ')}` };
      });
    },
  };
}

/** The first of a few random candidates that, once legal, no earlier round had; null when all were known. */
function firstNew(
  { round, history, search }: ProposalRequest,
  { seed, stream }: RandomStream,
  draws: number,
  candidate: (draw: () => number) => Proposal,
): Proposal | null {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const uniform = randomUniform({ seed, stream, index: round * ATTEMPTS + attempt }, draws);
    let used = 0;
    const { widths, reason } = candidate(() => uniform[used++]);
    const projected = projectWidths(widths, search.space, search.ranking, search.targetMacs);
    if (projected.accepted && findEntry(history, projected.widths) === undefined) {
      return { widths: projected.widths, reason: [reason, ...projected.repairs].join('; ') };
    }
  }
  return null;
}

function legalWidth({ minimum, full, unit }: WidthChoice, uniform: number): number {
  return minimum + unit * Math.floor(uniform * ((full - minimum) / unit + 1));
}

function moved({ minimum, full, unit }: WidthChoice, width: number, units: number): number {
  return Math.min(full, Math.max(minimum, width + units * unit));
}

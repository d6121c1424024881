import { StepAdaptError } from '../contract/errors.js';
import { lossPerMac } from './channelRanking.js';
import type { Proposer, ProposalRequest } from './proposer.js';
import type { TimestepGroup } from './timestepGroups.js';
import { costChange } from './widthSpace.js';

/** One message of a chat, as OpenAI-compatible services take it. */
export interface ChatMessage {
  readonly role: 'system' | 'user';
  readonly content: string;
}

/**
 * Asks a language model, or a recorded transcript of one.
 * @throws any error when there is no answer; `INTERRUPTED` when the run is stopped
 */
export type AskLanguageModel = (round: number, messages: readonly ChatMessage[]) => Promise<string>;

/**
 * The proposer of the paper: a language model that sees the task, the legal widths, the budget, the importance of the channels
 * and all earlier rounds, and answers with a list of widths (arXiv 2312.13307 uses GPT-4; the message is rebuilt from scratch
 * in every round, as in GENIUS, arXiv 2304.10970).
 *
 * Whatever goes wrong becomes a failed proposal with its reason, never an error: the search then goes on without the model.
 */
export function languageModelProposer(options: {
  readonly group: Pick<TimestepGroup, 'from' | 'to'>;
  readonly timesteps: number;
  readonly ask: AskLanguageModel;
}): Proposer {
  return {
    async propose(request) {
      const { choices } = request.search.space;
      let answer: string;
      try {
        answer = await options.ask(request.round, chatMessages(request, options));
      } catch (error) {
        // The run was stopped, or what was said could not be kept; the model's own troubles are plain errors.
        if (error instanceof StepAdaptError) throw error;
        return {
          failed: `the language model gave no answer: ${error instanceof Error ? error.message : String(error)}`,
        };
      }
      const widths = parseWidthList(answer, choices.length);
      if ('failed' in widths) return widths;
      return {
        widths: new Map(choices.map(({ id }, index) => [id, widths.list[index]])),
        reason: 'proposed by the language model',
      };
    },
  };
}

/** What the model is told: its role, and the state of the search as JSON. */
export function chatMessages(
  { history, search }: ProposalRequest,
  { group, timesteps }: { readonly group: Pick<TimestepGroup, 'from' | 'to'>; readonly timesteps: number },
): ChatMessage[] {
  const { space, ranking, targetMacs } = search;
  const full = new Map(space.choices.map((choice) => [choice.id, choice.full]));
  const state = {
    task: `Choose the channel widths of a pruned denoising network for timesteps ${group.from} to ${group.to - 1} of ${timesteps} (0 = least noise).`,
    ...(space.measure === 'latency' && {
      cost: 'The budget and macsPerUnit are in MACs of equal measured time; the macs of rounds are multiply-accumulates.',
    }),
    widths: space.choices.map((choice) => ({
      id: choice.id,
      smallest: choice.minimum,
      largest: choice.full,
      multipleOf: choice.unit,
      macsPerUnit: choice.minimum < choice.full ? -costChange(choice, full, -1) : 0,
      totalImportance: rounded(ranking.get(choice.id)!.importance.reduce((sum, value) => sum + value, 0)),
      leastImportancePerMac: choice.minimum < choice.full ? rounded(lossPerMac(ranking, choice, full)) : null,
    })),
    budget: { macs: Math.round(targetMacs), tolerance: Math.round(space.tolerance), macsOfAllLargest: space.maxMacs },
    rounds: history.map(({ round, widths, macs, score, repairs }) => ({
      round,
      widths: space.choices.map(({ id }) => widths[id]),
      macs,
      loss: score,
      repairs,
    })),
    answer: `A JSON list of ${space.choices.length} integers and nothing else: one width for each entry of "widths", in that order, other than those of all rounds so far, within the budget, with a lower loss.`,
  };
  return [
    {
      role: 'system',
      content:
        'You are an expert in structured pruning of diffusion models. Each round you propose channel widths; a short training measures their loss, lower is better.',
    },
    { role: 'user', content: JSON.stringify(state) },
  ];
}

/** Longest answer that is looked at, characters. */
const MAX_ANSWER = 65_536;

/**
 * The last JSON list in an answer. Elements that are no numbers become NaN, for projection to repair.
 * @returns the list, or why there is none of the right length
 */
export function parseWidthList(answer: string, count: number): { list: number[] } | { failed: string } {
  const lists = answer.slice(0, MAX_ANSWER).match(/\[[^[\]]*\]/g);
  if (lists === null) return { failed: 'the answer holds no JSON list' };
  let parsed: unknown;
  try {
    parsed = JSON.parse(lists[lists.length - 1]);
  } catch {
    return { failed: 'the list in the answer is not JSON' };
  }
  const values = parsed as unknown[];
  if (values.length !== count) return { failed: `the answer lists ${values.length} widths where ${count} are needed` };
  return { list: values.map((value) => (typeof value === 'number' ? value : Number.NaN)) };
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

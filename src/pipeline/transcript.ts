import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { describeError, failure, inputError, StepAdaptError } from '../contract/errors.js';
import { parseJson } from '../formats/json.js';
import type { AskLanguageModel, ChatMessage } from '../method/languageModelProposer.js';
import { makeFolder } from '../project/atomicFile.js';
import { appendLines, cutTornLine, readLines } from '../project/lineFile.js';

const entrySchema = z.object({
  /** Stage that asked, such as `experts/2`. */
  stage: z.string(),
  round: z.number().int().min(0),
  messages: z.array(z.object({ role: z.enum(['system', 'user']), content: z.string() })),
  /** What came back; null where nothing did. */
  answer: z.string().nullable(),
  /** Why nothing came back. */
  problem: z.string().nullable(),
});

/**
 * Asks, and writes every question with its answer to a JSON-lines file. A question that this file already
 * answers, because the run was cut off between the answer and the search's memory, is not asked again.
 *
 * @throws failure when the file cannot be written, `INTERRUPTED` when the run is stopped, and whatever `ask` throws
 */
export async function recording(
  path: string,
  stage: string,
  ask: (messages: readonly ChatMessage[]) => Promise<string>,
): Promise<AskLanguageModel> {
  await makeFolder(dirname(path));
  await cutTornLine(path);
  const answered = new Map<string, string>();
  for (const entry of await readEntries(path)) {
    if (entry.stage === stage && entry.answer !== null)
      answered.set(question(entry.round, entry.messages), entry.answer);
  }
  return async (round, messages) => {
    const earlier = answered.get(question(round, messages));
    if (earlier !== undefined) return earlier;
    const write = (answer: string | null, problem: string | null) =>
      appendLines(path, [JSON.stringify({ stage, round, messages, answer, problem })]).catch((cause: unknown) => {
        const { code, message, hint } = describeError(cause);
        throw failure(code, message, hint, { cause });
      });
    let answer: string;
    try {
      answer = await ask(messages);
    } catch (error) {
      if (!(error instanceof StepAdaptError)) await write(null, error instanceof Error ? error.message : String(error));
      throw error;
    }
    await write(answer, null);
    return answer;
  };
}

function question(round: number, messages: readonly ChatMessage[]): string {
  return JSON.stringify([round, messages.map(({ role, content }) => [role, content])]);
}

/**
 * Answers from a recorded transcript: for each stage and round the last recorded one. Transcripts of several stages may be
 * joined into one file. The questions are not compared: losses in them differ from machine to machine in their last digits.
 *
 * @throws input error `TRANSCRIPT_INVALID` when the file cannot be read
 */
export async function replaying(path: string, stage: string): Promise<AskLanguageModel> {
  const answers = new Map<number, z.output<typeof entrySchema>>();
  try {
    await access(path);
    for (const entry of await readEntries(path)) if (entry.stage === stage) answers.set(entry.round, entry);
  } catch (cause) {
    throw cause instanceof StepAdaptError ? cause : invalid(path, cause);
  }
  return async (round) => {
    const entry = answers.get(round);
    if (entry === undefined) throw new Error(`the transcript has no round ${round} of ${stage}`);
    if (entry.answer === null) throw new Error(entry.problem ?? 'no answer was recorded');
    return entry.answer;
  };
}

async function readEntries(path: string): Promise<z.output<typeof entrySchema>[]> {
  const { lines } = await readLines(path);
  try {
    return lines.filter((line) => line !== '').map((line) => entrySchema.parse(parseJson(line)));
  } catch (cause) {
    throw invalid(path, cause);
  }
}

function invalid(path: string, cause: unknown): StepAdaptError {
  return inputError(
    'TRANSCRIPT_INVALID',
    `${path} is not a transcript of a language model`,
    'set pruning.proposerTranscript to a transcript.jsonl that a search wrote, or to null',
    { cause },
  );
}

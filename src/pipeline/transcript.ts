import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { inputError } from '../contract/errors.js';
import type { AskLanguageModel, ChatMessage } from '../method/languageModelProposer.js';

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

/** Asks, and writes every question with its answer to a JSON-lines file. */
export function recording(
  path: string,
  stage: string,
  ask: (messages: readonly ChatMessage[]) => Promise<string>,
): AskLanguageModel {
  return async (round, messages) => {
    const write = async (answer: string | null, problem: string | null) => {
      await mkdir(dirname(path), { recursive: true });
      await appendFile(path, `${JSON.stringify({ stage, round, messages, answer, problem })}\n`);
    };
    let answer: string;
    try {
      answer = await ask(messages);
    } catch (error) {
      await write(null, error instanceof Error ? error.message : String(error));
      throw error;
    }
    await write(answer, null);
    return answer;
  };
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
    const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
    for (const line of lines) {
      const entry = entrySchema.parse(JSON.parse(line));
      if (entry.stage === stage) answers.set(entry.round, entry);
    }
  } catch (cause) {
    throw inputError(
      'TRANSCRIPT_INVALID',
      `${path} is not a transcript of a language model`,
      'set pruning.proposerTranscript to a transcript.jsonl that a search wrote, or to null',
      { cause },
    );
  }
  return async (round) => {
    const entry = answers.get(round);
    if (entry === undefined) throw new Error(`the transcript has no round ${round} of ${stage}`);
    if (entry.answer === null) throw new Error(entry.problem ?? 'no answer was recorded');
    return entry.answer;
  };
}

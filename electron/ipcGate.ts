import {
  ipcMain,
  type BrowserWindow,
  type IpcMainEvent,
  type IpcMainInvokeEvent,
  type MessagePortMain,
} from 'electron';
import type { z } from 'zod';
import type { Result } from '../src/contract/api.js';
import { describeError, type ErrorDetails } from '../src/contract/errors.js';
import type { Logger } from './logs.js';
import { isAppUrl } from './origin.js';
import { safeParse } from '../src/contract/safeParse.js';

/** Commands by name, with the schemas of what they take and what they answer. */
type CommandTable = Readonly<Record<string, { readonly params: z.ZodType; readonly result: z.ZodType }>>;

/**
 * Everything that the page says to the main process passes here. A message is heard if it comes from our window, from its
 * main frame, from a page of our origin, and fits its schema; otherwise it is refused and the refusal logged. Handlers get
 * checked arguments and never see Electron's events.
 */
export interface IpcGate {
  /** Answers the commands of a table on one channel. What `answer` gives must fit the command's result schema too. */
  handle(
    channel: string,
    table: CommandTable,
    answer: (name: string, params: unknown) => Promise<Result<unknown>>,
  ): void;
  /** Hears messages that are not answered. `port` is there if the page sent one. */
  receive<T>(channel: string, schema: z.ZodType<T>, listener: (message: T, port: MessagePortMain | null) => void): void;
}

export interface IpcGateOptions {
  readonly currentWindow: () => BrowserWindow | null;
  readonly log: Logger;
}

export function createIpcGate({ currentWindow, log }: IpcGateOptions): IpcGate {
  // The same codes as every other host's: the page must not have to know which one it has.
  const refuse = (
    channel: string,
    reason: string,
    code: 'REFUSED' | 'COMMAND_UNKNOWN' | 'BAD_PARAMETERS' = 'REFUSED',
  ): Result<never> => {
    log.warn({ channel, reason }, 'message from a page refused');
    return refused({
      code,
      message: `the request was refused: ${reason}`,
      hint: 'this is a defect: please report it with the log',
    });
  };

  return {
    handle(channel, table, answer) {
      ipcMain.handle(channel, async (event, ...args: unknown[]): Promise<Result<unknown>> => {
        const stranger = strangerReason(event, currentWindow());
        if (stranger !== null) return refuse(channel, stranger);
        const [name, params] = args;
        if (typeof name !== 'string' || !Object.hasOwn(table, name)) {
          const shown = typeof name === 'string' ? name.slice(0, 60) : typeof name;
          return refuse(channel, `no such command: ${shown}`, 'COMMAND_UNKNOWN');
        }
        if (args.length !== 2) return refuse(channel, `${args.length - 1} parameters of ${name}`, 'BAD_PARAMETERS');
        const { params: paramsSchema, result: resultSchema } = table[name]!;
        const checked = safeParse(paramsSchema, params);
        if (!checked.success) {
          return refuse(channel, `bad parameters of ${name}: ${faultsOf(checked.error)}`, 'BAD_PARAMETERS');
        }
        try {
          const result = await answer(name, checked.data);
          if (!result.ok) return refused(result.error);
          const value = safeParse(resultSchema, result.value);
          if (value.success) return { ok: true, value: value.data };
          return refuse(channel, `bad result of ${name}: ${faultsOf(value.error)}`);
        } catch (error) {
          log.error({ error, name }, 'command failed');
          return refused(describeError(error));
        }
      });
    },
    receive(channel, schema, listener) {
      ipcMain.on(channel, (event, ...args: unknown[]) => {
        const stranger = strangerReason(event, currentWindow());
        const message = safeParse(schema, args[0]);
        if (stranger !== null) refuse(channel, stranger);
        else if (args.length > 1 || !message.success) refuse(channel, 'malformed message');
        else listener(message.data, event.ports[0] ?? null);
      });
    },
  };
}

/** Why a sender is not to be heard, or null. Its frame is null once it has navigated or gone. */
function strangerReason(event: IpcMainEvent | IpcMainInvokeEvent, window: BrowserWindow | null): string | null {
  const frame = event.senderFrame;
  if (window === null || event.sender !== window.webContents) return 'the sender is not the window';
  if (frame === null) return 'the frame of the sender is gone';
  if (frame.parent !== null || frame.frameTreeNodeId !== window.webContents.mainFrame.frameTreeNodeId)
    return 'the sender is not the main frame';
  if (!isAppUrl(frame.url)) return `the page is not ours: ${frame.url}`;
  return null;
}

function refused(error: ErrorDetails): Result<never> {
  return { ok: false, error: { code: error.code, message: error.message, hint: error.hint } };
}

function faultsOf(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${path.join('.') || 'value'}: ${message}`).join('; ');
}

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import type { Result } from '../../src/contract/api.js';
import { inputError } from '../../src/contract/errors.js';
import { createIpcGate } from '../../electron/ipcGate.js';
import { BrowserWindow, ipcMain, mockFrame, resetElectron, type MockSender } from './electronMock.js';
import { memoryLog } from './memoryLog.js';

vi.mock('electron', () => import('./electronMock.js'));

const table = {
  double: { params: z.strictObject({ value: z.number().max(100) }), result: z.object({ value: z.number() }) },
};

const place = { x: 0, y: 0, width: 800, height: 600 };

function openGate(answer: (name: string, params: unknown) => Promise<Result<unknown>>) {
  const window = new BrowserWindow(place);
  const { log, messages } = memoryLog();
  const received: unknown[] = [];
  const gate = createIpcGate({ currentWindow: () => window as never, log });
  gate.handle('call', table, answer);
  gate.receive('tell', z.string(), (message) => received.push(message));
  const page: MockSender = { sender: window.webContents, senderFrame: window.webContents.mainFrame };
  return { window, page, messages, received };
}

const doubled = async (_name: string, params: unknown): Promise<Result<unknown>> => ({
  ok: true,
  value: { value: 2 * (params as { value: number }).value },
});

beforeEach(resetElectron);

describe('the gate between page and main process', () => {
  it("answers our window's main frame with the command's value", async () => {
    const { page } = openGate(doubled);
    expect(await ipcMain.invoke(page, 'call', 'double', { value: 21 })).toEqual({ ok: true, value: { value: 42 } });
  });

  it('gives handlers the arguments alone', async () => {
    const answer = vi.fn(doubled);
    const { page } = openGate(answer);
    await ipcMain.invoke(page, 'call', 'double', { value: 1 });
    expect(answer.mock.calls).toEqual([['double', { value: 1 }]]);
  });

  const strangers: [string, (page: MockSender) => MockSender][] = [
    [
      'another window',
      () => ({ sender: new BrowserWindow(place).webContents, senderFrame: mockFrame('app://stepadapt/') }),
    ],
    ['a frame inside our page', (page) => ({ ...page, senderFrame: mockFrame('app://stepadapt/', page.senderFrame) })],
    ['another main frame', (page) => ({ ...page, senderFrame: mockFrame('app://stepadapt/') })],
    ['a frame that has gone', (page) => ({ ...page, senderFrame: null })],
  ];
  it.each(strangers)('refuses %s, and says so in the log', async (_who, disguise) => {
    const answer = vi.fn(doubled);
    const { page, messages, received } = openGate(answer);
    const stranger = disguise(page);
    expect(await ipcMain.invoke(stranger, 'call', 'double', { value: 1 })).toMatchObject({
      ok: false,
      error: { code: 'REFUSED' },
    });
    ipcMain.deliver(stranger, 'tell', ['hello']);
    expect(answer).not.toHaveBeenCalled();
    expect(received).toEqual([]);
    expect(messages()).toEqual(['message from a page refused', 'message from a page refused']);
  });

  it.each([
    'https://stepadapt/',
    'https://example.com/app://stepadapt/',
    'app://stepadapt.example.com/',
    'app://stepadapt@example.com/',
    'app://user@stepadapt/',
    'app://stepadapt:8080/',
    'file:///index.html',
    'about:blank',
    'not a URL',
    '',
  ])('refuses a page at "%s"', async (url) => {
    const { page, window } = openGate(doubled);
    window.webContents.mainFrame.url = url;
    expect(await ipcMain.invoke(page, 'call', 'double', { value: 1 })).toMatchObject({
      ok: false,
      error: { code: 'REFUSED' },
    });
  });

  it.each([
    ['an unknown command', 'COMMAND_UNKNOWN', ['halve', { value: 1 }]],
    ['a name from the prototype', 'COMMAND_UNKNOWN', ['constructor', {}]],
    ['no parameters', 'BAD_PARAMETERS', ['double']],
    ['more than parameters', 'BAD_PARAMETERS', ['double', { value: 1 }, 'more']],
    ['parameters out of range', 'BAD_PARAMETERS', ['double', { value: 101 }]],
    ['unknown parameters', 'BAD_PARAMETERS', ['double', { value: 1, path: '/etc/passwd' }]],
    ['a name that is no text', 'COMMAND_UNKNOWN', [{ toString: 'double' }, { value: 1 }]],
  ])('refuses %s', async (_what, code, args) => {
    const answer = vi.fn(doubled);
    const { page } = openGate(answer);
    expect(await ipcMain.invoke(page, 'call', ...args)).toMatchObject({ ok: false, error: { code } });
    expect(answer).not.toHaveBeenCalled();
  });

  it("does not let out a result that is not the command's", async () => {
    const { page } = openGate(async () => ({ ok: true, value: { value: 'secret' } }));
    const result = await ipcMain.invoke(page, 'call', 'double', { value: 1 });
    expect(result).toMatchObject({ ok: false });
    expect(JSON.stringify(result)).not.toContain('secret');
  });

  it('passes on errors in words, without a stack', async () => {
    const { page } = openGate(async () => {
      throw inputError('TOO_ODD', 'that is odd', 'try an even one');
    });
    expect(await ipcMain.invoke(page, 'call', 'double', { value: 1 })).toEqual({
      ok: false,
      error: { code: 'TOO_ODD', message: 'that is odd', hint: 'try an even one' },
    });
  });

  it('hears well-formed messages only', () => {
    const { page, received } = openGate(doubled);
    ipcMain.deliver(page, 'tell', ['hello']);
    ipcMain.deliver(page, 'tell', [42]);
    ipcMain.deliver(page, 'tell', []);
    ipcMain.deliver(page, 'tell', ['hello', 'twice']);
    expect(received).toEqual(['hello']);
  });
});

import { z } from 'zod';
import type { Application } from '../src/app/application.js';
import { commands, type CommandValue } from '../src/contract/api.js';
import { desktopCommands } from '../src/contract/desktop.js';
import { channels } from './channels.js';
import { documentsAmong, type DocumentQueue } from './documents.js';
import type { IpcGate } from './ipcGate.js';

const positionSchema = z.strictObject({ epoch: z.string().max(64), seq: z.number().int().min(0) });
const pathsSchema = z.array(z.string().max(4096)).max(100);

export interface PageServices {
  readonly application: Application;
  readonly documents: DocumentQueue;
  readonly chooseProject: () => Promise<string | null>;
  readonly onSettings: (settings: CommandValue<'settings.get'>) => void;
  /** The page listens for projects from now on. */
  readonly onReady: () => void;
}

/** Connects what the page may say, all of it through the gate, with the application and the desktop. */
export function connectPage(gate: IpcGate, services: PageServices): void {
  const { application, documents } = services;

  gate.handle(channels.call, commands, async (name, params) => {
    const result = await application.callRaw(name, params);
    if (name === 'settings.set' && result.ok) services.onSettings(result.value as CommandValue<'settings.set'>);
    return result;
  });
  gate.handle(channels.desktop, desktopCommands, async () => ({ ok: true, value: await services.chooseProject() }));
  gate.receive(channels.subscribe, positionSchema.nullable(), (from, port) => {
    if (port === null) return;
    port.on(
      'close',
      application.subscribe((message) => port.postMessage(message), from ?? undefined),
    );
    port.start();
  });
  gate.receive(channels.dropped, pathsSchema, (paths) => {
    for (const path of documentsAmong(paths)) documents.add({ path });
  });
  gate.receive(channels.ready, z.null(), services.onReady);
}

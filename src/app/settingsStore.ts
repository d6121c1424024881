import { settingsSchema, type Settings } from '../contract/settings.js';
import { z } from 'zod';
import { readOwnFile, writeOwnFile } from './jsonFile.js';

const fileSchema = z.strictObject({
  format: z.literal('stepadapt-settings'),
  version: z.literal(1),
  settings: settingsSchema,
});

/** `settings.json` of the application. */
export class SettingsStore {
  /** Changes happen one after another: two at once would both begin with what was there, and one would be lost. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly path: string) {}

  async get(): Promise<Settings> {
    const settings = settingsSchema.parse({});
    return (await readOwnFile(this.path, fileSchema, { format: 'stepadapt-settings', version: 1, settings })).settings;
  }

  change(change: { readonly [F in keyof Settings]?: Settings[F] | undefined }): Promise<Settings> {
    const changed = this.turn.then(() => this.merge(change));
    this.turn = changed.catch(() => undefined);
    return changed;
  }

  private async merge(change: { readonly [F in keyof Settings]?: Settings[F] | undefined }): Promise<Settings> {
    const settings = settingsSchema.parse({ ...(await this.get()), ...change });
    await writeOwnFile(this.path, { format: 'stepadapt-settings', version: 1, settings });
    return settings;
  }
}

import { z } from 'zod';

const fields = {
  theme: z.enum(['system', 'light', 'dark']).describe('colours of the window'),
  keepAwake: z.boolean().describe('the machine does not go to sleep while a job runs'),
  notifications: z.boolean().describe('tell when a job ends'),
  pauseOnBattery: z.boolean().describe('pause the running job on battery power'),
  engine: z.enum(['auto', 'native', 'wasm']).describe('tensor engine of new projects'),
  keepCheckpoints: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .nullable()
    .describe('newest checkpoints kept in new projects; null = as the preset says'),
  projectsFolder: z.string().min(1).max(4096).nullable().describe('where new projects go; null = the standard place'),
};

const DEFAULTS = {
  theme: 'system',
  keepAwake: true,
  notifications: true,
  pauseOnBattery: false,
  engine: 'auto',
  keepCheckpoints: null,
  projectsFolder: null,
} as const;

/** A person's settings of the application, `settings.json` in its data folder. Experiments are not in it, only what new ones begin with. */
export const settingsSchema = z.strictObject({
  theme: fields.theme.default(DEFAULTS.theme),
  keepAwake: fields.keepAwake.default(DEFAULTS.keepAwake),
  notifications: fields.notifications.default(DEFAULTS.notifications),
  pauseOnBattery: fields.pauseOnBattery.default(DEFAULTS.pauseOnBattery),
  engine: fields.engine.default(DEFAULTS.engine),
  keepCheckpoints: fields.keepCheckpoints.default(DEFAULTS.keepCheckpoints),
  projectsFolder: fields.projectsFolder.default(DEFAULTS.projectsFolder),
});
export type Settings = z.output<typeof settingsSchema>;

/** Any part of the settings. */
export const settingsChangeSchema = z.strictObject(fields).partial();

import { z } from 'zod';

const fields = {
  theme: z.enum(['system', 'light', 'dark']).describe('colours of the window'),
  keepAwake: z.boolean().describe('the machine does not go to sleep while a job runs'),
  notifications: z.boolean().describe('tell when a job ends'),
  pauseOnBattery: z.boolean().describe('pause the running job on battery power'),
};

const DEFAULTS = { theme: 'system', keepAwake: true, notifications: true, pauseOnBattery: false } as const;

/** A person's settings of the application, `settings.json` in its data folder. Experiments are not in it. */
export const settingsSchema = z.strictObject({
  theme: fields.theme.default(DEFAULTS.theme),
  keepAwake: fields.keepAwake.default(DEFAULTS.keepAwake),
  notifications: fields.notifications.default(DEFAULTS.notifications),
  pauseOnBattery: fields.pauseOnBattery.default(DEFAULTS.pauseOnBattery),
});
export type Settings = z.output<typeof settingsSchema>;

/** Any part of the settings. */
export const settingsChangeSchema = z.strictObject(fields).partial();

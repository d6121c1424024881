import { z } from 'zod';

/** What a comparison of a project's files with their hashes found, as windows see it. */
export const verificationViewSchema = z.object({
  /** Whether nothing is damaged; leftovers of a crash are no damage. */
  intact: z.boolean(),
  stages: z.array(
    z.object({
      id: z.string(),
      /** `usable`: damaged, but nothing has to be computed again. */
      state: z.enum(['not begun', 'unfinished', 'intact', 'usable', 'to repair']),
      /** Files that were compared. */
      checked: z.number().int(),
    }),
  ),
  findings: z.array(
    z.object({
      /** `damage`: results are lost or wrong. `leftover`: of a crash, harmless. */
      kind: z.enum(['damage', 'leftover']),
      /** Below the project's folder. */
      path: z.string(),
      problem: z.string(),
      /** What is lost, and what still works. */
      effect: z.string(),
      /** The stage that has to be computed again in part; null where none has. */
      stage: z.string().nullable(),
    }),
  ),
});
export type VerificationView = z.output<typeof verificationViewSchema>;

/** What a repair did. */
export const repairViewSchema = z.object({
  actions: z.array(z.object({ path: z.string(), action: z.string() })),
  /** Stages that the next run computes again in part. */
  stages: z.array(z.string()),
  /** Where damaged files are now, below the project's folder; null when none had to leave. */
  setAside: z.string().nullable(),
  /** What is still wrong. */
  after: verificationViewSchema,
});
export type RepairView = z.output<typeof repairViewSchema>;

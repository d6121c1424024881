import type { VerificationView } from '../contract/integrityViews.js';
import { repairProject } from '../pipeline/integrity/repairProject.js';
import { verifyProject, type ProjectVerification } from '../pipeline/integrity/verifyProject.js';
import type { AppServices, Handlers } from './appServices.js';

export type IntegrityCommands = Pick<Handlers, 'projects.verify' | 'projects.repair'>;

/** Commands about damage to a project's files. Both refuse while a run writes to the project (`PROJECT_LOCKED`). */
export function integrityCommands({
  registry,
  hub,
  now,
}: Pick<AppServices, 'registry' | 'hub' | 'now'>): IntegrityCommands {
  return {
    'projects.verify': async ({ id }) => view(await verifyProject(await registry.open(id))),
    'projects.repair': async ({ id }) => {
      const { actions, stages, setAside, after } = await repairProject(await registry.open(id), now());
      hub.publish({ type: 'projects' });
      return { actions: [...actions], stages: [...stages], setAside, after: view(after) };
    },
  };
}

/** Without the lines and hashes that a repair works with. */
function view({ intact, stages, findings }: ProjectVerification): VerificationView {
  return {
    intact,
    stages: [...stages],
    findings: findings.map(({ kind, path, problem, effect, stage }) => ({ kind, path, problem, effect, stage })),
  };
}

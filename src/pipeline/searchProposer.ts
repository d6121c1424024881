import { join, resolve } from 'node:path';
import type { PruningConfig } from '../contract/config.js';
import { languageModelProposer } from '../method/languageModelProposer.js';
import { evolutionaryProposer, randomProposer } from '../method/populationProposers.js';
import { importanceProposer, type Proposer } from '../method/proposer.js';
import { askService, serviceKey } from './languageModelService.js';
import type { StageContext } from './stage.js';
import { recording, replaying } from './transcript.js';

/** The proposer that the config names, for the search of one group. */
export async function searchProposer(
  context: StageContext,
  pruning: PruningConfig,
  group: { readonly index: number; readonly from: number; readonly to: number },
): Promise<Proposer> {
  const { config, folder, project, signal, stageId } = context;
  const { allocator, languageModel: service, proposerTranscript } = pruning;
  const random = { seed: config.seed, stream: `pruning.group${group.index}` };
  switch (pruning.proposer) {
    case 'importance':
      return importanceProposer({ allocator, ...random });
    case 'random':
      return randomProposer(random);
    case 'evolutionary':
      return evolutionaryProposer({ allocator, ...random });
    case 'language-model': {
      if (proposerTranscript !== null) {
        const ask = await replaying(resolve(project.folder, proposerTranscript), stageId);
        return languageModelProposer({ group, timesteps: config.diffusion.timesteps, ask });
      }
      const key = serviceKey(service.url, process.env);
      const ask = await recording(join(folder, 'transcript.jsonl'), stageId, (messages) =>
        askService({ service, key, signal }, messages),
      );
      return languageModelProposer({ group, timesteps: config.diffusion.timesteps, ask });
    }
  }
}

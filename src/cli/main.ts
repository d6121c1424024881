import { Command, CommanderError } from 'commander';
import { inputError } from '../contract/errors.js';
import { SOFTWARE_VERSION } from '../contract/version.js';
import { printError } from './output.js';

/** In the order of the help. Loading all of them takes a second or two, so only the one that is called is loaded. */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  demo: async () => (await import('./commands/demo.js')).registerDemoCommand,
  new: async () => (await import('./commands/new.js')).registerNewCommand,
  plan: async () => (await import('./commands/plan.js')).registerPlanCommand,
  run: async () => (await import('./commands/run.js')).registerRunCommand,
  status: async () => (await import('./commands/status.js')).registerStatusCommand,
  verify: async () => (await import('./commands/verify.js')).registerVerifyCommands,
  repair: async () => (await import('./commands/verify.js')).registerVerifyCommands,
  sample: async () => (await import('./commands/sample.js')).registerSampleCommand,
  report: async () => (await import('./commands/report.js')).registerReportCommand,
  evaluate: async () => (await import('./commands/evaluate.js')).registerEvaluateCommand,
  compare: async () => (await import('./commands/compare.js')).registerCompareCommand,
  fid: async () => (await import('./commands/fid.js')).registerFidCommand,
  sweep: async () => (await import('./commands/sweep.js')).registerSweepCommand,
  schedule: async () => (await import('./commands/schedule.js')).registerScheduleCommand,
  group: async () => (await import('./commands/group.js')).registerGroupCommand,
  budget: async () => (await import('./commands/budget.js')).registerBudgetCommand,
  importance: async () => (await import('./commands/importance.js')).registerImportanceCommand,
  prune: async () => (await import('./commands/prune.js')).registerPruneCommand,
  import: async () => (await import('./commands/import.js')).registerImportCommand,
  export: async () => (await import('./commands/export.js')).registerExportCommand,
  count: async () => (await import('./commands/count.js')).registerCountCommand,
  predict: async () => (await import('./commands/predict.js')).registerPredictCommand,
  engines: async () => (await import('./commands/engines.js')).registerEnginesCommand,
  bench: async () => (await import('./commands/bench.js')).registerBenchCommand,
  serve: async () => (await import('./commands/serve.js')).registerServeCommand,
  queue: async () => (await import('./commands/queue.js')).registerQueueCommand,
  app: async () => (await import('./commands/app.js')).registerAppCommand,
};

const program = new Command('stepadapt')
  .description('Step-adaptive diffusion: the same quality for less compute.')
  .version(SOFTWARE_VERSION)
  .exitOverride()
  .configureOutput({ writeErr: () => undefined });

for (const register of new Set(await Promise.all(needed().map((load) => load())))) register(program);

// Commander's own messages (an unknown option, a missing argument) become errors like all others.
for (const command of program.commands.flatMap((each) => [each, ...each.commands])) {
  command.exitOverride().configureOutput({ writeErr: () => undefined });
}

/** The command that is called; none for the version alone; all where they may be listed. */
function needed(): readonly (typeof COMMANDS)[string][] {
  const [called = ''] = process.argv.slice(2);
  if (Object.hasOwn(COMMANDS, called)) return [COMMANDS[called]];
  return ['--version', '-V'].includes(called) ? [] : Object.values(COMMANDS);
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) printError(error, process.argv.includes('--json'));
  else if (error.exitCode !== 0) {
    const message = error.message.replace(/^error: /, '') || 'no command was given';
    printError(
      inputError('BAD_USAGE', message, 'see `stepadapt --help` or `stepadapt COMMAND --help`'),
      process.argv.includes('--json'),
    );
  }
}

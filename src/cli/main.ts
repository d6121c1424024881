import { Command, CommanderError } from 'commander';
import { inputError } from '../contract/errors.js';
import { SOFTWARE_VERSION } from '../contract/version.js';
import { registerAppCommand } from './commands/app.js';
import { registerBenchCommand } from './commands/bench.js';
import { registerBudgetCommand } from './commands/budget.js';
import { registerCountCommand } from './commands/count.js';
import { registerCompareCommand } from './commands/compare.js';
import { registerDemoCommand } from './commands/demo.js';
import { registerEnginesCommand } from './commands/engines.js';
import { registerExportCommand } from './commands/export.js';
import { registerEvaluateCommand } from './commands/evaluate.js';
import { registerFidCommand } from './commands/fid.js';
import { registerGroupCommand } from './commands/group.js';
import { registerImportCommand } from './commands/import.js';
import { registerImportanceCommand } from './commands/importance.js';
import { registerNewCommand } from './commands/new.js';
import { registerPlanCommand } from './commands/plan.js';
import { registerPredictCommand } from './commands/predict.js';
import { registerPruneCommand } from './commands/prune.js';
import { registerQueueCommand } from './commands/queue.js';
import { registerReportCommand } from './commands/report.js';
import { registerRunCommand } from './commands/run.js';
import { registerSampleCommand } from './commands/sample.js';
import { registerScheduleCommand } from './commands/schedule.js';
import { registerServeCommand } from './commands/serve.js';
import { registerStatusCommand } from './commands/status.js';
import { registerVerifyCommands } from './commands/verify.js';
import { registerSweepCommand } from './commands/sweep.js';
import { printError } from './output.js';

const program = new Command('stepadapt')
  .description('Step-adaptive diffusion: the same quality for less compute.')
  .version(SOFTWARE_VERSION)
  .exitOverride()
  .configureOutput({ writeErr: () => undefined });

registerDemoCommand(program);
registerNewCommand(program);
registerPlanCommand(program);
registerRunCommand(program);
registerStatusCommand(program);
registerVerifyCommands(program);
registerSampleCommand(program);
registerReportCommand(program);
registerEvaluateCommand(program);
registerCompareCommand(program);
registerFidCommand(program);
registerSweepCommand(program);
registerScheduleCommand(program);
registerGroupCommand(program);
registerBudgetCommand(program);
registerImportanceCommand(program);
registerPruneCommand(program);
registerImportCommand(program);
registerExportCommand(program);
registerCountCommand(program);
registerPredictCommand(program);
registerEnginesCommand(program);
registerBenchCommand(program);
registerServeCommand(program);
registerQueueCommand(program);
registerAppCommand(program);

// Commander's own messages (an unknown option, a missing argument) become errors like all others.
for (const command of program.commands.flatMap((each) => [each, ...each.commands])) {
  command.exitOverride().configureOutput({ writeErr: () => undefined });
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

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { openInBrowser } from '../openInBrowser.js';
import type { OutputOptions } from '../output.js';
import { serve } from './serve.js';

interface AppOptions extends OutputOptions {
  readonly browser?: boolean;
  readonly root: readonly string[];
}

export function registerAppCommand(program: Command): void {
  program
    .command('app')
    .description('the desktop window; in the browser where this machine cannot show one')
    .option('--browser', 'in the browser in any case')
    .option(
      '--root <folder>',
      'in the browser: where projects and data lie; may be repeated',
      (value, before: string[]) => [...before, value],
      [],
    )
    .option('--json', 'print the address as JSON where the browser is used')
    .action(async (options: AppOptions) => {
      const desktop = findDesktop(programFolder(), process.env, process.platform);
      if (options.browser !== true && 'electron' in desktop) {
        process.stderr.write('opening the desktop window\n');
        // Its engine processes run in this Node, never in Electron's binary.
        const env = { ...process.env, STEPADAPT_NODE: process.execPath };
        const window = spawn(desktop.electron, [programFolder()], { stdio: 'inherit', env });
        const [code] = (await once(window, 'exit')) as [number | null];
        process.exitCode = code ?? 1;
        return;
      }
      if ('reason' in desktop) process.stderr.write(`no desktop window here: ${desktop.reason}; using the browser\n`);
      // Port 0: a second window must not fail because the first one took the port.
      await serve({ ...options, port: 0, allowHost: [] }, (url) => {
        if (hasDisplay(process.env, process.platform)) openInBrowser(url);
      });
    });
}

/** The Electron of this checkout, or why there is no desktop window. */
export function findDesktop(
  folder: string,
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform,
): { electron: string } | { reason: string } {
  if (!hasDisplay(env, platform)) return { reason: 'there is no display' };
  if (!existsSync(join(folder, 'dist', 'electron', 'main.js'))) return { reason: 'the desktop part is not compiled' };
  const installed = join(folder, 'node_modules', 'electron');
  const record = join(installed, 'path.txt');
  if (!existsSync(record)) return { reason: 'Electron is not downloaded (`npx install-electron` fetches it)' };
  const electron = join(installed, 'dist', readFileSync(record, 'utf8').trim());
  return existsSync(electron) ? { electron } : { reason: 'the download of Electron is incomplete' };
}

function hasDisplay(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): boolean {
  return platform === 'darwin' || platform === 'win32' || Boolean(env['DISPLAY'] || env['WAYLAND_DISPLAY']);
}

/** Folder of package.json: this file is `dist/src/cli/commands/app.js`. */
function programFolder(): string {
  return dirname(fileURLToPath(new URL('../../../../package.json', import.meta.url)));
}

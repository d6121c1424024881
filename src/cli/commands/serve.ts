import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { createApplication } from '../../app/application.js';
import { applicationFolder } from '../../app/applicationFolder.js';
import { DEFAULT_PORT, startWebHost } from '../../server/startWebHost.js';
import { countOption } from '../options.js';
import type { OutputOptions } from '../output.js';
import { stopOnInterrupt } from '../stopSignal.js';
import { collect } from './new.js';

export interface ServeOptions extends OutputOptions {
  readonly port: number;
  readonly host?: string;
  readonly token?: string;
  readonly root: readonly string[];
  readonly allowHost: readonly string[];
  readonly readOnly?: boolean;
}

export function registerServeCommand(program: Command): void {
  program
    .command('serve')
    .description('the window in a browser, from this machine; from others through an SSH tunnel')
    .option('--port <number>', 'port; 0 = any free one', countOption('port', 0), DEFAULT_PORT)
    .option(
      '--root <folder>',
      'where projects and data lie (default: the current folder); may be repeated',
      collect,
      [],
    )
    .option('--host <address>', 'listen on another address than 127.0.0.1; needs --token')
    .option('--token <text>', 'lets the first browser in; at least 32 characters')
    .option('--allow-host <name>', 'a name that a proxy uses for this host; may be repeated', collect, [])
    .option('--read-only', 'show projects, change nothing')
    .option('--json', 'print the address as JSON')
    .action((options: ServeOptions) => serve(options));
}

/** Serves until it is told to stop; jobs at work then end with a checkpoint. */
export async function serve(options: ServeOptions, onReady: (url: string) => void = () => undefined): Promise<void> {
  const app = await createApplication({
    host: 'web',
    dataFolder: applicationFolder(),
    roots: (options.root.length > 0 ? options.root : ['.']).map((root) => resolve(root)),
  });
  const stop = stopOnInterrupt('ending; a job at work is stopped with a checkpoint');
  try {
    const host = await startWebHost({
      app,
      port: options.port,
      allowedHosts: options.allowHost,
      isReadOnly: options.readOnly === true,
      log: (line) => process.stderr.write(`${line}\n`),
      onSession: (url) => process.stderr.write(`for another browser: ${url}\n`),
      ...(options.host === undefined ? {} : { host: options.host }),
      ...(options.token === undefined ? {} : { token: options.token }),
    });
    try {
      const url = host.url();
      if (options.json === true) process.stdout.write(`${JSON.stringify({ url, port: host.port })}\n`);
      else process.stdout.write(`open ${url}\nthe address lets one browser in; Ctrl-C stops the host\n`);
      onReady(url);
      await once(stop.signal, 'abort');
    } finally {
      await host.close();
    }
  } finally {
    await app.close();
    stop.restore();
  }
}

import { spawn } from 'node:child_process';

/** Shows a file or an address in the person's browser; says so where none can be started. */
export function openInBrowser(target: string): void {
  const [command, ...args] =
    process.platform === 'darwin' ? ['open'] : process.platform === 'win32' ? ['cmd', '/c', 'start', ''] : ['xdg-open'];
  spawn(command, [...args, target], { detached: true, stdio: 'ignore' })
    .on('error', () => process.stderr.write(`no browser could be started; open ${target} yourself\n`))
    .unref();
}

#!/usr/bin/env node
// Asks the registry for known weaknesses of the packages that the product runs with (`npm audit --omit=dev`) and fails on any
// that has no reason below: exit code 1. Where the registry does not answer it says so: exit code 75, neither good nor bad.
import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';

/** As `EX_TEMPFAIL` of sysexits.h. */
const NOT_CHECKED = 75;

/** Packages whose weaknesses cannot be reached here, and why. docs/dependencies.md tells the same. */
export const EXCEPTIONS = {
  tar: 'only the installer of @tensorflow/tfjs-node-gpu unpacks archives with it; install scripts never run here (.npmrc)',
  'adm-zip':
    'only the installer of @tensorflow/tfjs-node-gpu uses it, on Windows; install scripts never run here (.npmrc)',
};

/**
 * A package in npm's report; `via` names the packages it is weak through, or tells its own weaknesses.
 *
 * @typedef {{ severity: string, via: (string | { name: string, title: string, url: string })[] }} Weakness
 * @typedef {{ vulnerabilities?: Record<string, Weakness>, message?: string, error?: { summary?: string } }} AuditReport
 */

/**
 * @param {AuditReport | null} report what `npm audit --json` printed, parsed
 * @returns {{ checked: false, reason: string } | { checked: true, excused: string[], open: string[] }} packages by name with
 *   severity; one that is weak only through excused ones is excused itself
 */
export function judgeAudit(report) {
  const { vulnerabilities, message, error } = report ?? {};
  if (typeof vulnerabilities !== 'object' || vulnerabilities === null) {
    return { checked: false, reason: message ?? error?.summary ?? 'the answer holds no list of weaknesses' };
  }
  /** @type {(name: string, seen?: Set<string>) => boolean} */
  const isExcused = (name, seen = new Set()) => {
    if (seen.has(name)) return true;
    seen.add(name);
    const causes = vulnerabilities[name]?.via ?? [];
    return causes.every((cause) => (typeof cause === 'string' ? isExcused(cause, seen) : cause.name in EXCEPTIONS));
  };
  const names = Object.keys(vulnerabilities).sort();
  /** @type {(name: string) => string} */
  const line = (name) => {
    const { severity, via } = vulnerabilities[name];
    const titles = via.flatMap((cause) => (typeof cause === 'string' ? [] : [`${cause.title} (${cause.url})`]));
    return `${name}: ${severity}${titles.length === 0 ? '' : `: ${titles.join('; ')}`}`;
  };
  return {
    checked: true,
    excused: names.filter((name) => isExcused(name)).map(line),
    open: names.filter((name) => !isExcused(name)).map(line),
  };
}

function main() {
  const npm = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
    encoding: 'utf8',
    shell: process.platform === 'win32',
    timeout: 120_000,
  });
  let report;
  try {
    report = JSON.parse(npm.stdout);
  } catch {
    report = { message: npm.error?.message ?? 'npm printed no report' };
  }
  const verdict = judgeAudit(report);
  if (!verdict.checked) {
    console.log(`audit: NOT CHECKED, the registry gave no answer: ${verdict.reason}`);
    process.exitCode = NOT_CHECKED;
    return;
  }
  for (const line of verdict.excused) console.log(`audit: excused: ${line}`);
  for (const line of verdict.open) console.log(`audit: OPEN: ${line}`);
  console.log(`audit: ${verdict.open.length} open, ${verdict.excused.length} excused`);
  if (verdict.open.length > 0) process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();

import { describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { EXCEPTIONS, judgeAudit } from '../../build/audit.mjs';

const advisory = (name: string) => ({ name, title: `weakness of ${name}`, url: `https://example.com/${name}` });

describe('the verdict on an audit', () => {
  it('is clean without weaknesses', () => {
    expect(judgeAudit({ vulnerabilities: {} })).toEqual({ checked: true, excused: [], open: [] });
  });

  it('excuses a listed package and what is weak through it alone', () => {
    const verdict = judgeAudit({
      vulnerabilities: {
        tar: { severity: 'high', via: [advisory('tar')] },
        '@mapbox/node-pre-gyp': { severity: 'high', via: ['tar'] },
        '@tensorflow/tfjs-node-gpu': { severity: 'high', via: ['@mapbox/node-pre-gyp', 'tar'] },
        fastify: { severity: 'critical', via: [advisory('fastify')] },
        both: { severity: 'critical', via: ['tar', 'fastify'] },
        '@tensorflow/other': { severity: 'low', via: [advisory('@tensorflow/other'), 'tar'] },
      },
    });
    expect(verdict).toMatchObject({ checked: true });
    const names = (lines: readonly string[]) => lines.map((line) => line.split(': ')[0]);
    if (!verdict.checked) throw new Error('not checked');
    expect(names(verdict.excused)).toEqual(['@mapbox/node-pre-gyp', '@tensorflow/tfjs-node-gpu', 'tar']);
    expect(names(verdict.open)).toEqual(['@tensorflow/other', 'both', 'fastify']);
    expect(verdict.open[2]).toBe('fastify: critical: weakness of fastify (https://example.com/fastify)');
  });

  it.each([null, {}, { message: '405 Method Not Allowed', statusCode: 405 }, { error: { summary: 'offline' } }])(
    'is none where the registry does not answer: %j',
    (report) => {
      expect(judgeAudit(report)).toMatchObject({ checked: false, reason: expect.stringMatching(/./) });
    },
  );

  it('has a reason in the documentation for each exception', () => {
    const page = readFileSync(new URL('../../docs/dependencies.md', import.meta.url), 'utf8');
    for (const name of Object.keys(EXCEPTIONS)) expect(page).toContain(`| \`${name}\``);
  });
});

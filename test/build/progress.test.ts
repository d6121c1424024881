import { describe, expect, it } from 'vitest';
import { announcedBytes, createProgress, downloadLine } from '../../build/setup/progress.mjs';

function fakeStream(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, columns: 40, written, write: (text: string) => written.push(text) };
}

describe('downloadLine', () => {
  it('states amount, share, speed and time left', () => {
    const line = downloadLine('tensorflow-cpu 2.21.0 (1 of 1)', { bytes: 60e6, totalBytes: 240e6, seconds: 5 });
    expect(line).toBe('setup: tensorflow-cpu 2.21.0 (1 of 1): 60 of 240 MB (25 %), 12.0 MB/s, 15 s left');
  });

  it('never claims more than everything when the size was rounded down', () => {
    expect(downloadLine('x', { bytes: 10.4e6, totalBytes: 10e6, seconds: 1 })).toContain(
      '(100 %), 10.4 MB/s, 0 s left',
    );
  });

  it('says what it knows when the size or the speed is unknown', () => {
    expect(downloadLine('x', { bytes: 3e6, totalBytes: null, seconds: 2 })).toBe('setup: x: 3 MB, 1.5 MB/s');
    expect(downloadLine('x', { bytes: 0, totalBytes: 8e6, seconds: 0 })).toBe('setup: x: 0 of 8 MB (0 %)');
  });
});

describe('announcedBytes', () => {
  it('reads the size of the wheel out of what pip prints', () => {
    const output = [
      'Collecting tensorflow-cpu==2.21.0',
      '  Downloading tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl.metadata (4.4 kB)',
      '  Downloading https://example.org/a/tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl (273.8 MB)',
    ].join('\n');
    expect(announcedBytes(output)).toBe(273_800_000);
  });

  it('knows nothing before pip says it', () => {
    expect(announcedBytes('Collecting tensorflow-cpu==2.21.0\n')).toBeNull();
  });
});

describe('createProgress', () => {
  it('rewrites one line on a terminal, cut to its width, and clears it', () => {
    const stream = fakeStream(true);
    const progress = createProgress(stream, () => 0);
    progress.update('a'.repeat(100));
    progress.done();
    expect(stream.written).toEqual([`\r\x1b[2K${'a'.repeat(39)}`, '\r\x1b[2K']);
  });

  it('writes a line every five seconds to a log, none for what is over sooner', () => {
    const stream = fakeStream(false);
    let now = 0;
    const progress = createProgress(stream, () => now);
    for (now = 0; now <= 11_000; now += 500) progress.update(`at ${now}`);
    progress.done();
    expect(stream.written).toEqual(['at 5000\n', 'at 10000\n']);
  });
});

import { describe, expect, it } from 'vitest';
import { addUpdate, emptyMetrics, metricLine, TIMESTEP_BINS } from '../../src/pipeline/lossMetrics.js';

describe('loss metrics', () => {
  it('averages an interval and sorts losses into equal bins of timesteps', () => {
    const T = 1000;
    let pending = emptyMetrics();
    pending = addUpdate(pending, { loss: 2, gradientNorm: 1, perImageLoss: Float32Array.of(1, 3) }, [0, 999], T);
    pending = addUpdate(pending, { loss: 4, gradientNorm: 3, perImageLoss: Float32Array.of(2, 6) }, [49, 50], T);
    const line = metricLine(pending, 20, 1e-3);
    expect(line).toMatchObject({ step: 20, loss: 3, gradientNorm: 2, learningRate: 1e-3 });
    expect(line.lossByTimestep).toHaveLength(TIMESTEP_BINS);
    expect(line.lossByTimestep[0]).toBe(1.5);
    expect(line.lossByTimestep[1]).toBe(6);
    expect(line.lossByTimestep[2]).toBeNull();
    expect(line.lossByTimestep[TIMESTEP_BINS - 1]).toBe(3);
  });

  it('survives JSON exactly, as checkpoints carry it', () => {
    const pending = addUpdate(
      emptyMetrics(),
      { loss: 0.1 + 0.2, gradientNorm: Math.PI, perImageLoss: Float32Array.of(0.3) },
      [5],
      10,
    );
    expect(JSON.parse(JSON.stringify(pending))).toEqual(pending);
  });
});

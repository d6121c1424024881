import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { toRuntime } from '../../src/model/runtimeWeights.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { createTeacher } from '../../src/training/distillation.js';
import { lossGradients } from '../../src/training/gradients.js';
import { randomBatch, randomWeights, tinySpec } from '../method/tinyModel.js';

describe('createTeacher', () => {
  const spec = tinySpec();
  const batch = randomBatch(spec, 4, 3);
  beforeAll(() => openEngine('wasm'));

  it('has the gradients of the weighted sum of both losses', () => {
    const weight = 0.7;
    const [teacher, whole] = [weight, 1].map((share) => createTeacher(spec, randomWeights(spec, 1), share));
    const [mixed] = teacher.retarget([batch]);
    const [imitation] = whole.retarget([batch]);
    for (const used of [teacher, whole]) used.dispose();

    const student = toRuntime(randomWeights(spec, 2));
    const names = [...student.keys()];
    const [ofMixed, ofNoise, ofTeacher] = [mixed, batch, imitation].map((targets) =>
      lossGradients(spec, student, targets, names),
    );
    tf.dispose([...student.values()]);
    let error = 0;
    let size = 0;
    for (const name of names) {
      ofMixed.get(name)!.data.forEach((value, i) => {
        const sum = (1 - weight) * ofNoise.get(name)!.data[i] + weight * ofTeacher.get(name)!.data[i];
        error += (value - sum) ** 2;
        size += sum ** 2;
      });
    }
    expect(Math.sqrt(error / size)).toBeLessThan(1e-5);
    expect(imitation.target).not.toEqual(batch.target);
  });

  it('leaves all else of a batch, and no tensor behind', () => {
    const before = tf.memory().numTensors;
    const teacher = createTeacher(spec, randomWeights(spec, 1), 0.3);
    const [mixed] = teacher.retarget([batch]);
    teacher.dispose();
    expect(tf.memory().numTensors).toBe(before);
    expect({ ...mixed, target: null }).toEqual({ ...batch, target: null });
  });
});

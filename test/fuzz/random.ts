/** Seeded numbers (Mulberry32): every input can be made again from its reader's name, the seed and its index. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** Of one input of one reader. */
  static of(name: string, seed: number, index: number): Random {
    let hash = seed >>> 0;
    for (const character of `${name} ${index}`) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193) >>> 0;
    return new Random(hash);
  }

  /** 32 bits. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    value = (value + Math.imul(value ^ (value >>> 7), value | 61)) ^ value;
    return (value ^ (value >>> 14)) >>> 0;
  }

  /** 0 .. limit - 1 */
  below(limit: number): number {
    return limit <= 1 ? 0 : this.next() % limit;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.below(256)));
  }
}

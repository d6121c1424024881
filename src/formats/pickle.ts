/**
 * A reader of Python pickles that executes nothing: it knows the opcodes that plain containers and numbers need, and hands
 * every global, call and persistent id to the caller, who refuses what it does not know.
 * Opcodes: https://docs.python.org/3/library/pickletools.html
 */

/** A class or function that a pickle names. It is a name and nothing else. */
export class PickleGlobal {
  constructor(
    readonly module: string,
    readonly name: string,
  ) {}

  get path(): string {
    return `${this.module}.${this.name}`;
  }
}

export type PickleTuple = readonly unknown[];

/** What gives a pickle's names a meaning. Each function throws `PickleError` for what it does not know. */
export interface PickleMeaning {
  /** Called for every global as it is named, before anything is done with it. */
  allow(global: PickleGlobal): void;
  /** The value of `callable(*args)`. */
  call(callable: PickleGlobal, args: PickleTuple): unknown;
  /** The object behind a persistent id. */
  persistent(id: unknown): unknown;
}

/** What a pickle does that cannot be followed. */
export class PickleError extends Error {}

const MARK = Symbol('mark');
const MAX_INTEGER_BYTES = 16;

/**
 * Reads one pickle (protocols 2 to 5) from `start`. Dictionaries become `Map`, lists and tuples arrays; an attribute state
 * (`BUILD`) is read and dropped, because only dictionaries carry one here. Work and memory are bounded by the pickle's length.
 *
 * @returns the value and the offset after the pickle
 * @throws PickleError
 */
export function readPickle(bytes: Uint8Array, start: number, meaning: PickleMeaning): { value: unknown; end: number } {
  return new PickleReader(bytes, start, meaning).read();
}

class PickleReader {
  private readonly stack: unknown[] = [];
  private readonly memo = new Map<number, unknown>();
  private readonly data: Buffer;

  constructor(
    bytes: Uint8Array,
    private at: number,
    private readonly meaning: PickleMeaning,
  ) {
    this.data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  read(): { value: unknown; end: number } {
    for (;;) {
      const opcode = this.data[this.take(1)];
      if (opcode === 0x2e) return { value: this.pop(), end: this.at };
      this.step(opcode);
    }
  }

  private step(opcode: number): void {
    const { data, stack, memo } = this;
    switch (opcode) {
      case 0x80: // PROTO
        return void this.take(1);
      case 0x95: // FRAME
        return void this.take(8);
      case 0x28: // MARK
        return void stack.push(MARK);
      case 0x30: // POP
        return void this.pop();
      case 0x4e: // NONE
        return void stack.push(null);
      case 0x88: // NEWTRUE
        return void stack.push(true);
      case 0x89: // NEWFALSE
        return void stack.push(false);
      case 0x4a: // BININT
        return void stack.push(data.readInt32LE(this.take(4)));
      case 0x4b: // BININT1
        return void stack.push(data[this.take(1)]);
      case 0x4d: // BININT2
        return void stack.push(data.readUInt16LE(this.take(2)));
      case 0x8a: // LONG1
        return void stack.push(this.integer(data[this.take(1)]));
      case 0x47: // BINFLOAT
        return void stack.push(data.readDoubleBE(this.take(8)));
      case 0x58: // BINUNICODE
        return void stack.push(this.text(data.readUInt32LE(this.take(4))));
      case 0x8c: // SHORT_BINUNICODE
      case 0x55: // SHORT_BINSTRING
        return void stack.push(this.text(data[this.take(1)]));
      case 0x7d: // EMPTY_DICT
        return void stack.push(new Map());
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        return void stack.push([]);
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return void stack.push(this.popMany(opcode - 0x84));
      case 0x74: // TUPLE
        return void stack.push(this.popToMark());
      case 0x61: // APPEND
        return this.append([this.pop()]);
      case 0x65: // APPENDS
        return this.append(this.popToMark());
      case 0x73: // SETITEM
        return this.setItems(this.popMany(2));
      case 0x75: // SETITEMS
        return this.setItems(this.popToMark());
      case 0x71: // BINPUT
        return void memo.set(data[this.take(1)], this.top());
      case 0x72: // LONG_BINPUT
        return void memo.set(data.readUInt32LE(this.take(4)), this.top());
      case 0x94: // MEMOIZE
        return void memo.set(memo.size, this.top());
      case 0x68: // BINGET
        return this.recall(data[this.take(1)]);
      case 0x6a: // LONG_BINGET
        return this.recall(data.readUInt32LE(this.take(4)));
      case 0x63: // GLOBAL
        return this.pushGlobal(this.line(), this.line());
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = this.popMany(2);
        return this.pushGlobal(module, name);
      }
      case 0x52: {
        // REDUCE
        const [callable, args] = this.popMany(2);
        if (!(callable instanceof PickleGlobal)) throw new PickleError('it calls something that is no function');
        if (!Array.isArray(args)) throw new PickleError(`it calls ${callable.path} without a list of arguments`);
        return void stack.push(this.meaning.call(callable, args));
      }
      case 0x62: // BUILD
        this.pop();
        if (!(this.top() instanceof Map))
          throw new PickleError('it sets attributes of something that is no dictionary');
        return;
      case 0x51: // BINPERSID
        return void stack.push(this.meaning.persistent(this.pop()));
      default:
        throw new PickleError(`it uses the operation 0x${opcode.toString(16)}, which no tensor needs`);
    }
  }

  /** Offset of the next `count` bytes, which are consumed. */
  private take(count: number): number {
    const at = this.at;
    if (count > this.data.length - at) throw new PickleError('it ends in the middle');
    this.at += count;
    return at;
  }

  private text(length: number): string {
    const at = this.take(length);
    return this.data.toString('utf8', at, at + length);
  }

  private line(): string {
    const end = this.data.indexOf(0x0a, this.at);
    if (end < 0) throw new PickleError('it ends in the middle');
    const text = this.data.toString('utf8', this.at, end);
    this.at = end + 1;
    return text;
  }

  /** Little-endian two's complement; a number where it is exact, else a bigint. */
  private integer(length: number): number | bigint {
    if (length > MAX_INTEGER_BYTES) throw new PickleError(`it holds an integer of ${length} bytes`);
    const at = this.take(length);
    let value = 0n;
    for (let byte = length - 1; byte >= 0; byte--) value = (value << 8n) | BigInt(this.data[at + byte]);
    const signed = BigInt.asIntN(8 * length, value);
    const number = Number(signed);
    return Number.isSafeInteger(number) ? number : signed;
  }

  private top(): unknown {
    if (this.stack.length === 0) throw new PickleError('its stack runs empty');
    return this.stack[this.stack.length - 1];
  }

  private pop(): unknown {
    const value = this.top();
    this.stack.pop();
    return value;
  }

  private popMany(count: number): unknown[] {
    if (this.stack.length < count) throw new PickleError('its stack runs empty');
    return this.stack.splice(this.stack.length - count);
  }

  private popToMark(): unknown[] {
    const mark = this.stack.lastIndexOf(MARK);
    if (mark < 0) throw new PickleError('it closes a collection that it never opened');
    return this.stack.splice(mark).slice(1);
  }

  private append(values: readonly unknown[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw new PickleError('it appends to something that is no list');
    for (const value of values) list.push(value);
  }

  private setItems(items: readonly unknown[]): void {
    const dictionary = this.top();
    if (!(dictionary instanceof Map)) throw new PickleError('it sets items of something that is no dictionary');
    if (items.length % 2 !== 0) throw new PickleError('it sets a key without a value');
    for (let index = 0; index < items.length; index += 2) dictionary.set(items[index], items[index + 1]);
  }

  private recall(key: number): void {
    if (!this.memo.has(key)) throw new PickleError(`it refers to object ${key}, which it never stored`);
    this.stack.push(this.memo.get(key));
  }

  private pushGlobal(module: unknown, name: unknown): void {
    if (typeof module !== 'string' || typeof name !== 'string') throw new PickleError('it names a global by no name');
    const global = new PickleGlobal(module, name);
    this.meaning.allow(global);
    this.stack.push(global);
  }
}

import { PolysemeError } from '../errors.ts';

/** Most bytes of one pickle: tensors lie outside it. */
export const MAX_PICKLE = 16 * 2 ** 20;
/** Most values that one pickle may put on its stack or in its memo. */
const MAX_VALUES = 2 ** 20;

/** A class or function that a pickle names: a name and nothing more. */
export class Global {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** What a pickle that holds a checkpoint may be made of. */
export type Pickled =
  | null
  | boolean
  | number
  | bigint
  | string
  | Global
  | readonly Pickled[]
  | Map<Pickled, Pickled>
  | object;

export interface PickleRules {
  /** Names ("module.name") that the pickle may mention. */
  readonly allowed: ReadonlySet<string>;
  /** What calling one of them gives. Throws where it may not be called. */
  call(name: string, args: readonly Pickled[]): Pickled;
  /** What a persistent id stands for. */
  persistent(id: Pickled): Pickled;
}

/**
 * Reads one pickle (protocols 2 to 5) of plain data. It is a parser, not an interpreter: a name that is not
 * allowed is refused before anything is built with it, and nothing of Python is ever run.
 * @returns the value and the offset after it
 */
export function readPickle(
  bytes: Uint8Array,
  start: number,
  rules: PickleRules,
  label: string,
): { value: Pickled; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = new TextDecoder();
  let stack: Pickled[] = [];
  const marks: Pickled[][] = [];
  const memo = new Map<number, Pickled>();
  let at = start;
  let steps = 0;

  const fail = (what: string): never => {
    throw new PolysemeError(`${label}: not a pickle that can be read: ${what} at byte ${at}`, 'damaged');
  };
  const skip = (count: number): number => {
    if (!(at + count <= bytes.length)) fail(`it ends inside a value of ${count} bytes`);
    at += count;
    return at - count;
  };
  const pop = (): Pickled => (stack.length > 0 ? stack.pop()! : fail('its stack is empty'));
  const top = (): Pickled => (stack.length > 0 ? stack[stack.length - 1]! : fail('its stack is empty'));
  const toMark = (): Pickled[] => {
    const items = stack;
    stack = marks.pop() ?? fail('there is no mark');
    return items;
  };
  const take = (length: number): string => {
    const from = skip(length);
    return text.decode(bytes.subarray(from, from + length));
  };
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    if (end < 0) fail('a line does not end');
    const from = skip(end - at + 1);
    return text.decode(bytes.subarray(from, end));
  };
  const long64 = (from: number): number => {
    const value = view.getBigUint64(from, true);
    return value > 2n ** 53n ? fail(`the impossible length ${value}`) : Number(value);
  };
  const global = (name: string): Global => {
    if (!rules.allowed.has(name)) {
      throw new PolysemeError(
        `${label}: its pickle asks for ${name}, which no checkpoint of tensors needs; refused, nothing was run`,
        'damaged',
      );
    }
    return new Global(name);
  };
  const setItems = (target: Pickled, items: readonly Pickled[]): void => {
    const map =
      target instanceof Map && items.length % 2 === 0 ? target : fail('items are set on no dictionary');
    for (let i = 0; i < items.length; i += 2) map.set(items[i]!, items[i + 1]!);
  };
  const append = (target: Pickled, items: readonly Pickled[]): void => {
    const list: Pickled[] = Array.isArray(target) ? target : fail('items are appended to no list');
    for (const item of items) list.push(item);
  };

  for (;;) {
    if (++steps > MAX_VALUES) fail(`it has more than ${MAX_VALUES} steps`);
    const op = bytes[skip(1)]!;
    switch (op) {
      case 0x80: // PROTO
        if (bytes[skip(1)]! > 5) fail('it is of a protocol after 5');
        break;
      case 0x95: // FRAME
        skip(8);
        break;
      case 0x2e: // STOP
        return { value: pop(), end: at };
      case 0x28: // MARK
        marks.push(stack);
        stack = [];
        break;
      case 0x30: // POP
        pop();
        break;
      case 0x4e: // NONE
        stack.push(null);
        break;
      case 0x88: // NEWTRUE
        stack.push(true);
        break;
      case 0x89: // NEWFALSE
        stack.push(false);
        break;
      case 0x4a: // BININT
        stack.push(view.getInt32(skip(4), true));
        break;
      case 0x4b: // BININT1
        stack.push(bytes[skip(1)]!);
        break;
      case 0x4d: // BININT2
        stack.push(view.getUint16(skip(2), true));
        break;
      case 0x8a: {
        // LONG1
        const length = bytes[skip(1)]!;
        const from = skip(length);
        let value = 0n;
        for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[from + i]!);
        value = BigInt.asIntN(length * 8, value);
        stack.push(value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : value);
        break;
      }
      case 0x47: // BINFLOAT
        stack.push(view.getFloat64(skip(8), false));
        break;
      case 0x58: // BINUNICODE
        stack.push(take(view.getUint32(skip(4), true)));
        break;
      case 0x8c: // SHORT_BINUNICODE
        stack.push(take(bytes[skip(1)]!));
        break;
      case 0x8d: // BINUNICODE8
        stack.push(take(long64(skip(8))));
        break;
      case 0x54: // BINSTRING
        stack.push(take(view.getUint32(skip(4), true)));
        break;
      case 0x55: // SHORT_BINSTRING
        stack.push(take(bytes[skip(1)]!));
        break;
      case 0x5d: // EMPTY_LIST
        stack.push([]);
        break;
      case 0x7d: // EMPTY_DICT
        stack.push(new Map());
        break;
      case 0x29: // EMPTY_TUPLE
        stack.push([]);
        break;
      case 0x74: {
        // TUPLE
        const items = toMark();
        stack.push(items);
        break;
      }
      case 0x85: // TUPLE1
        stack.push([pop()]);
        break;
      case 0x86: {
        // TUPLE2
        const second = pop();
        stack.push([pop(), second]);
        break;
      }
      case 0x87: {
        // TUPLE3
        const third = pop();
        const second = pop();
        stack.push([pop(), second, third]);
        break;
      }
      case 0x61: {
        // APPEND
        const item = pop();
        append(top(), [item]);
        break;
      }
      case 0x65: {
        // APPENDS
        const items = toMark();
        append(top(), items);
        break;
      }
      case 0x73: {
        // SETITEM
        const value = pop();
        const key = pop();
        setItems(top(), [key, value]);
        break;
      }
      case 0x75: {
        // SETITEMS
        const items = toMark();
        setItems(top(), items);
        break;
      }
      case 0x71: // BINPUT
        memo.set(bytes[skip(1)]!, top());
        break;
      case 0x72: // LONG_BINPUT
        memo.set(view.getUint32(skip(4), true), top());
        break;
      case 0x94: // MEMOIZE
        memo.set(memo.size, top());
        break;
      case 0x68: // BINGET
        stack.push(memo.get(bytes[skip(1)]!) ?? fail('it gets what it never put'));
        break;
      case 0x6a: // LONG_BINGET
        stack.push(memo.get(view.getUint32(skip(4), true)) ?? fail('it gets what it never put'));
        break;
      case 0x63: {
        // GLOBAL
        const module = line();
        stack.push(global(`${module}.${line()}`));
        break;
      }
      case 0x93: {
        // STACK_GLOBAL
        const name = pop();
        const module = pop();
        stack.push(global(`${String(module)}.${String(name)}`));
        break;
      }
      case 0x51: // BINPERSID
        stack.push(rules.persistent(pop()));
        break;
      case 0x52: {
        // REDUCE
        const args = pop();
        const callee = pop();
        if (!(callee instanceof Global) || !Array.isArray(args)) return fail('it calls no function');
        stack.push(rules.call(callee.name, args));
        break;
      }
      case 0x62: // BUILD: attributes of a dictionary (torch's `_metadata`), which carry no tensors
        pop();
        if (!(top() instanceof Map)) fail('it sets attributes of no dictionary');
        break;
      default:
        fail(
          `opcode 0x${op.toString(16).padStart(2, '0')} is not among those that checkpoints of tensors need; refused`,
        );
    }
  }
}

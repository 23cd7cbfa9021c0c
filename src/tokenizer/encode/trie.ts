/** Texts with numbers, read one UTF-16 unit at a time. Node 0 is the root; -1 is none. */
export interface Trie {
  child(node: number, unit: number): number;
  /** The number of the text that ends at the node, or -1. */
  value(node: number): number;
}

/** A trie in flat arrays: its edges are one hash table with open addressing. */
export function createTrie(texts: ReadonlyMap<string, number>): Trie {
  let units = 0;
  for (const text of texts.keys()) units += text.length;
  // At least half of the places stay free.
  const bits = Math.max(4, 33 - Math.clz32(units));
  const mask = (1 << bits) - 1;
  const nodes = new Int32Array(mask + 1).fill(-1);
  const edges = new Uint16Array(mask + 1);
  const children = new Int32Array(mask + 1);
  const values = new Int32Array(units + 1).fill(-1);

  const place = (node: number, unit: number): number => {
    let at = (Math.imul(node, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b)) >>> (32 - bits);
    while (nodes[at] !== -1 && (nodes[at] !== node || edges[at] !== unit)) at = (at + 1) & mask;
    return at;
  };
  let count = 1;
  for (const [text, value] of texts) {
    let node = 0;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      const at = place(node, unit);
      if (nodes[at] === -1) {
        nodes[at] = node;
        edges[at] = unit;
        children[at] = count++;
      }
      node = children[at]!;
    }
    values[node] = value;
  }
  return {
    child(node, unit) {
      const at = place(node, unit);
      return nodes[at] === -1 ? -1 : children[at]!;
    },
    value: (node) => values[node]!,
  };
}

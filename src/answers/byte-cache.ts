import { LRUCache } from 'lru-cache';

/**
 * Keeps the values that were used last, up to a number of bytes in all: each is set with its `size`. One that would
 * take more than an eighth of the room is not kept.
 */
export function byteCache<Key extends {}, Value extends {}>(bytes: number): LRUCache<Key, Value> {
  return new LRUCache<Key, Value>({ maxSize: bytes, maxEntrySize: Math.floor(bytes / 8) });
}

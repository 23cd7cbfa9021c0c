import { PolysemeError } from '../../errors.ts';

export type Json = Record<string, unknown>;

/** Typed access to the keys of a config file: null where a key is absent or null, an error where it is another type. */
export function fields(json: Json, label: string) {
  const read = <T>(key: string, type: string, is: (value: unknown) => value is T): T | null => {
    const value = json[key];
    if (value === undefined || value === null) return null;
    if (!is(value))
      throw new PolysemeError(
        `${label}: ${key} is ${JSON.stringify(value)?.slice(0, 60)}; ${type} is expected`,
      );
    return value;
  };
  return {
    text: (key: string) => read(key, 'text', (value) => typeof value === 'string'),
    flag: (key: string) => read(key, 'true or false', (value) => typeof value === 'boolean'),
    count: (key: string) =>
      read(
        key,
        'a whole number',
        (value): value is number => Number.isSafeInteger(value) && (value as number) >= 0,
      ),
    number: (key: string) => read(key, 'a number', (value) => typeof value === 'number'),
    object: (key: string) =>
      read(key, 'an object', (value): value is Json => typeof value === 'object' && !Array.isArray(value)),
  };
}

import { describe, expect, test } from 'vitest';
import { chat, chatAddress } from '../../src/explain/chat.ts';
import { nameByModel, type ShownExample } from '../../src/explain/namer.ts';
import { parseChoice, parseName, parseVerdicts, passage } from '../../src/explain/prompts.ts';
import { chatServer } from '../helpers/chat-server.ts';

const soon = { pause: 1 };

describe('a conversation with an endpoint', () => {
  test('asks once and gives the text, with the key where there is one', async () => {
    await using server = await chatServer(() => ' ships at sea ');
    const ask = chat({ url: server.url, model: 'small', key: 'secret' }, soon);
    expect(await ask('What?', 20)).toBe('ships at sea');
    expect(server.asked).toEqual([
      { prompt: 'What?', model: 'small', authorization: 'Bearer secret', number: 0 },
    ]);
    await chat({ url: server.url, model: 'small' }, soon)('Again?', 20);
    expect(server.asked[1]!.authorization).toBeUndefined();
  });

  test('what a reasoning model thinks is no part of its answer; an answer may come in parts', async () => {
    await using thinking = await chatServer(() => '<think>1, 2\n3</think>\nwar');
    expect(await chat({ url: thinking.url, model: 'm' }, soon)('?', 9)).toBe('war');
    await using parts = await chatServer((_, response) => {
      response.end(
        JSON.stringify({
          choices: [{ message: { content: [{ type: 'text', text: 'a' }, { text: 'b' }, 7] } }],
        }),
      );
      return null;
    });
    expect(await chat({ url: parts.url, model: 'm' }, soon)('?', 9)).toBe('ab');
  });

  test('busy and failing endpoints are asked three times at most', async () => {
    await using busy = await chatServer(({ number }, response) => {
      if (number === 2) return 'at last';
      response.writeHead(number === 0 ? 429 : 503, { 'retry-after': '0' }).end('busy');
      return null;
    });
    expect(await chat({ url: busy.url, model: 'm' }, soon)('?', 9)).toBe('at last');
    await using failing = await chatServer((_, response) => {
      response.writeHead(500).end('out of\nmemory');
      return null;
    });
    await expect(chat({ url: failing.url, model: 'm' }, soon)('?', 9)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(
        /^the language model m at .* gives no answer \(asked 3 times\): status 500, out of memory$/,
      ),
    });
    expect(failing.asked).toHaveLength(3);
    await using refusing = await chatServer((_, response) => {
      response.writeHead(401).end('no key');
      return null;
    });
    await expect(chat({ url: refusing.url, model: 'm' }, soon)('?', 9)).rejects.toThrow('status 401, no key');
    expect(refusing.asked).toHaveLength(1);
  });

  test('a slow endpoint is given up, a closed one is said to be', async () => {
    await using slow = await chatServer(() => null);
    const options = { ...soon, timeout: 30 };
    await expect(chat({ url: slow.url, model: 'm' }, options)('?', 9)).rejects.toThrow(
      /\(asked 3 times\): none within 0\.03 s$/,
    );
    const { url } = slow;
    await slow[Symbol.asyncDispose]();
    await expect(chat({ url, model: 'm' }, soon)('?', 9)).rejects.toMatchObject({ code: 'unreachable' });
  });

  test.each([
    ['no JSON', 'hello'],
    ['null', 'null'],
    ['a list', '[]'],
    ['no choice', '{"choices":[]}'],
    ['no text', '{"choices":[{"message":{"content":7}}]}'],
    ['nothing', ''],
    ['a page', `<html>${'x'.repeat(5000)}</html>`],
  ])('an answer that is %s is one short line', async (_, body) => {
    await using server = await chatServer((_asked, response) => {
      response.end(body);
      return null;
    });
    const error = await chat({ url: server.url, model: 'm' }, soon)('?', 9).catch((e: Error) => e);
    expect(error).toMatchObject({ code: 'unreachable' });
    expect((error as Error).message).toMatch(/which is no conversation$/);
    expect((error as Error).message).not.toContain('\n');
    expect((error as Error).message.length).toBeLessThan(400);
  });

  test('an endless answer, and one that leads elsewhere', async () => {
    await using endless = await chatServer((_, response) => {
      const more = (): void => {
        if (!response.destroyed) response.write('x'.repeat(1 << 16), more);
      };
      more();
      return null;
    });
    await expect(chat({ url: endless.url, model: 'm' }, soon)('?', 9)).rejects.toThrow(
      'an answer of more than',
    );
    await using elsewhere = await chatServer((_, response) => {
      response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end();
      return null;
    });
    await expect(chat({ url: elsewhere.url, model: 'm' }, soon)('?', 9)).rejects.toMatchObject({
      code: 'unreachable',
    });
  });

  test('is stopped by its signal', async () => {
    const control = new AbortController();
    await using server = await chatServer(() => {
      control.abort();
      return null;
    });
    const asking = chat({ url: server.url, model: 'm' }, { ...soon, signal: control.signal })('?', 9);
    await expect(asking).rejects.toMatchObject({ code: 'aborted' });
  });

  test('addresses', () => {
    expect(chatAddress('http://localhost:11434')).toBe('http://localhost:11434/v1/chat/completions');
    expect(chatAddress('http://localhost:11434/v1/')).toBe('http://localhost:11434/v1/chat/completions');
    expect(chatAddress('https://host/a/chat/completions')).toBe('https://host/a/chat/completions');
    for (const bad of ['', 'localhost', 'file:///etc/passwd', 'http://user:word@host/v1']) {
      expect(() => chatAddress(bad)).toThrow('is no address');
    }
  });
});

describe('what models answer', () => {
  test.each([
    ['treaties with nations', 'treaties with nations'],
    ['"Treaties."', 'Treaties'],
    ['**Description:** words about ships', 'words about ships'],
    ['Sure! Here is a description:\n\n- the word "sea"', 'the word "sea'],
    ['1. verbs of motion', 'verbs of motion'],
    ['', null],
    ['...', null],
  ])('a name in %j', (answer, name) => expect(parseName(answer)).toBe(name));

  test('a name is of bounded length', () => expect(parseName('a '.repeat(10_000))!.length).toBeLessThan(210));

  test.each([
    ['1, 0, 1', [true, false, true]],
    ['[1,0,1]', [true, false, true]],
    ['1. yes\n2. no\n3. yes', [true, false, true]],
    ['1: 1\n2: 0\n3: 1', [true, false, true]],
    ['Passage 1: True, Passage 2: False, Passage 3: true', [true, false, true]],
    ['{"1": 1, "2": 0, "3": 1}', [true, false, true]],
    ['yes no yes', [true, false, true]],
    ['2. no', [null, false, null]],
    ['1 0', [null, null, null]],
    ['I cannot tell.', [null, null, null]],
    ['', [null, null, null]],
  ])('verdicts in %j', (answer, verdicts) => expect(parseVerdicts(answer, 3)).toEqual(verdicts));

  test.each([
    ['3', 2],
    ['Passage 3', 2],
    ['The intruder is number 4.', 3],
    ['**2**: because 1 and 3 are ships', 1],
    ['I think that it is 5', 4],
    ['either 1 or 2', null],
    ['9', null],
    ['none', null],
  ])('a choice in %j', (answer, choice) => expect(parseChoice(answer, 5)).toBe(choice));

  test('a passage marks the peak, and is one line', () => {
    expect(passage([' the', ' ship', '\n', ' sailed'], 1)).toBe('the «ship» sailed');
    expect(passage([' a', '\n', ' b'], 1)).toBe('a«↵» b');
    expect(passage(['x'.repeat(3)], 0)).toBe('«xxx»');
  });
});

describe('names are scored by examples that they were not made from', () => {
  const example = (word: string, i: number): ShownExample => ({
    context: i,
    position: 1,
    tokens: [' about', ` ${word}`, ` of ${i}`],
  });
  const ships = Array.from({ length: 20 }, (_, i) => example('ship', i));
  const courts = Array.from({ length: 20 }, (_, i) => example('court', 100 + i));
  const random = Array.from({ length: 30 }, (_, i) => example('tree', 200 + i));
  /** A model that sees whether the marked word is the one that a name says. */
  const exact = async (prompt: string): Promise<string> => {
    const named = /^Description: (.*)$/m.exec(prompt)?.[1];
    if (named === undefined) return /«(\w+)»/.exec(prompt)![1]!;
    const marked = [...prompt.matchAll(/^\d+\. .*«(\w+)»/gm)].map(([, word]) => word!);
    return marked.map((word) => (named.includes(word) ? 1 : 0)).join(', ');
  };

  test('a right name scores 1, a name of the whole unit chance against siblings', async () => {
    const names = await nameByModel({ ask: exact, features: [ships, courts], random });
    expect(names).toEqual([
      { text: 'ship', siblings: 1, random: 1, asked: 30, unanswered: 0 },
      { text: 'court', siblings: 1, random: 1, asked: 30, unanswered: 0 },
    ]);
    const whole = async (prompt: string): Promise<string> =>
      prompt.startsWith('Description') ? exact(prompt) : 'ship or court';
    const [name] = await nameByModel({ ask: whole, features: [ships, courts], random, wanted: [0] });
    expect(name).toMatchObject({ siblings: 0.5, random: 1 });
  });

  test('no passage is both seen by the naming and tried', async () => {
    const prompts: string[] = [];
    await nameByModel({
      ask: async (prompt) => {
        prompts.push(prompt);
        return exact(prompt);
      },
      features: [ships, courts],
      random,
      wanted: [0],
    });
    const of = (prompt: string): string[] => [...prompt.matchAll(/ of (\d+)/g)].map(([, id]) => id!);
    const seen = new Set(of(prompts[0]!));
    expect(seen.size).toBe(20);
    for (const tried of prompts.slice(1).flatMap(of)) expect(seen).not.toContain(tried);
  });

  test('what is not answered counts as wrong, and is counted', async () => {
    const silent = async (prompt: string): Promise<string> =>
      prompt.startsWith('Description') ? 'well' : 'ship';
    expect(await nameByModel({ ask: silent, features: [ships, courts], random, wanted: [0] })).toEqual([
      { text: 'ship', siblings: 0, random: 0, asked: 30, unanswered: 30 },
    ]);
    const none = async (): Promise<string> => '';
    expect(await nameByModel({ ask: none, features: [ships], random })).toEqual([
      { text: null, siblings: null, random: null, asked: 0, unanswered: 0 },
    ]);
  });

  test('a feature alone has no siblings; one of one example is named and not tried', async () => {
    const [alone] = await nameByModel({ ask: exact, features: [ships], random });
    expect(alone).toMatchObject({ siblings: null, random: 1 });
    const [, single] = await nameByModel({ ask: exact, features: [ships, courts.slice(0, 1)], random });
    expect(single).toEqual({ text: 'court', siblings: null, random: null, asked: 0, unanswered: 0 });
  });
});

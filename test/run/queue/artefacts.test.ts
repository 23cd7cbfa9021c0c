import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { writeSealed } from '../../../src/base/sealed-file.ts';
import { Artefacts, checkPlace } from '../../../src/run/queue/artefacts.ts';
import { expectOneLine, temporaryFolder } from '../../helpers/expect.ts';
import { CREDENTIALS, freePort, startBucket, startCable } from '../../helpers/queue-servers.mjs';

const make = (value: number) => (path: string) => writeSealed(path, { format: 1, value }, []);
/** More than one part of an upload. */
const LARGE = new Float64Array(1_300_000).map((_, i) => i);
const makeLarge = (path: string) => writeSealed(path, { format: 1 }, [['numbers', LARGE]]);

test('in a folder, one that is not what its name says counts for nothing, and is named', async () => {
  const folder = temporaryFolder();
  const artefacts = await Artefacts.open({ artefacts: folder });
  const [one, two] = [
    await artefacts.give('job-1', 'part', make(1)),
    await artefacts.give('job-2', 'part', make(2)),
  ];
  expect(await artefacts.given('job-1', 'part')).toBe(one);
  expect(await artefacts.given('job-3', 'part')).toBeNull();
  writeFileSync(join(folder, one), readFileSync(join(folder, two)));
  expect(await artefacts.given('job-1', 'part')).toBeNull();
  await expectOneLine(() => artefacts.paths([two, one]), /is damaged: its SHA-256 is not its name/);
  await expectOneLine(() => artefacts.paths(['0'.repeat(64)]), /lacks 0+: the same command makes it anew/);
  expect(await artefacts.give('job-1', 'part', make(1))).toBe(one);
  expect(await artefacts.given('job-1', 'part')).toBe(one);
  // An array, not the index.
  const large = await artefacts.give('job-4', 'part', makeLarge);
  const bytes = readFileSync(join(folder, large));
  bytes[4_000_000]! ^= 1;
  writeFileSync(join(folder, large), bytes);
  expect(await artefacts.given('job-4', 'part')).toBeNull();
  await expectOneLine(
    () => checkPlace({ artefacts: folder, artefactsEndpoint: 'http://127.0.0.1' }),
    /option artefactsEndpoint needs option artefacts s3:/,
  );
  await expectOneLine(
    () => Artefacts.open({ artefacts: join(folder, large) }),
    /^option artefacts .* is there, and is no folder$/,
  );
});

describe('in a bucket', () => {
  let server: Awaited<ReturnType<typeof startBucket>>;
  let folder: string;
  let place: { artefacts: string; artefactsEndpoint: string };
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'polyseme-bucket-'));
    server = await startBucket(folder);
    place = { artefacts: 's3://things/some/runs', artefactsEndpoint: `http://127.0.0.1:${server.port}` };
  });
  beforeEach(() => {
    for (const [name, value] of Object.entries(CREDENTIALS)) vi.stubEnv(name, value);
    return () => vi.unstubAllEnvs();
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('what one gives, another reads, in several parts where it is large', async () => {
    const [giver, reader] = [await Artefacts.open(place), await Artefacts.open(place)];
    const small = await giver.give('job-1', 'part', make(1));
    const large = await giver.give('job-2', 'part', makeLarge);
    const study = await giver.give('job-3', 'study', async (path) => writeFileSync(path, 'a study'));
    expect([
      await reader.given('job-1', 'part'),
      await reader.given('job-2', 'part'),
      await reader.given('job-3', 'study'),
      await reader.given('job-4', 'part'),
    ]).toEqual([small, large, study, null]);
    const [path] = await reader.paths([large]);
    expect(readFileSync(path!).equals(readFileSync((await giver.paths([large]))[0]!))).toBe(true);
    const out = join(temporaryFolder(), 'study.db');
    await reader.copyStudy(study, out);
    expect(readFileSync(out, 'utf8')).toBe('a study');
    // Under another name: its digest is not that.
    const stored = join(folder, 'things/some/runs');
    const objectOf = (digest: string) =>
      join(stored, readdirSync(stored).find((name) => name.startsWith(digest) && /object/.test(name))!);
    writeFileSync(objectOf(small), readFileSync(objectOf(study)));
    const third = await Artefacts.open(place);
    await expectOneLine(
      () => third.paths([small]),
      /in s3:\/\/things\/some\/runs is damaged: .* is not a part/,
    );
    expect(await third.given('job-1', 'part')).toBeNull();
    expect(await third.give('job-1', 'part', make(1))).toBe(small);
    await Promise.all([giver, reader, third].map((artefacts) => artefacts.close()));
    // Copies go with who made them.
    expect(() => readFileSync(path!)).toThrow(/ENOENT/);
  });

  test('a network that is cut for a while is waited for', async () => {
    const cable = await startCable(server.port);
    const artefacts = await Artefacts.open({
      ...place,
      artefactsEndpoint: `http://127.0.0.1:${cable.port}`,
    });
    const large = await artefacts.give('cut-1', 'part', makeLarge);
    await artefacts.turnTo('another run');
    await artefacts.turnTo('this run');
    cable.cut();
    const reading = artefacts.paths([large]);
    await wait(300);
    cable.drop();
    await wait(300);
    cable.mend();
    expect((await reading).length).toBe(1);
    await artefacts.close();
    cable.close();
  });

  test('what cannot be is named', async () => {
    await expectOneLine(
      () => Artefacts.open({ ...place, artefacts: 's3://nothings' }),
      /s3:\/\/nothings: there is no bucket nothings/,
    );
    await expectOneLine(() => checkPlace({ ...place, artefacts: 's3://' }), /it must be s3:\/\/BUCKET/);
    await expectOneLine(
      () => Artefacts.open({ ...place, artefactsEndpoint: 'nowhere' }),
      /option artefactsEndpoint is "nowhere"/,
    );
    const dead = `http://127.0.0.1:${await freePort()}`;
    await expectOneLine(
      () => Artefacts.open({ ...place, artefactsEndpoint: dead }),
      /the bucket s3:\/\/things\/some\/runs has not answered for 3 s \(connect ECONNREFUSED/,
    );
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'SOMEBODY');
    await expectOneLine(() => Artefacts.open(place), /the store answers 403.*: check the credentials/);
    for (const name of Object.keys(CREDENTIALS)) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('HOME', temporaryFolder());
    await expectOneLine(() => Artefacts.open(place), /there are no credentials: set AWS_ACCESS_KEY_ID/);
  });
});

import { appendFile, readFile, stat } from 'node:fs/promises';
import { PolysemeError } from '../../errors.ts';

/** What is known of a batch: it was about to be sent, or was accepted. */
type State = 'sent' | 'accepted';

/** Remembers which batches a Neuronpedia has accepted, since it would take them twice. */
export interface Journal {
  state(batch: string): State | null;
  /** On the disk when it resolves. */
  note(batch: string, state: State): Promise<void>;
}

/** Bytes of a journal; a line of a batch has about 90. */
const MAX_BYTES = 64 << 20;

/** Opens the journal in a file of lines; a line that a kill has cut off counts for nothing. */
export async function openJournal(path: string): Promise<Journal> {
  const size = (await stat(path).catch(() => null))?.size ?? 0;
  if (size > MAX_BYTES) throw new PolysemeError(`${path} has ${size} bytes (limit ${MAX_BYTES})`, 'damaged');
  const text = size === 0 ? '' : await readFile(path, 'utf8');
  const states = new Map<string, State>();
  for (const line of text.split('\n')) {
    const match = /^(sent|accepted) ([0-9a-f]{64})$/.exec(line);
    if (match !== null) states.set(match[2]!, match[1] as State);
  }
  let start = text === '' || text.endsWith('\n') ? '' : '\n';
  return {
    state: (batch) => states.get(batch) ?? null,
    async note(batch, state) {
      await appendFile(path, `${start}${state} ${batch}\n`, { flush: true });
      start = '';
      states.set(batch, state);
    },
  };
}

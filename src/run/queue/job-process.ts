import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { PolysemeError } from '../../errors.ts';
import type { RunHooks } from '../run-hooks.ts';
import type { ArtefactsPlace } from './artefacts.ts';
import type { FromProcess, ToProcess } from './job-messages.ts';
import type { JobData } from './jobs.ts';

/** Seconds without a sign of life after which a process hangs: it computes for no longer at a stretch. */
const SILENCE = 600;
/** Milliseconds in which a process that is let go has to tidy up. */
const TIDY = 500;

/**
 * A process of its own for the jobs of a worker: however long it computes, the worker can tell the queue that it lives; and
 * a job that brings its process down, or hangs, fails, and no worker with it.
 */
export class JobProcess {
  readonly #setup: ToProcess;
  #child: Promise<ChildProcess> | null = null;

  private constructor(place: ArtefactsPlace, threads: number | undefined) {
    this.#setup = { kind: 'setup', place, threads };
  }

  /** Starts the process. @throws PolysemeError where it cannot work, as the artefacts are out of reach */
  static async start(place: ArtefactsPlace, threads: number | undefined): Promise<JobProcess> {
    const process = new JobProcess(place, threads);
    await process.#ready();
    return process;
  }

  /** Does a job: the digest of what it gives. @throws PolysemeError with the reason */
  async perform(
    data: JobData,
    before: readonly string[],
    { onProgress, onNote }: Pick<RunHooks, 'onProgress' | 'onNote'>,
  ): Promise<string> {
    const child = await this.#ready();
    const answer = await asked(child, { kind: 'job', data, before }, (message) => {
      if (message.kind === 'progress') onProgress?.(message.progress);
      else if (message.kind === 'note') onNote?.(message.line);
    });
    return answer.kind === 'done' ? answer.digest : '';
  }

  /** Ends the process; it removes its copies of artefacts. */
  async close(): Promise<void> {
    const child = await this.#child?.catch(() => null);
    this.#child = null;
    if (child?.connected) child.disconnect();
  }

  /** Ends the process at once, with what it does: that fails. */
  async stop(): Promise<void> {
    const child = await this.#child?.catch(() => null);
    if (child == null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    const force = setTimeout(() => child.kill('SIGKILL'), TIDY);
    if (child.connected) child.disconnect();
    await gone;
    clearTimeout(force);
  }

  /** The process, started anew where the one before has ended. */
  #ready(): Promise<ChildProcess> {
    this.#child ??= this.#start();
    return this.#child;
  }

  async #start(): Promise<ChildProcess> {
    const child = fork(new URL('./perform-process.js', import.meta.url), { execArgv: [] });
    child.once('exit', () => {
      this.#child = null;
    });
    // What could not be sent has an `exit` to tell of it.
    child.on('error', () => {});
    try {
      await asked(child, this.#setup);
      return child;
    } catch (error) {
      this.#child = null;
      if (child.connected) child.disconnect();
      throw error;
    }
  }
}

/** What a process answers in the end; what it says before is heard. */
function asked(
  child: ChildProcess,
  question: ToProcess,
  hear: (message: FromProcess) => void = () => {},
): Promise<FromProcess> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const wait = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => child.kill('SIGKILL'), SILENCE * 1000);
    };
    const end = (): void => {
      clearTimeout(timer);
      child.off('message', listen);
      child.off('exit', gone);
    };
    const listen = (message: FromProcess): void => {
      wait();
      hear(message);
      if (message.kind === 'done' || message.kind === 'ready') {
        end();
        resolve(message);
      } else if (message.kind === 'failed') {
        end();
        const { message: text, code } = message;
        reject(code === null ? new Error(text) : new PolysemeError(text, code));
      }
    };
    const gone = (code: number | null, signal: NodeJS.Signals | null): void => {
      end();
      reject(
        new PolysemeError(
          `the process of the job ended (${signal ?? `code ${code}`}): it crashed, hung for ${SILENCE} s, or the system killed it for memory`,
        ),
      );
    };
    child.on('message', listen);
    child.on('exit', gone);
    wait();
    child.send(question);
  });
}

import { Link } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { visible } from '../../../src/base/visible.ts';
import type { Bank, Training } from '../source/answers.ts';
import { formatShare, formatThree, formatWhole } from '../ui/metric-info.ts';
import { formatTime } from '../ui/time.ts';
import { explained, hinted } from '../ui/tips.tsx';
import { bankOfTraining } from './bank-of-training.ts';
import { strokeOf } from './run-strokes.ts';
import { RunSwatch } from './run-swatch.tsx';
import { formatFour, formatSetting, settingName } from './runs.ts';

type SettingName = keyof Training['settings'];

/** All trainings: which are drawn, in what they differ, how far they have come, and their figures. */
export function TrainingTable({
  trainings,
  differences,
  shown,
  onShow,
  banks,
}: {
  trainings: readonly Training[];
  /** Banks of the study that is served beside them. */
  banks: readonly Pick<Bank, 'name' | 'site'>[];
  /** Settings that get a column. */
  differences: readonly SettingName[];
  shown: ReadonlySet<string>;
  onShow: (names: readonly string[]) => void;
}) {
  // Those that a sweep is over stand beside the name, the rest after the figures.
  const first = differences.filter((setting) => FIRST.has(setting));
  const others = differences.filter((setting) => !FIRST.has(setting));
  const names = trainings.map(({ name }) => name);
  const isEvaluated = trainings.some(({ evaluation }) => evaluation !== null);
  const toggle = (name: string) =>
    onShow(names.filter((other) => (other === name ? !shown.has(name) : shown.has(other))));
  return (
    <section
      className="scroll-x"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways where it is narrow
      tabIndex={0}
      aria-label="Table of trainings"
    >
      <table className="plain trainings-table">
        <thead>
          <tr>
            <th scope="col">
              <span className="run-name">
                <AllBox shown={shown.size} of={names.length} onChange={(all) => onShow(all ? names : [])} />
                Training
              </span>
            </th>
            {first.map(settingHead)}
            <th scope="col">State</th>
            <Head title="Share of the last batch’s variance that the reconstruction keeps">FVE</Head>
            <Head title="Active latents per token, last batch">L0</Head>
            <Head title="Mean distance of a latent’s neuron embeddings from their average, last batch">
              L_N
            </Head>
            <Head title="Latents that nothing has activated for long">Dead</Head>
            {isEvaluated && (
              <>
                <Head title="Variance explained in the evaluation at the end, on text of the training data">
                  FVE eval.
                </Head>
                <Head title="Cross-entropy recovered when the SAE’s output takes the place of the activations">
                  CE rec.
                </Head>
              </>
            )}
            {others.map(settingHead)}
          </tr>
        </thead>
        <tbody>
          {trainings.map((training) => {
            const { name, settings, last, evaluation } = training;
            const cells = [
              formatted(last?.explainedVariance, formatThree),
              formatted(last?.l0, formatFour),
              formatted(last?.meanEmbeddingDistance, formatThree),
              formatted(last?.deadShare, formatShare),
              ...(isEvaluated
                ? [
                    formatted(evaluation?.explainedVariance, formatThree),
                    formatted(evaluation?.crossEntropyRecovered, formatShare),
                  ]
                : []),
            ];
            return (
              <tr key={name} data-run={name} className={shown.has(name) ? '' : 'hidden-run'}>
                <th scope="row">
                  <label className="run-name">
                    <input type="checkbox" checked={shown.has(name)} onChange={() => toggle(name)} />
                    <RunSwatch stroke={strokeOf(name)} />
                    <RunName training={training} />
                  </label>
                  <BankLink training={training} banks={banks} />
                </th>
                {first.map((setting) => settingCell(settings, setting))}
                <td>
                  <Progress training={training} />
                </td>
                {cells.map((cell, i) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: cells keep their places
                  <td key={i} className="num">
                    {cell}
                  </td>
                ))}
                {others.map((setting) => settingCell(settings, setting))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

const FIRST = new Set<SettingName>([
  'architecture',
  'latents',
  'k',
  'l1',
  'embeddingWeight',
  'residualWeight',
  'seed',
]);
/** Settings that are text; the others are numbers, and stand to the right. */
const TEXTS = new Set<SettingName>([
  'architecture',
  'model',
  'site',
  'data',
  'activations',
  'column',
  'decoderBias',
]);

function settingHead(setting: SettingName): ReactNode {
  return (
    <th key={setting} scope="col" className={TEXTS.has(setting) ? '' : 'num'}>
      {settingName(setting)}
    </th>
  );
}

function settingCell(settings: Training['settings'], setting: SettingName): ReactNode {
  const value = settings[setting];
  const isNone = value === null && (setting === 'k' || setting === 'l1');
  return (
    <td key={setting} className={`${TEXTS.has(setting) ? '' : 'num'} ${value === null ? 'muted' : ''}`}>
      {isNone ? '–' : formatSetting(value)}
    </td>
  );
}

function Head({ title, children }: { title: string; children: ReactNode }) {
  return (
    <th scope="col" className="num">
      <span {...explained(title)}>{children}</span>
    </th>
  );
}

/** Checked, unchecked, or in between. */
function AllBox({ shown, of, onChange }: { shown: number; of: number; onChange: (all: boolean) => void }) {
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    box.current!.indeterminate = shown > 0 && shown < of;
  }, [shown, of]);
  return (
    <input
      ref={box}
      type="checkbox"
      aria-label="Draw all trainings"
      checked={shown > 0 && shown === of}
      onChange={() => onChange(shown < of)}
    />
  );
}

/** The folder of the sweep fainter than what tells its members apart. */
function RunName({ training: { name } }: { training: Training }) {
  const slash = name.lastIndexOf('/') + 1;
  return (
    <bdi className="mono">
      {slash > 0 && <span className="muted run-group">{visible(name.slice(0, slash))}</span>}
      {visible(name.slice(slash))}
    </bdi>
  );
}

/** The way to the units of the bank that a training has become. */
function BankLink({
  training,
  banks,
}: {
  training: Training;
  banks: readonly Pick<Bank, 'name' | 'site'>[];
}) {
  const bank = bankOfTraining(training, banks);
  if (bank === undefined) return null;
  return (
    <Link className="small bank-link" to="/" search={{ bank }} aria-label={`Units of ${bank}`}>
      its units →
    </Link>
  );
}

function Progress({ training }: { training: Training }) {
  const { name, state, step, steps, secondsLeft, last, updated } = training;
  const share = steps === 0 ? 0 : step / steps;
  const percent = `${Math.floor(100 * share)} %`;
  const facts =
    state === 'training'
      ? step === 0
        ? 'reading the first activations'
        : [
            ...(secondsLeft === null ? [] : [`${formatTime(secondsLeft)} left`]),
            ...(last?.tokensPerSecond == null ? [] : [`${formatWhole(last.tokensPerSecond)} tokens/s`]),
          ].join(', ')
      : state === 'evaluating'
        ? 'all steps done'
        : state === 'stopped' || state === 'diverged'
          ? `at step ${formatWhole(step)} of ${formatWhole(steps)}`
          : `${formatWhole(steps)} steps`;
  return (
    <div className="progress" data-state={state}>
      <span className="progress-head">
        <span className="state-name">{state}</span>
        {state === 'training' && <span className="num percent">{percent}</span>}
        <span className="muted small num">{facts}</span>
        <Spoke updated={updated} />
      </span>
      <span
        className="progress-bar"
        role="progressbar"
        aria-label={`Progress of ${visible(name)}`}
        aria-valuenow={Math.floor(100 * share)}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <i style={{ width: `${100 * share}%` }} />
      </span>
    </div>
  );
}

/** How long ago something was last written. */
function Spoke({ updated }: { updated: string }) {
  const now = useNow();
  const seconds = Math.max(0, (now - Date.parse(updated)) / 1000);
  return (
    <time className="muted small num spoke" dateTime={updated} {...hinted(updated)}>
      wrote {seconds < 2 ? 'just now' : `${formatTime(Math.floor(seconds))} ago`}
    </time>
  );
}

/** The time, anew each second while the page is in sight. */
function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') setNow(Date.now());
    }, 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function formatted(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? '–' : format(value);
}

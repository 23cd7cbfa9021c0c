import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useRouteContext } from '@tanstack/react-router';
import { type MouseEvent, useRef, useState } from 'react';
import { hasModel } from '../explain/page-model.tsx';
import { source } from '../source/chosen.ts';
import { modelQuery } from '../source/image-queries.ts';
import { studyQuery } from '../source/query-options.ts';
import { firstPage } from '../ui/first-page.ts';
import { Brand, DiceIcon, HelpIcon, MoonIcon, SunIcon, SystemIcon } from '../ui/icons.tsx';
import { lastStudySearch } from '../ui/last-study.ts';
import { SearchBox } from '../ui/search-box.tsx';
import { useShortcuts } from '../ui/shortcuts.ts';
import { type Theme, useTheme } from '../ui/theme.ts';
import { hinted, Tips } from '../ui/tips.tsx';
import { Trouble } from '../ui/trouble.tsx';
import { useImages } from '../ui/use-images.ts';
import { useRandom } from '../ui/use-random.ts';
import { HelpDialog } from './help.tsx';

const NEXT: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };

/** The frame of every page: navigation, search, theme, help. */
export function App() {
  const search = useRef<HTMLInputElement>(null);
  const [help, setHelp] = useState(false);
  const { served } = useRouteContext({ from: '__root__' });
  const random = useRandom();
  useShortcuts({
    // The search page has a field of its own.
    '/': () => (document.querySelector<HTMLInputElement>('input.big') ?? search.current)?.focus(),
    '?': () => setHelp(true),
    r: () => served.study && random(),
  });
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: it leads to a place of the page, whose address stays as it is */}
      <a className="skip" href="#main" onClick={skip}>
        Skip to content
      </a>
      <header className="bar">
        <div className="bar-in">
          <Link to="/" className="brand" aria-label={`Polyseme: the ${firstPage(served).name}`}>
            <Brand />
            <span>Polyseme</span>
          </Link>
          <nav aria-label="Pages">
            {served.study && (
              <>
                <Link to="/" search={lastStudySearch()} activeOptions={{ exact: true, includeSearch: false }}>
                  Study
                </Link>
                <Link to="/search">Search</Link>
                <OfModel />
                <Link to="/compare">Compare</Link>
              </>
            )}
            {served.trainings && (
              <Link to="/trainings" activeOptions={{ includeSearch: false }}>
                Trainings
              </Link>
            )}
            {served.queue && <Link to="/queue">Queue</Link>}
            <Link to="/about">About</Link>
          </nav>
          {served.study ? <SearchBox inputRef={search} /> : <div className="bar-search" />}
          <div className="bar-tools">
            {served.study && (
              <button
                type="button"
                className="icon"
                onClick={random}
                aria-label="Random unit"
                {...hinted('Random unit (r)')}
              >
                <DiceIcon />
              </button>
            )}
            <ThemeButton />
            <button
              type="button"
              className="icon"
              onClick={() => setHelp(true)}
              aria-label="Help"
              {...hinted('Help (?)')}
            >
              <HelpIcon />
            </button>
          </div>
        </div>
      </header>
      {served.study && <Unfinished />}
      <Outlet />
      <Tips />
      <Trouble />
      <HelpDialog hasStudy={served.study} open={help} onClose={() => setHelp(false)} />
    </>
  );
}

/** The page on which the model is tried: on text, or on images where it classifies them. */
function OfModel() {
  const images = useImages();
  const classifies = !source().isSite && images !== null && images.classes !== null;
  const model = useQuery({ ...modelQuery, enabled: classifies });
  if (images === null) {
    if (!hasModel()) return null;
    return (
      <Link to="/probe" activeOptions={{ includeSearch: false }}>
        Probe
      </Link>
    );
  }
  if (!classifies || model.data?.model == null) return null;
  return (
    <Link to="/classify" activeOptions={{ includeSearch: false }}>
      Classify
    </Link>
  );
}

/** Goes to the page's content; the address stays, as a site's pages stand behind its #. */
function skip(event: MouseEvent<HTMLAnchorElement>): void {
  event.preventDefault();
  const main = document.getElementById('main');
  if (main === null) return;
  main.tabIndex = -1;
  main.focus();
}

function ThemeButton() {
  const { theme, choose } = useTheme();
  const label = `Theme: ${theme}. Change to ${NEXT[theme]}`;
  return (
    <button
      type="button"
      className="icon"
      aria-label={label}
      {...hinted(label)}
      onClick={() => choose(NEXT[theme])}
    >
      {theme === 'system' ? <SystemIcon /> : theme === 'light' ? <SunIcon /> : <MoonIcon />}
    </button>
  );
}

function Unfinished() {
  const { data } = useQuery(studyQuery);
  if (data?.status !== 'unfinished') return null;
  return (
    <p className="notice" role="status">
      This study is unfinished: it shows the units found so far. Run its command again and it goes on where it
      stopped.
    </p>
  );
}

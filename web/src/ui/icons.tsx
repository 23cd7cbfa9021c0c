import type { ReactNode } from 'react';

/** The mark: one line that comes apart into three. */
export function Brand() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <path
        d="M3 16h7c5 0 5-9 11-9M10 16h11M10 16c5 0 5 9 11 9"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
      />
      <circle cx="25" cy="7" r="4" fill="var(--f0)" />
      <circle cx="25" cy="16" r="4" fill="var(--f1)" />
      <circle cx="25" cy="25" r="4" fill="var(--f2)" />
    </svg>
  );
}

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const DiceIcon = () => (
  <Icon>
    <rect x="3" y="3" width="14" height="14" rx="3" />
    <circle cx="7" cy="7" r="0.6" fill="currentColor" />
    <circle cx="13" cy="13" r="0.6" fill="currentColor" />
    <circle cx="10" cy="10" r="0.6" fill="currentColor" />
  </Icon>
);
export const HelpIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="7.5" />
    <path d="M7.8 7.8a2.2 2.2 0 1 1 3.2 2c-.7.4-1 .9-1 1.6M10 14v.1" />
  </Icon>
);
export const SunIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="3.4" />
    <path d="M10 2v2M10 16v2M2 10h2M16 10h2M4.4 4.4l1.4 1.4M14.2 14.2l1.4 1.4M4.4 15.6l1.4-1.4M14.2 5.8l1.4-1.4" />
  </Icon>
);
export const MoonIcon = () => (
  <Icon>
    <path d="M16.5 12A7 7 0 0 1 8 3.5a7 7 0 1 0 8.500 8.500z" />
  </Icon>
);
export const SystemIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="7" />
    <path d="M10 3a7 7 0 0 1 0 14z" fill="currentColor" />
  </Icon>
);
export const LeftIcon = () => (
  <Icon>
    <path d="M12 4l-6 6 6 6" />
  </Icon>
);
export const RightIcon = () => (
  <Icon>
    <path d="M8 4l6 6-6 6" />
  </Icon>
);

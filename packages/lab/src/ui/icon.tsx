import type { JSX } from "preact";

const PATHS = {
  play: "M5 3v14l11-7z",
  pause: "M5 3h4v14H5zM11 3h4v14h-4z",
  start: "M4 3h2.5v14H4zM16 3v14L7.5 10z",
  back: "M15 3v14L4 10z",
  forth: "M4 3v14l8.5-7zM13.5 3H16v14h-2.5z",
  up: "M10 4l7 9H3z",
  down: "M10 16l7-9H3z",
  remove: "M5 3.6L10 8.6l5-5L16.4 5l-5 5 5 5-1.4 1.4-5-5-5 5L3.6 15l5-5-5-5z",
  sun: "M10 6a4 4 0 100 8 4 4 0 000-8zM9.2 1h1.6v3H9.2zM9.2 16h1.6v3H9.2zM1 9.2h3v1.6H1zM16 9.2h3v1.6h-3zM3 4.1L4.1 3l2.2 2.2-1.1 1.1zM13.7 14.8l1.1-1.1 2.2 2.2-1.1 1.1zM3 15.9l2.2-2.2 1.1 1.1L4.1 17zM13.7 5.2L15.9 3 17 4.1l-2.2 2.2z",
  moon: "M16.5 12.6A7 7 0 017.4 3.5a7 7 0 109.1 9.1z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg
      viewBox="0 0 20 20"
      width="16"
      height="16"
      fill="currentColor"
      aria-hidden="true"
      style={{ verticalAlign: "-2px" }}
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The colours of a page, as CSS names them. */
export interface Palette {
  readonly background: string;
  readonly surface: string;
  readonly line: string;
  readonly text: string;
  readonly muted: string;
  /** Of series, apart for the colour-blind too: blue, vermilion, green, purple, ochre, grey (after Okabe and Ito). */
  readonly c1: string;
  readonly c2: string;
  readonly c3: string;
  readonly c4: string;
  readonly c5: string;
  readonly c6: string;
}

export const LIGHT: Palette = {
  background: "#ffffff",
  surface: "#f4f5f7",
  line: "#d5dae0",
  text: "#1a1e23",
  muted: "#56606b",
  c1: "#0069ab",
  c2: "#c2480a",
  c3: "#007a5a",
  c4: "#a2427f",
  c5: "#7d6200",
  c6: "#56606b",
};

export const DARK: Palette = {
  background: "#14171b",
  surface: "#1d2227",
  line: "#3a424b",
  text: "#e8eaed",
  muted: "#a6b0bb",
  c1: "#5fb4f2",
  c2: "#ff9a5a",
  c3: "#3fd0a2",
  c4: "#e79ccc",
  c5: "#e2c64e",
  c6: "#a6b0bb",
};

export function variables(palette: Palette): string {
  return Object.entries(palette)
    .map(([name, colour]) => `--${name}:${colour};`)
    .join("");
}

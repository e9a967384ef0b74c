import type { Page } from "playwright-core";

/** What a card shows. */
export interface ShownAnswer {
  readonly headline: string;
  readonly labels: readonly string[];
  /** Exact: probabilities, or a cosine. */
  readonly values: readonly number[];
}

/** Waits until the answers are timed: the last thing that happens. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector("#spoken")?.textContent !== "");
}

/** Does something, and waits for the answers to it. */
export async function answered(page: Page, act: () => Promise<void>): Promise<void> {
  await page.evaluate(() => {
    for (const id of ["spoken", "verdict"]) document.getElementById(id)?.replaceChildren();
  });
  await act();
  await settled(page);
}

/** Waits until the page works without a network. */
export async function kept(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector("#network")?.textContent?.startsWith("Kept in this browser"));
}

export async function shown(page: Page, role: "student" | "teacher" = "student"): Promise<ShownAnswer> {
  return page.evaluate((id) => {
    const texts = (selector: string) =>
      [...document.querySelectorAll(`#${id} ${selector}`)].map((element) => element.textContent ?? "");
    const values = [...document.querySelectorAll<HTMLDataElement>(`#${id} data`)].map(({ value }) => Number(value));
    return { headline: texts(".headline").join(), labels: texts(".label"), values };
  }, role);
}

/** What has the focus, in a word. */
export async function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const { id = "", textContent = "", tagName = "" } = document.activeElement ?? {};
    return id || textContent || tagName;
  });
}

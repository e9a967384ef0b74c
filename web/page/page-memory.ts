import { megabytes } from "./figures.js";

/** Of Chromium, on isolated pages. */
interface MeasuringPerformance {
  measureUserAgentSpecificMemory?(): Promise<{ readonly bytes: number }>;
}

let isMeasuring = false;

/** Says what the whole page takes, where the browser tells; it takes its time. */
export async function showPageMemory(place: HTMLElement): Promise<void> {
  const measuring = performance as MeasuringPerformance;
  if (isMeasuring || !crossOriginIsolated || measuring.measureUserAgentSpecificMemory === undefined) return;
  isMeasuring = true;
  try {
    const { bytes } = await measuring.measureUserAgentSpecificMemory();
    place.textContent = `The whole page takes ${megabytes(bytes)}, as this browser counts.`;
  } catch {
    // The browser does not tell after all: the models' own figures stand.
  } finally {
    isMeasuring = false;
  }
}

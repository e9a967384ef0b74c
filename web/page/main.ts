import type { SiteDescription } from "../../src/serve/playground/description.js";
import { Contender } from "./contender.js";
import { hold, type Outcome } from "./contest.js";
import { Devices } from "./devices.js";
import { one } from "./dom.js";
import { milliseconds, verdict } from "./figures.js";
import { ModelFailure } from "./model-client.js";
import { keep, takeCharge } from "./offline.js";
import { showPageMemory } from "./page-memory.js";
import { Question } from "./question.js";

// Limbeck wrote it into this very page: it is what its type says.
const site = JSON.parse(one("#site").textContent) as SiteDescription;
const contenders = site.models.map((model) => new Contender(site, model));
const question = new Question(site.examples, () => void ask());
let current = new AbortController();
let isStarted = false;

async function start(): Promise<void> {
  const scope = await takeCharge();
  const devices = await Devices.find();
  const openAll = () => {
    for (const contender of contenders) contender.open(devices.place);
    void ask();
  };
  isStarted = true;
  openAll();
  devices.choice.addEventListener("change", () => {
    openAll();
    void fallBack(devices, openAll);
  });
  for (const contender of contenders) {
    contender.card.weights.addEventListener("change", () => {
      contender.open(devices.place);
      void ask();
    });
  }
  await fallBack(devices, openAll);
  await sayWhatIsKept(scope);
}

/** Where a graphics card cannot run a model, the processor can. */
async function fallBack(devices: Devices, openAll: () => void): Promise<void> {
  if (devices.place.device === "wasm") return;
  const opened = await Promise.allSettled(contenders.map((contender) => contender.opened()));
  if (opened.every(({ status }) => status === "fulfilled")) return;
  devices.giveUpCard();
  openAll();
}

/** Asks all models what stands in the form; the last question counts. */
async function ask(): Promise<void> {
  current.abort();
  current = new AbortController();
  const { signal } = current;
  question.accept();
  if (!isStarted) return; // It is asked when the models are there.
  try {
    const outcomes = await hold(contenders, question.fields, signal);
    if (signal.aborted) return;
    conclude(outcomes);
    void showPageMemory(one("#page-memory"));
  } catch (error) {
    if (!signal.aborted) showError(error);
  }
}

/** What is seen above the answers, and what is heard. */
function conclude(outcomes: readonly Outcome[]): void {
  const [student, teacher] = outcomes;
  const compared = student && teacher ? verdict(student.measured, teacher.measured) : "";
  one("#verdict").textContent = compared;
  const answers = outcomes.map(
    ({ contender: { role }, spoken, measured: { medianMs } }) =>
      `${outcomes.length > 1 ? `${role}: ` : ""}${spoken}, in ${milliseconds(medianMs)}.`,
  );
  one("#spoken").textContent = [...answers, compared].join(" ");
}

function showError(error: unknown): void {
  for (const { card } of contenders) card.showIdle();
  if (error instanceof ModelFailure && error.isInput) question.refuse(error.message);
  else question.refuse(error instanceof Error ? error.message : String(error));
}

async function sayWhatIsKept(scope: string | null): Promise<void> {
  const status = one("#network");
  if (scope === null) {
    status.textContent =
      "This browser keeps nothing here: a visit without a network needs https, or this machine itself.";
    return;
  }
  await Promise.allSettled(contenders.map((contender) => contender.opened()));
  const folders = [new URL(site.assets, document.baseURI).href, ...contenders.map(({ address }) => address)];
  const fetched = contenders.map(({ file }) => file);
  const isKept = await keep(scope, { shell: site.shell, folders, fetched }).catch(() => false);
  status.textContent = isKept
    ? "Kept in this browser: it works without a network now."
    : "This browser had no room to keep the models: a visit needs a network.";
}

void start();

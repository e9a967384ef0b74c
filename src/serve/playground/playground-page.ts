import { familyNamed } from "../../families/families.js";
import { KIND_RECORDS } from "../../kinds/kinds.js";
import { html, Markup } from "../../pages/html.js";
import type { Role, SiteDescription, SiteModel } from "./description.js";
import type { ExportedModel } from "./exported-model.js";
import { FORMS, renderForm } from "./forms.js";

// The page asks nobody but its own host. WebAssembly is compiled, never JavaScript; ONNX Runtime's threads are workers.
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'";

interface PageOptions {
  readonly models: readonly ExportedModel[];
  readonly version: string;
}

/** The page as it stands before its script runs: everything but answers and figures is there. */
export function renderPage(description: SiteDescription, { models, version }: PageOptions): string {
  const { kind, assets } = description;
  const { title } = FORMS[kind];
  const isAlone = models.length === 1;
  const page = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Limbeck playground</title>
<link rel="icon" href="${assets}icon.svg">
<link rel="stylesheet" href="${assets}style.css">
<script type="module" src="${assets}page.js"></script>
<script type="application/json" id="site">${embedded(description)}</script>
</head>
<body>
<main>
<header>
<p class="mark"><img src="${assets}icon.svg" alt="" width="28" height="28"> Limbeck playground</p>
<h1>${title}</h1>
<p class="summary">${leadOf(models)}</p>
</header>
<noscript><p class="alert">The models run in your browser, by JavaScript: it must be allowed here.</p></noscript>
${renderForm(description)}
<p class="verdict" id="verdict"${isAlone ? html` hidden` : null}></p>
<p class="unseen" role="status" id="spoken"></p>
<div class="models ${KIND_RECORDS[kind].pipeline}${isAlone ? " alone" : ""}">
${description.models.map((model, i) => renderModel(model, { config: models[i]?.config ?? null, isAlone }))}
</div>
${renderFooter(version)}
</main>
</body>
</html>
`;
  return page.text;
}

function leadOf(models: readonly ExportedModel[]): string {
  const who = models.length > 1 ? "A distilled student beside its teacher, both" : "A distilled model,";
  return `${who} running in this browser, on this device. What you type goes nowhere.`;
}

/** JSON that ends no script element, whatever a name in it says. */
function embedded(description: SiteDescription): Markup {
  return new Markup(JSON.stringify(description).replaceAll("<", "\\u003c"));
}

const ROLES: Readonly<Record<Role, string>> = { student: "Student", teacher: "Teacher" };

function renderModel(
  { role, name, weights }: SiteModel,
  { config, isAlone }: { config: ExportedModel["config"] | null; isAlone: boolean },
): Markup {
  const encoder = config?.encoder;
  const shape =
    encoder === undefined ? "" : `${familyNamed(encoder).title}, ${encoder.layers} layers of ${encoder.hiddenSize}`;
  const title = isAlone ? "Model" : ROLES[role];
  const choices = weights.map(
    ({ dtype, bytes }) => html`<option value="${dtype}">${dtype}, ${megabytes(bytes)}</option>`,
  );
  return html`<section class="model ${role}" id="${role}" aria-labelledby="${role}-name" aria-busy="true">
<header>
<h2 id="${role}-name"><span class="role">${title}</span>${name.toLowerCase() === title.toLowerCase() ? null : html` ${name}`}</h2>
<p class="note">${shape}</p>
</header>
<div class="answer"><p class="state">Waiting</p><progress hidden aria-label="Download of ${name}"></progress></div>
<dl class="figures">
<div><dt>Time</dt><dd><span class="figure" data-figure="time">–</span> <span class="note" data-figure="times"></span></dd></div>
<div><dt>Download</dt><dd><span class="figure" data-figure="download">–</span> <span class="note" data-figure="opening"></span></dd></div>
<div><dt>Memory</dt><dd><span class="figure" data-figure="memory">–</span> <span class="note" data-figure="heap"></span></dd></div>
</dl>
<label class="choice">Weights <select data-choice="weights">${choices}</select></label>
</section>
`;
}

function renderFooter(version: string): Markup {
  return html`<footer>
<label class="choice">Runs on <select id="device"><option value="wasm">the processor</option></select></label>
<p id="network">Looking whether this browser can keep the page.</p>
<p id="page-memory"></p>
<p>Made by Limbeck ${version}, with ONNX Runtime Web. The models are files beside this page; nothing else is fetched.</p>
</footer>
`;
}

/** In decimal megabytes, as downloads are counted. */
function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 9.95e6 ? 1 : 0)} MB`;
}

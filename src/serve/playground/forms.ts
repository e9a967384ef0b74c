import type { PipelineTask } from "../../kinds/pipeline-names.js";
import { html, type Markup } from "../../pages/html.js";
import type { SiteDescription } from "./description.js";

/** What the page is called, and what its button says. */
export const TITLES: Readonly<Record<PipelineTask, readonly [title: string, action: string]>> = {
  "fill-mask": ["Fill in the blank", "Fill in"],
  "question-answer": ["Ask a passage", "Answer"],
  classify: ["Classify a text", "Classify"],
  embed: ["How alike are two texts?", "Compare"],
};

/** The form of a task, with its first example in it. */
export function renderForm({ task, examples }: SiteDescription): Markup {
  const values = examples[0]?.fields ?? {};
  const [, action] = TITLES[task];
  const buttons = examples.map(
    ({ label }, i) => html`<li><button type="button" class="example" data-example="${i}">${label}</button></li>\n`,
  );
  return html`<form id="ask" autocomplete="off">
${FIELDS[task](values)}
<p class="alert" role="alert" id="refusal" hidden></p>
<div class="actions">
<button type="submit" class="primary" aria-keyshortcuts="Control+Enter Meta+Enter">${action}</button>
${task === "fill-mask" ? html`<button type="button" id="insert-mask">Insert <code>[MASK]</code></button>` : null}
<span class="note keys"><kbd>Ctrl</kbd> + <kbd>Enter</kbd></span>
</div>
<div role="group" aria-labelledby="examples-title">
<p class="note" id="examples-title">Or try</p>
<ul class="examples">
${buttons}</ul>
</div>
</form>
`;
}

type Values = Readonly<Record<string, string>>;

const FIELDS: Readonly<Record<PipelineTask, (values: Values) => Markup>> = {
  "fill-mask": ({ text = "" }) =>
    area({
      name: "text",
      label: html`A sentence with <code>[MASK]</code> where a word is missing`,
      rows: 2,
      value: text,
    }),
  "question-answer": ({ question = "", context = "" }) =>
    html`${line({ name: "question", label: html`A question`, value: question })}
${area({ name: "context", label: html`The passage that holds the answer`, rows: 7, value: context })}`,
  classify: ({ text = "", pair = "" }) =>
    html`${area({ name: "text", label: html`A text`, rows: 2, value: text })}
${area({ name: "pair", label: html`A second text <span class="note">(for models that compare two)</span>`, rows: 2, value: pair })}`,
  embed: ({ text = "", pair = "" }) =>
    html`${area({ name: "text", label: html`A text`, rows: 2, value: text })}
${area({ name: "pair", label: html`Another text`, rows: 2, value: pair })}`,
};

interface Field {
  readonly name: string;
  readonly label: Markup;
  readonly value: string;
}

function line({ name, label, value }: Field): Markup {
  return html`<p class="field"><label for="${name}">${label}</label>
<input id="${name}" name="${name}" value="${value}" enterkeyhint="go" aria-describedby="refusal"></p>`;
}

function area({ name, label, value, rows }: Field & { rows: number }): Markup {
  return html`<p class="field"><label for="${name}">${label}</label>
<textarea id="${name}" name="${name}" rows="${rows}" aria-describedby="refusal">${value}</textarea></p>`;
}

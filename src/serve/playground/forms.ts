import { KIND_RECORDS, type Kind } from "../../kinds/kinds.js";
import { html, type Markup } from "../../pages/html.js";
import type { SiteDescription } from "./description.js";

type Values = Readonly<Record<string, string>>;

/** A page's form, by what its models are for. */
interface Form {
  /** What the page is called. */
  readonly title: string;
  /** What its button says. */
  readonly action: string;
  readonly fields: (values: Values) => Markup;
}

const TEXT_FORM: Form = {
  title: "Classify a text",
  action: "Classify",
  fields: ({ text = "", pair = "" }) =>
    html`${area({ name: "text", label: html`A text`, rows: 2, value: text })}
${area({ name: "pair", label: html`A second text <span class="note">(for models that compare two)</span>`, rows: 2, value: pair })}`,
};

export const FORMS: Readonly<Record<Kind, Form>> = {
  "masked-words": {
    title: "Fill in the blank",
    action: "Fill in",
    fields: ({ text = "" }) =>
      area({
        name: "text",
        label: html`A sentence with <code>[MASK]</code> where a word is missing`,
        rows: 2,
        value: text,
      }),
  },
  classification: TEXT_FORM,
  regression: TEXT_FORM,
  "question-answering": {
    title: "Ask a passage",
    action: "Answer",
    fields: ({ question = "", context = "" }) =>
      html`${line({ name: "question", label: html`A question`, value: question })}
${area({ name: "context", label: html`The passage that holds the answer`, rows: 7, value: context })}`,
  },
  embedding: {
    title: "How alike are two texts?",
    action: "Compare",
    fields: ({ text = "", pair = "" }) =>
      html`${area({ name: "text", label: html`A text`, rows: 2, value: text })}
${area({ name: "pair", label: html`Another text`, rows: 2, value: pair })}`,
  },
};

/** The form of a kind of task, with its first example in it. */
export function renderForm({ kind, examples }: SiteDescription): Markup {
  const values = examples[0]?.fields ?? {};
  const { action, fields } = FORMS[kind];
  const { hasMasks } = KIND_RECORDS[kind];
  const buttons = examples.map(
    ({ label }, i) => html`<li><button type="button" class="example" data-example="${i}">${label}</button></li>\n`,
  );
  return html`<form id="ask" autocomplete="off">
${fields(values)}
<p class="alert" role="alert" id="refusal" hidden></p>
<div class="actions">
<button type="submit" class="primary" aria-keyshortcuts="Control+Enter Meta+Enter">${action}</button>
${hasMasks ? html`<button type="button" id="insert-mask">Insert <code>[MASK]</code></button>` : null}
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

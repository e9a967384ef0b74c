import { DARK, LIGHT, variables } from "../../pages/style.js";

/** The playground's style sheet: the look of reports, with a form and answers; light and dark, phone to wide screen. */
export const STYLE = `
:root{color-scheme:light dark;${variables(LIGHT)}--on-strong:#ffffff}
@media (prefers-color-scheme:dark){:root{${variables(DARK)}--on-strong:#14171b}}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;background:var(--background);color:var(--text);
  font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;
  -webkit-text-size-adjust:100%;overflow-wrap:break-word}
main{max-width:66rem;margin:0 auto;padding:2.5rem 1.25rem 3rem}
.mark{display:flex;align-items:center;gap:.55rem;margin:0 0 1.6rem;color:var(--muted);font-size:.9375rem;font-weight:600}
h1{font-size:clamp(1.75rem,5vw,2.4rem);line-height:1.2;letter-spacing:-.02em;margin:0 0 .5rem;text-wrap:balance}
p{margin:.5rem 0;max-width:46rem}
.summary{font-size:1.125rem;color:var(--muted);text-wrap:pretty}
.note,footer{color:var(--muted);font-size:.875rem}
.unseen{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
form{margin:1.8rem 0 0}
.field{display:flex;flex-direction:column;gap:.35rem;max-width:none;margin:0 0 1rem}
label{font-weight:600;font-size:.9375rem}
label .note{font-weight:400}
input,textarea,select,button{font:inherit;color:inherit}
input,textarea{width:100%;padding:.7rem .9rem;background:var(--surface);border:1px solid var(--line);border-radius:10px;
  font-size:1.0625rem;line-height:1.5}
textarea{display:block;resize:vertical;field-sizing:content;min-height:3rem;max-height:60vh}
button,select{min-height:2.75rem;border:1px solid var(--line);border-radius:10px;background:var(--background);cursor:pointer}
button{padding:.45rem 1rem}
button:hover,select:hover{border-color:var(--muted)}
button.primary{background:var(--c1);border-color:var(--c1);color:var(--on-strong);font-weight:650;padding-inline:1.5rem}
button.primary:hover{background:color-mix(in srgb,var(--c1) 88%,var(--text))}
:focus-visible{outline:2px solid var(--c1);outline-offset:2px}
.actions{display:flex;flex-wrap:wrap;align-items:center;gap:.6rem}
.keys{margin-left:.3rem}
kbd{font:.75rem/1 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;border:1px solid var(--line);
  border-bottom-width:2px;border-radius:5px;padding:.15rem .35rem}
code{font:.875em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
.examples{list-style:none;display:flex;flex-wrap:wrap;gap:.45rem;margin:0;padding:0}
#examples-title{margin:1.1rem 0 .4rem}
.examples li{min-width:0;max-width:100%}
.example{display:block;max-width:100%;min-height:2.25rem;padding:.3rem .85rem;border-radius:99px;font-size:.875rem;
  white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.alert{color:var(--c2);font-weight:600}
.verdict{max-width:none;min-height:1.35em;margin:2.2rem 0 1.1rem;font-size:clamp(1.15rem,3vw,1.4rem);font-weight:650;line-height:1.35;
  letter-spacing:-.01em;text-wrap:balance}
.models{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1rem}
.models.alone{max-width:46rem;margin-top:2.2rem}
.model{--series:var(--c1);display:flex;flex-direction:column;min-width:0;background:var(--surface);border-radius:14px;
  border-top:4px solid var(--series);padding:1.1rem 1.25rem 1.2rem}
.model.teacher{--series:var(--c2)}
.model header p{margin:.1rem 0 0}
h2{font-size:1.125rem;line-height:1.35;margin:0;overflow-wrap:anywhere}
.role{color:var(--series)}
.answer{flex:1;min-height:7.5rem;padding:1rem 0 1.3rem}
.fill-mask .answer{min-height:17.5rem}
.question-answer .answer{min-height:20rem}
.answer p{margin:.3rem 0}
.state{color:var(--muted)}
progress{appearance:none;display:block;width:100%;height:.5rem;margin:.7rem 0;border:0;border-radius:99px;background:var(--line);overflow:hidden}
progress::-webkit-progress-bar{background:var(--line)}
progress::-webkit-progress-value{background:var(--series);transition:width .15s}
progress::-moz-progress-bar{background:var(--series)}
.answer .headline{font-size:1.25rem;font-weight:600;line-height:1.4;margin:0 0 .8rem}
.answer .excerpt{color:var(--muted);font-size:.9375rem;margin:0 0 .9rem}
mark{background:color-mix(in srgb,var(--series) 20%,transparent);color:inherit;border-radius:4px;padding:.05em .2em;
  box-decoration-break:clone;-webkit-box-decoration-break:clone}
.excerpt mark{color:var(--text)}
.answer h3{font-size:.875rem;font-weight:600;color:var(--muted);margin:.9rem 0 .3rem}
.bars{list-style:none;margin:0;padding:0;display:grid;gap:.5rem}
.bars li{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:.15rem 1rem;align-items:baseline}
.bars .value{font-variant-numeric:tabular-nums;color:var(--muted);font-size:.9375rem}
.bars li:first-child{font-weight:650}
.bars li:first-child .value{color:inherit}
.bar{grid-column:1/-1;height:.4rem;border-radius:99px;background:color-mix(in srgb,var(--series) 14%,transparent);overflow:hidden}
.bar span{display:block;height:100%;border-radius:99px;background:var(--series);width:calc(100%*var(--share));min-width:2px;
  transition:width .3s ease-out}
.model[aria-busy=true] .stale{opacity:.5}
.figures{display:grid;grid-template-columns:repeat(3,1fr);gap:.5rem 1rem;margin:0;padding:.9rem 0 .2rem;border-top:1px solid var(--line)}
.figures div{min-width:0}
.figures dt{color:var(--muted);font-size:.8125rem}
.figures dd{margin:0}
.figure{display:block;font-size:1.375rem;font-weight:650;line-height:1.3;letter-spacing:-.02em;font-variant-numeric:tabular-nums;white-space:nowrap}
.figures .note{display:block;font-size:.8125rem;line-height:1.4}
.choice{display:inline-flex;align-items:center;gap:.6rem;font-size:.875rem;font-weight:400;color:var(--muted);margin-top:.8rem}
.choice select{min-height:2.25rem;padding:.2rem .6rem;color:var(--text);max-width:100%}
footer{margin-top:2.4rem;border-top:1px solid var(--line);padding-top:1rem}
footer .choice{margin:0 0 .5rem}
@media (max-width:30rem){
  main{padding:1.4rem 1rem 2rem}
  .mark{margin-bottom:1.1rem}
  .verdict{min-height:4.05em}
  .keys{display:none}
  .model{padding:1rem}
  .figures{gap:.5rem}
  .figure{font-size:1.2rem}
  .examples{flex-wrap:nowrap;overflow-x:auto;margin:0 -1rem;padding:.2rem 1rem .5rem;scrollbar-width:none}
  .examples li{flex:none;max-width:80%}
}
@media (hover:none){.keys{display:none}}
@media (prefers-reduced-motion:reduce){*{transition:none!important;animation:none!important;scroll-behavior:auto!important}}
@media (forced-colors:active){.bar span{background:CanvasText}.model{border:1px solid}}
`;

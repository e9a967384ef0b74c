/** An alembic: what was called a limbeck. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke-linecap="round" stroke-linejoin="round">
<style>:root{--c1:#0069ab;--c2:#c2480a}@media (prefers-color-scheme:dark){:root{--c1:#5fb4f2;--c2:#ff9a5a}}</style>
<path d="M6.2 17.5h10.6a6.5 6.5 0 1 1-10.6 0z" fill="var(--c1)" fill-opacity=".25"/>
<path d="M9 13.5a7.5 7.5 0 1 0 5 0V9.5l13 7v3M9 13.5V8a2.5 2.5 0 0 1 5 0v1.5" stroke="var(--c1)" stroke-width="2.2"/>
<path d="M27 24.2c1.3 1.7 1.3 3.3 0 3.3s-1.3-1.6 0-3.3z" fill="var(--c2)" stroke="var(--c2)" stroke-width="1.5"/>
</svg>
`;

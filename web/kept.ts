/** Of what a playground keeps; several may be on one host, in folders of their own. */
export function cacheName(scope: string): string {
  return `limbeck-playground ${scope}`;
}

/** Whether a path below the page is kept: those that change with their content. */
export function isKeptPath(path: string): boolean {
  return /^(assets-|models\/)/.test(path);
}

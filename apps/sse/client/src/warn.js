import { loadModule } from './loader.js';

const warned = new Set();

/** Warn in the console, once for each `cause` and `subject`; warnings.js has the texts. */
export function warn(cause, subject) {
  const key = `${cause} ${subject}`;
  if (warned.has(key)) return;
  warned.add(key);
  loadModule('extras').then((module) => module?.warn(cause, subject));
}

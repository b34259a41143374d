import { load } from './parts.js';

const given = new Set();

/** Say in the console what may surprise, once for each `cause` and `subject`; advice.js has the words. */
export function advise(cause, subject) {
  const key = `${cause} ${subject}`;
  if (given.has(key)) return;
  given.add(key);
  load('extras').then((part) => part?.advise(cause, subject));
}

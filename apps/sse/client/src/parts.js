/** Parts of the client that are loaded from beside it when they are first needed. */

/** Not there if the script runs as a module. */
const addresses = document.currentScript?.dataset ?? {};
const TIME_LIMIT = 5000;
const TRY_AGAIN_AFTER = 5000;
const loading = new Map();
const attempts = new Map();
const awaited = new Map();
const needed = new Map();

/** The parts that are there, of those that events wait for. */
export const parts = {};

/** Begin to load a part that the next event has to wait for, if it is not there. */
export function need(name, install) {
  if (parts[name] || awaited.has(name)) return;
  needed.set(name, install);
  const loading = load(name).then((part) => {
    awaited.delete(name);
    parts[name] = part;
    if (part) install?.(part);
  });
  awaited.set(name, loading);
}

/** A promise while something that events wait for is loaded, perhaps again; undefined otherwise. */
export function pending() {
  needed.forEach((install, name) => need(name, install));
  return awaited.size ? Promise.all(awaited.values()) : undefined;
}

/** A promise of what the part exports, or of undefined if it cannot be had now; it never rejects. */
export function load(name) {
  if (!loading.has(name)) loading.set(name, attempt(name));
  return loading.get(name);
}

async function attempt(name) {
  const number = (attempts.get(name) ?? 0) + 1;
  attempts.set(name, number);
  // A relative address is one beside this script.
  const address = addresses[name] ?? `./djust-sse-${name}.js`;
  // Some browsers keep the failure of an address.
  const url = number > 1 ? `${address}${address.includes('?') ? '&' : '?'}attempt=${number}` : address;
  try {
    return await Promise.race([import(url), tooLong()]);
  } catch (error) {
    console.error(`DjustSSE: ${url} could not be loaded and will be tried again: ${error}`);
    setTimeout(() => loading.delete(name), TRY_AGAIN_AFTER);
    return undefined;
  }
}

function tooLong() {
  return new Promise((_, reject) =>
    setTimeout(() => reject(new Error(`no response within ${TIME_LIMIT} ms`)), TIME_LIMIT),
  );
}

/** Loads modules of the client when they are first needed. */

/** The addresses in the script element's attributes; without one if the script was imported. */
const addresses = document.currentScript?.dataset ?? {};
const TIMEOUT = 5000;
const RETRY_AFTER = 5000;
const loading = new Map();
const attempts = new Map();
const blocking = new Map();
const required = new Map();

/** The loaded ones of the modules that events wait for, by name. */
export const modules = {};

/** Load a module that the next event must wait for, unless it is loaded. */
export function requireModule(name, install) {
  if (modules[name] || blocking.has(name)) return;
  required.set(name, install);
  const loading = loadModule(name).then((module) => {
    blocking.delete(name);
    modules[name] = module;
    if (module) install?.(module);
  });
  blocking.set(name, loading);
}

/** Return a promise while required modules are loading, and load failed ones again; undefined otherwise. */
export function pendingModules() {
  required.forEach((install, name) => requireModule(name, install));
  return blocking.size ? Promise.all(blocking.values()) : undefined;
}

/** Return a promise of a module, or of undefined if it cannot be loaded now; it never rejects. */
export function loadModule(name) {
  if (!loading.has(name)) loading.set(name, importModule(name));
  return loading.get(name);
}

async function importModule(name) {
  const number = (attempts.get(name) ?? 0) + 1;
  attempts.set(name, number);
  // import() resolves it relative to this script.
  const address = addresses[name] ?? `./djust-sse-${name}.js`;
  // Some browsers cache the failure of an address.
  const url = number > 1 ? `${address}${address.includes('?') ? '&' : '?'}attempt=${number}` : address;
  try {
    return await Promise.race([import(url), timeout()]);
  } catch (error) {
    console.error(`DjustSSE: ${url} could not be loaded and will be tried again: ${error}`);
    setTimeout(() => loading.delete(name), RETRY_AFTER);
    return undefined;
  }
}

function timeout() {
  return new Promise((_, reject) => setTimeout(() => reject(new Error(`no response within ${TIMEOUT} ms`)), TIMEOUT));
}

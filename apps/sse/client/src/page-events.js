import { dispatch } from './dispatch.js';
import { asText, isHTML, isObject } from './html.js';
import { pendingModules, requireModule } from './loader.js';
import { put } from './modes.js';
import { isPatches, patch } from './patches.js';
import { forEachTarget } from './targets.js';

/** The server's helper events, which change the page, by name. */
const PAGE_EVENTS = {
  html: {
    fits: (data) => typeof data.target === 'string' && isHTML(data.html),
    apply: ({ target, html, mode }) => forEachTarget(target, (element) => put(element, { html }, mode)),
  },
  text: {
    fits: (data) => typeof data.target === 'string' && 'text' in data,
    apply: ({ target, text, mode }) => forEachTarget(target, (element) => put(element, asText(text), mode)),
  },
  patch: {
    fits: isPatches,
    apply: patch,
  },
  redirect: {
    fits: (data) => typeof data.url === 'string',
    apply: ({ url }) => redirect(new URL(url, location.href)),
  },
  reload: {
    fits: () => true,
    apply: () => location.reload(),
  },
};

/** Applications may use these names for their own data, so the data must fit too. */
export function isPageEvent(type, data) {
  return Object.hasOwn(PAGE_EVENTS, type) && isObject(data) && PAGE_EVENTS[type].fits(data);
}

export function applyPageEvent(type, data, origin) {
  if (!isTrusted(origin)) return;
  if (!dispatch(document, 'sse:before', { event: type, data }, true)) return;
  try {
    PAGE_EVENTS[type].apply(data);
  } catch (error) {
    console.error(`DjustSSE: a ${type} event could not be applied:`, error);
  }
}

/** Another origin's server may change this page only if the page lists it. */
function isTrusted(origin) {
  if (origin === location.origin || globalThis.DjustSSE.changeOrigins.includes(origin)) return true;
  console.error(`DjustSSE: ${origin} is not in DjustSSE.changeOrigins and cannot change this page.`);
  return false;
}

/** Return a promise of the modules that an event must wait for, or undefined if all are loaded. */
export function modulesFor(type, data) {
  if (isPageEvent(type, data) && usesMorph(data)) requireModule('morph');
  return pendingModules();
}

function usesMorph(data) {
  return data.mode === 'morph' || (Array.isArray(data) && data.some((operation) => operation?.op === 'morph'));
}

function redirect(url) {
  const origins = [location.origin, ...globalThis.DjustSSE.redirectOrigins];
  if (!origins.includes(url.origin) || !/^https?:$/.test(url.protocol)) {
    throw new Error(`${url.origin} is not the origin of this page, ${location.origin}`);
  }
  location.assign(url);
}

import { announce } from './announce.js';
import { each } from './each.js';
import { asText, hasHTML, isHTML, isObject } from './html.js';
import { put } from './modes.js';
import { need, parts, pending } from './parts.js';
import { isPatches, patch, setAttribute, setValue } from './patches.js';

/** The events with which a server changes the page directly, by the names they have there. */
const CHANGES = {
  html: {
    fits: (data) => typeof data.target === 'string' && isHTML(data.html),
    apply: ({ target, html, mode }) => each(target, (element) => put(element, { html }, mode)),
  },
  text: {
    fits: (data) => typeof data.target === 'string' && 'text' in data,
    apply: ({ target, text, mode }) => each(target, (element) => put(element, asText(text), mode)),
  },
  patch: {
    fits: isPatches,
    apply: patch,
  },
  redirect: {
    fits: (data) => typeof data.url === 'string',
    apply: ({ url }) => leaveFor(new URL(url, location.href)),
  },
  reload: {
    fits: () => true,
    apply: () => location.reload(),
  },
};

/** An application may use these names for data of its own: only data of the right shape is a change. */
export function isChange(type, data) {
  return Object.hasOwn(CHANGES, type) && isObject(data) && CHANGES[type].fits(data);
}

export function change(type, data, origin) {
  if (!isTrusted(origin)) return;
  if (!announce(document, 'sse:before', { event: type, data }, true)) return;
  try {
    CHANGES[type].apply(data);
  } catch (error) {
    console.error(`DjustSSE: a ${type} event could not be applied:`, error);
  }
}

/** Another origin's server must not rewrite this page, unless the page says that it may. */
function isTrusted(origin) {
  if (origin === location.origin || globalThis.DjustSSE.changeOrigins.includes(origin)) return true;
  console.error(`DjustSSE: ${origin} is not in DjustSSE.changeOrigins and cannot change this page.`);
  return false;
}

/** What is being loaded and an event has to wait for: a promise, or undefined if nothing is missing. */
export function needs(type, data) {
  if (isChange(type, data) && asksForMorph(data)) need('morph');
  return pending();
}

function asksForMorph(data) {
  return data.mode === 'morph' || (Array.isArray(data) && data.some((operation) => operation?.op === 'morph'));
}

/** Show an event's data in `target`: its HTML, or its marked fields, or else its text. */
export function show(target, data, mode, limit) {
  const fills = (mode ?? 'replace') === 'replace' && !hasHTML(data);
  if (!fills || !fill(target, data)) put(target, data, mode, limit);
}

/** Put values into what is marked `dj-sse-field` in `target`, itself included; false if nothing is. */
export function fill(target, data) {
  const fields = [...target.querySelectorAll('[dj-sse-field]')].filter((field) => belongsTo(field, target));
  if (target.hasAttribute('dj-sse-field')) fields.push(target);
  for (const field of fields) {
    const name = field.getAttribute('dj-sse-field');
    const value = lookUp(data, name);
    if (name.includes(':')) parts.extras?.bind(field, data, { lookUp, setAttribute, setValue });
    else if (value !== undefined) setValue(field, value);
  }
  return fields.length > 0;
}

/** The fields of an element with a stream of its own are its own business. */
function belongsTo(field, target) {
  const owner = field.closest('[dj-sse]');
  return !owner || owner === field || owner.contains(target);
}

function lookUp(data, name) {
  if (isObject(data) && Object.hasOwn(data, name)) return data[name];
  return name.split('.').reduce((value, key) => {
    return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  }, data);
}

function leaveFor(url) {
  const origins = [location.origin, ...globalThis.DjustSSE.redirectOrigins];
  if (!origins.includes(url.origin) || !/^https?:$/.test(url.protocol)) {
    throw new Error(`${url.origin} is not the origin of this page, ${location.origin}`);
  }
  location.assign(url);
}

/**
 * What an update does with a target, by mode. `content` is a DocumentFragment.
 * An element whose id is on the page replaces it, so that an event that comes twice shows once.
 */
const MODES = {
  replace(target, content) {
    const isTwin = (element) => element.id && element.id === target.id;
    if ([...content.children].some(isTwin)) return target.replaceWith(content);
    target.replaceChildren();
    target.append(withoutTwins(target, content));
  },
  append(target, content) {
    target.append(withoutTwins(target, content));
  },
  prepend(target, content) {
    target.prepend(withoutTwins(target, content));
  },
};

/** The events with which a server changes the page directly, by the names they have there. */
const CHANGES = {
  html: {
    fits: (data) => typeof data.target === 'string' && isHTML(data.html),
    apply: ({ target, html, mode }) => each(target, (element) => insert(element, html, mode)),
  },
  text: {
    fits: (data) => typeof data.target === 'string' && 'text' in data,
    apply: ({ target, text, mode }) => each(target, (element) => insertText(element, text, mode)),
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

export function change(type, data) {
  try {
    CHANGES[type].apply(data);
  } catch (error) {
    console.error(`DjustSSE: a ${type} event could not be applied:`, error);
  }
}

/** Show an event's data in `target`: its HTML, or its marked fields, or else its text. */
export function show(target, data, mode) {
  if (isObject(data) && isHTML(data.html)) insert(target, data.html, mode);
  else if (!fill(target, data)) insertText(target, data, mode);
}

/** Put values into what is marked `dj-sse-field` in `target`, itself included; false if nothing is. */
export function fill(target, data) {
  const fields = [...target.querySelectorAll('[dj-sse-field]')].filter((field) => belongsTo(field, target));
  if (target.hasAttribute('dj-sse-field')) fields.push(target);
  for (const field of fields) {
    const value = lookUp(data, field.getAttribute('dj-sse-field'));
    if (value !== undefined) setValue(field, asText(value));
  }
  return fields.length > 0;
}

/** Call `update` with every element that matches `selector`; say so if none does. */
export function each(selector, update) {
  const elements = document.querySelectorAll(selector);
  if (!elements.length) console.warn(`DjustSSE: nothing on this page matches "${selector}".`);
  elements.forEach(update);
}

function insert(target, html, mode) {
  const template = document.createElement('template');
  template.innerHTML = trusted(html);
  put(target, template.content, mode);
}

function insertText(target, data, mode) {
  const content = new DocumentFragment();
  content.append(asText(data));
  put(target, content, mode);
}

function put(target, content, mode) {
  const update = Object.hasOwn(MODES, mode ??= 'replace') && MODES[mode];
  if (!update) throw new Error(`there is no mode "${mode}", only ${Object.keys(MODES).join(', ')}`);
  update(target, content);
}

function withoutTwins(target, content) {
  for (const element of [...content.children]) {
    const twin = element.id && document.getElementById(element.id);
    if (!twin || twin.contains(target)) continue;
    if (target.contains(twin)) twin.replaceWith(element);
    else twin.remove();
  }
  return content;
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

function setValue(field, text) {
  if (field.matches('input, select, textarea, progress, meter')) field.value = text;
  else field.textContent = text;
}

function asText(data) {
  if (isObject(data)) return JSON.stringify(data, null, 2);
  return String(data ?? '');
}

function isObject(data) {
  return typeof data === 'object' && data !== null;
}

function leaveFor(url) {
  if (url.origin !== location.origin || !/^https?:$/.test(url.protocol)) {
    throw new Error(`it leads to another origin, ${url.origin}, and this page is of ${location.origin}`);
  }
  location.assign(url);
}

const { trustedTypes, TrustedHTML } = globalThis;
const givesTrustedHTML = trustedTypes && 'trustedTypes' in (document.currentScript?.dataset ?? {});
let policy;

/** HTML comes from our server's `html` fields alone, which is what makes it trusted. */
function trusted(html) {
  if (!trustedTypes || typeof html !== 'string') return html;
  policy ??= trustedTypes.createPolicy('djust-sse', { createHTML: (text) => text });
  return policy.createHTML(html);
}

/** Where the page's policy takes no strings, its own scripts are to be able to insert an `html` field too. */
export function withTrustedHTML(data) {
  return givesTrustedHTML && isObject(data) && isHTML(data.html) ? { ...data, html: trusted(data.html) } : data;
}

function isHTML(value) {
  return typeof value === 'string' || (TrustedHTML !== undefined && value instanceof TrustedHTML);
}

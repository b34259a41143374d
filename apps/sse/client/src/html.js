/** What is HTML, and how it gets past a policy of Trusted Types. */

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
  return givesTrustedHTML && hasHTML(data) ? { ...data, html: trusted(data.html) } : data;
}

export function isHTML(value) {
  return typeof value === 'string' || (TrustedHTML !== undefined && value instanceof TrustedHTML);
}

export function isObject(value) {
  return typeof value === 'object' && value !== null;
}

export function hasHTML(data) {
  return isObject(data) && isHTML(data.html);
}

/** A fragment with the nodes of `html`, which are to stand in `parent`; scripts in it do not run. */
export function parsed(html, parent) {
  const template = document.createElement('template');
  // A shape that is parsed as HTML is not drawn.
  const isShape = parent?.namespaceURI.endsWith('svg') && parent.localName !== 'foreignObject';
  template.innerHTML = trusted(isShape ? `<svg>${html}</svg>` : html);
  const shape = isShape && template.content.firstElementChild;
  if (shape) shape.replaceWith(...shape.childNodes);
  return template.content;
}

/** A fragment for a server's value, to stand in `parent`: HTML if it has an `html` field, or else its text. */
export function contentOf(value, parent) {
  if (hasHTML(value)) return parsed(value.html, parent);
  const content = new DocumentFragment();
  content.append(asText(value));
  return content;
}

export function asText(value) {
  if (isObject(value)) return JSON.stringify(value, null, 2);
  return String(value ?? '');
}

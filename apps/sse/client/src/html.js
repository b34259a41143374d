/** HTML from the server, which a policy for Trusted Types may have to mark as trusted. */

const { trustedTypes, TrustedHTML } = globalThis;
const givesTrustedHTML = trustedTypes && 'trustedTypes' in (document.currentScript?.dataset ?? {});
let policy;

/** Only HTML in the server's `html` fields gets here. */
function trusted(html) {
  if (!trustedTypes || typeof html !== 'string') return html;
  policy ??= trustedTypes.createPolicy('djust-sse', { createHTML: (text) => text });
  return policy.createHTML(html);
}

/** Where the page's policy refuses strings, its own scripts must be able to insert an `html` field too. */
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

/** Return a fragment with the nodes of `html`, to insert in `parent`; scripts in it do not run. */
export function parseHTML(html, parent) {
  const template = document.createElement('template');
  // Browsers do not draw a shape that was parsed as HTML.
  const isShape = parent?.namespaceURI.endsWith('svg') && parent.localName !== 'foreignObject';
  template.innerHTML = trusted(isShape ? `<svg>${html}</svg>` : html);
  const shape = isShape && template.content.firstElementChild;
  if (shape) shape.replaceWith(...shape.childNodes);
  return template.content;
}

/** Return a fragment of a server's value, to insert in `parent`: its `html` field, or else its text. */
export function contentOf(value, parent) {
  if (hasHTML(value)) return parseHTML(value.html, parent);
  const content = new DocumentFragment();
  content.append(asText(value));
  return content;
}

export function asText(value) {
  if (isObject(value)) return JSON.stringify(value, null, 2);
  return String(value ?? '');
}

/**
 * Write `data` to the bindings that `dj-sse-field` lists: `name` (text or value), `attribute:name`,
 * `class.done:name` (a class), `--property:name` (a CSS custom property).
 */
export function bind(field, data, { lookUp, setAttribute, setValue }) {
  for (const binding of field.getAttribute('dj-sse-field').match(/\S+/g)) {
    const [, kind, name] = /** @type {string[]} */ (/^(?:(.+):)?(.+)$/.exec(binding));
    const value = lookUp(data, name);
    if (value === undefined) continue;
    try {
      if (!kind) setValue(field, value);
      else if (kind.startsWith('class.')) field.classList.toggle(kind.slice(6), Boolean(value));
      else if (kind.startsWith('--')) field.style.setProperty(kind, value);
      else bindAttribute(field, kind, value, setAttribute);
    } catch (error) {
      console.error(`DjustSSE: the field "${binding}" could not be filled:`, error, field);
    }
  }
}

/** A boolean attribute is present or absent; those of ARIA and data have the text `true` or `false`. */
function bindAttribute(field, name, value, setAttribute) {
  const hasBooleanText = /^(aria|data)-/.test(name);
  if (value === null || (value === false && !hasBooleanText)) field.removeAttribute(name);
  else setAttribute(field, { name, value: value === true && !hasBooleanText ? '' : value });
}

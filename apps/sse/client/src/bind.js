/**
 * Put values into what a field's `dj-sse-field` lists: `name` for its text or value, `attribute:name`,
 * `class.done:name` for a class, `--property:name` for a custom property of CSS.
 */
export function bind(field, data, { lookUp, setAttribute, setValue }) {
  for (const binding of field.getAttribute('dj-sse-field').match(/\S+/g)) {
    const [, what, name] = /** @type {string[]} */ (/^(?:(.+):)?(.+)$/.exec(binding));
    const value = lookUp(data, name);
    if (value === undefined) continue;
    try {
      if (!what) setValue(field, value);
      else if (what.startsWith('class.')) field.classList.toggle(what.slice(6), Boolean(value));
      else if (what.startsWith('--')) field.style.setProperty(what, value);
      else bindAttribute(field, what, value, setAttribute);
    } catch (error) {
      console.error(`DjustSSE: the field "${binding}" could not be filled:`, error, field);
    }
  }
}

/** A flag is there or not; those of ARIA and data say `true` or `false`. */
function bindAttribute(field, name, value, setAttribute) {
  const isWord = /^(aria|data)-/.test(name);
  if (value === null || (value === false && !isWord)) field.removeAttribute(name);
  else setAttribute(field, { name, value: value === true && !isWord ? '' : value });
}

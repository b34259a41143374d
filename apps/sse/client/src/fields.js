import { hasHTML, isObject } from './html.js';
import { modules } from './loader.js';
import { put } from './modes.js';
import { setAttribute, setValue } from './patches.js';

/** Display an event's data in `target`: its HTML, or the values of its fields, or else its text. */
export function display(target, data, mode, limit) {
  const canFill = (mode ?? 'replace') === 'replace' && !hasHTML(data);
  if (!canFill || !fillFields(target, data)) put(target, data, mode, limit);
}

/** Fill the elements with `dj-sse-field` in `target`, itself included. Returns false if there are none. */
export function fillFields(target, data) {
  const fields = [...target.querySelectorAll('[dj-sse-field]')].filter((field) => belongsTo(field, target));
  if (target.hasAttribute('dj-sse-field')) fields.push(target);
  for (const field of fields) {
    const name = field.getAttribute('dj-sse-field');
    const value = lookUp(data, name);
    if (name.includes(':')) modules.extras?.bind(field, data, { lookUp, setAttribute, setValue });
    else if (value !== undefined) setValue(field, value);
  }
  return fields.length > 0;
}

/** Another stream's element inside `target` fills its own fields. */
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

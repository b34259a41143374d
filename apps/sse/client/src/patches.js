import { asText, isObject } from './html.js';
import { isMode, put, setText } from './modes.js';
import { forEachTarget } from './targets.js';

/** The operations of `push_patch` that are not modes: functions of an element and the operation. */
const OPERATIONS = {
  html: (element, { value }) => put(element, isObject(value) ? value : { html: value }),
  value: (element, { value }) => setValue(element, value),
  set_attribute: setAttribute,
  remove_attribute: (element, { name }) => element.removeAttribute(name),
  add_class: (element, { value }) => element.classList.add(...classNames(value)),
  remove_class: (element, { value }) => element.classList.remove(...classNames(value)),
  toggle_class: (element, { value }) => classNames(value).forEach((name) => element.classList.toggle(name)),
};

export function isPatches(data) {
  return Array.isArray(data) && isObject(data[0]) && 'op' in data[0];
}

/** Apply operations in order. If one fails, report it and continue. */
export function patch(operations) {
  for (const operation of operations) {
    try {
      if (typeof operation.path !== 'string') throw new Error('path is missing');
      forEachTarget(operation.path, (element) => apply(element, operation));
    } catch (error) {
      console.error('DjustSSE: an operation could not be applied:', error, operation);
    }
  }
}

function apply(element, operation) {
  const { op, value } = operation;
  if (Object.hasOwn(OPERATIONS, op)) OPERATIONS[op](element, operation);
  else if (isMode(op)) put(element, value, op);
  else throw new Error(`unknown operation "${op}"`);
}

/** Set the value of a form control or a meter, or the text of any other element. */
export function setValue(element, value) {
  if (typeof value === 'boolean' && element.matches('[type=checkbox], [type=radio]')) element.checked = value;
  else if (!element.matches('input, select, textarea, progress, meter')) setText(element, asText(value));
  else if (element.value !== asText(value)) element.value = asText(value);
}

/** Attributes with text for people, which may begin with any word. */
const TEXT_ATTRIBUTES = /^(aria-.*|alt|label|placeholder|title)$/i;

/** Set an attribute. Raises an error for one that would run a script. */
export function setAttribute(element, { name, value }) {
  const text = asText(value);
  const isScriptURL = !TEXT_ATTRIBUTES.test(name) && /^javascript:/i.test(text.replace(/[\0- ]/g, ''));
  const isScript = isScriptURL || /^on|^srcdoc$/i.test(name);
  if (isScript || isObject(value)) throw new Error(`the attribute ${name} must be text, not a script`);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

function classNames(value) {
  return value.match(/\S+/g) ?? [];
}

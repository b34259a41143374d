import { contentOf } from './html.js';
import { hasInput } from './input.js';
import { parts } from './parts.js';

/**
 * What an update does with a target, by mode; `content` is a DocumentFragment.
 * An element whose id is on the page replaces it, so that an event that comes twice shows once.
 */
const MODES = {
  replace(target, content) {
    if (bringsAlong(target, content)) return target.replaceWith(content);
    if (hasEqual(target, content)) return undefined;
    target.replaceChildren();
    target.append(withoutTwins(target, content));
  },
  append(target, content) {
    target.append(withoutTwins(target, content));
  },
  prepend(target, content) {
    target.prepend(withoutTwins(target, content));
  },
  text(target, content) {
    setText(target, content.textContent);
  },
  outer(target, content) {
    target.replaceWith(content);
  },
  before(target, content) {
    target.before(withoutTwins(target.parentNode, content, target));
  },
  after(target, content) {
    target.after(withoutTwins(target.parentNode, content, target));
  },
  remove(target) {
    target.remove();
  },
  morph(target, content) {
    if (!parts.morph) {
      if (hasInput(target)) throw new Error('idiomorph is missing, and replacing would lose typed text');
      return MODES.replace(target, content);
    }
    const style = bringsAlong(target, content) ? 'outerHTML' : 'innerHTML';
    parts.morph.morph(target, [...content.childNodes], style);
  },
};

/** Text that is equal is not written again: a selection would be lost, and it would be read aloud again. */
export function setText(element, text) {
  if (element.textContent !== text || element.firstElementChild) element.textContent = text;
}

function hasEqual(target, content) {
  const [now, next] = [target.childNodes, content.childNodes];
  return now.length === next.length && [...now].every((node, index) => node.isEqualNode(next[index]));
}

export function isMode(name) {
  return Object.hasOwn(MODES, name);
}

/** Put a server's value into `target`; of a list that only grows, at most `limit` children are kept. */
export function put(target, value, mode, limit = target.getAttribute('dj-sse-limit')) {
  mode ??= 'replace';
  if (!isMode(mode)) throw new Error(`unknown mode "${mode}"; use ${Object.keys(MODES).join(', ')}`);
  const parent = target.parentElement;
  MODES[mode](target, contentOf(value, /^(outer|before|after)$/.test(mode) ? parent : target));
  if (limit) keep(target, limit, mode);
  globalThis.htmx?.process(target.isConnected ? target : parent);
}

const NEWEST = { prepend: 'firstElementChild', before: 'previousElementSibling', after: 'nextElementSibling' };

/** Of `before` and `after`, what stands on that side of the target is the list. */
function keep(target, limit, mode) {
  const way = mode === 'prepend' || mode === 'after' ? 'next' : 'previous';
  let child = target[NEWEST[mode] ?? 'lastElementChild'];
  for (let kept = 1; child && kept < limit; kept += 1) child = child[`${way}ElementSibling`];
  if (child?.[`${way}ElementSibling`]) while (child[`${way}Sibling`]) child[`${way}Sibling`].remove();
}

/** Whether `content` has an element with the id of `target`, which is to take its place. */
function bringsAlong(target, content) {
  return target.id !== '' && [...content.children].some(({ id }) => id === target.id);
}

function withoutTwins(parent, content, target = parent) {
  for (const element of [...content.children]) {
    const twin = element.id && document.getElementById(element.id);
    if (!twin || twin.contains(target)) continue;
    if (parent.contains(twin)) twin.replaceWith(element);
    else twin.remove();
  }
  return content;
}

import { hasInput } from './form-state.js';
import { contentOf } from './html.js';
import { modules } from './loader.js';

/**
 * The effect of each mode on a target; `content` is a DocumentFragment.
 * An element replaces the one with its id, so that an event that arrives twice is shown once.
 */
const MODES = {
  replace(target, content) {
    if (replacesTarget(target, content)) return target.replaceWith(content);
    if (hasSameContent(target, content)) return undefined;
    target.replaceChildren();
    target.append(withoutDuplicates(target, content));
  },
  append(target, content) {
    target.append(withoutDuplicates(target, content));
  },
  prepend(target, content) {
    target.prepend(withoutDuplicates(target, content));
  },
  text(target, content) {
    setText(target, content.textContent);
  },
  outer(target, content) {
    target.replaceWith(content);
  },
  before(target, content) {
    target.before(withoutDuplicates(target.parentNode, content, target));
  },
  after(target, content) {
    target.after(withoutDuplicates(target.parentNode, content, target));
  },
  remove(target) {
    target.remove();
  },
  morph(target, content) {
    if (!modules.morph) {
      if (hasInput(target)) throw new Error('idiomorph is missing, and replacing would lose typed text');
      return MODES.replace(target, content);
    }
    const style = replacesTarget(target, content) ? 'outerHTML' : 'innerHTML';
    modules.morph.morph(target, [...content.childNodes], style);
  },
};

/** Leave equal text: writing it would clear the selection, and screen readers would read it again. */
export function setText(element, text) {
  if (element.textContent !== text || element.firstElementChild) element.textContent = text;
}

function hasSameContent(target, content) {
  const [now, next] = [target.childNodes, content.childNodes];
  return now.length === next.length && [...now].every((node, index) => node.isEqualNode(next[index]));
}

export function isMode(name) {
  return Object.hasOwn(MODES, name);
}

/** Write a server's value to `target`, and keep the newest `limit` children of the list that grows. */
export function put(target, value, mode, limit = target.getAttribute('dj-sse-limit')) {
  mode ??= 'replace';
  if (!isMode(mode)) throw new Error(`unknown mode "${mode}"; use ${Object.keys(MODES).join(', ')}`);
  const parent = target.parentElement;
  MODES[mode](target, contentOf(value, /^(outer|before|after)$/.test(mode) ? parent : target));
  if (limit) trim(target, limit, mode);
  globalThis.htmx?.process(target.isConnected ? target : parent);
}

const NEWEST = { prepend: 'firstElementChild', before: 'previousElementSibling', after: 'nextElementSibling' };

/** With `before` and `after` the list is the siblings on that side of the target. */
function trim(target, limit, mode) {
  const direction = mode === 'prepend' || mode === 'after' ? 'next' : 'previous';
  let child = target[NEWEST[mode] ?? 'lastElementChild'];
  for (let kept = 1; child && kept < limit; kept += 1) child = child[`${direction}ElementSibling`];
  if (child?.[`${direction}ElementSibling`]) while (child[`${direction}Sibling`]) child[`${direction}Sibling`].remove();
}

/** Return whether `content` has an element with the id of `target`, which then replaces it. */
function replacesTarget(target, content) {
  return target.id !== '' && [...content.children].some(({ id }) => id === target.id);
}

function withoutDuplicates(parent, content, target = parent) {
  for (const element of [...content.children]) {
    const duplicate = element.id && document.getElementById(element.id);
    if (!duplicate || duplicate.contains(target)) continue;
    if (parent.contains(duplicate)) duplicate.replaceWith(element);
    else duplicate.remove();
  }
  return content;
}

/** Dispatch a bubbling event; returns false if it was cancelable and a listener has prevented what follows. */
export function announce(target, name, detail, cancelable = false) {
  return target.dispatchEvent(new CustomEvent(name, { bubbles: true, cancelable, detail }));
}

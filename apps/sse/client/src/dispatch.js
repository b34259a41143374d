/** Dispatch a bubbling event. Returns false if a listener has prevented its default action. */
export function dispatch(target, name, detail, cancelable = false) {
  return target.dispatchEvent(new CustomEvent(name, { bubbles: true, cancelable, detail }));
}

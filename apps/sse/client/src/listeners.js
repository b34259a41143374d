/** Callbacks by event name. An exception is reported as an uncaught error and the other callbacks run. */
export class Listeners {
  #byName = new Map();

  add(name, callback) {
    if (!this.#byName.has(name)) this.#byName.set(name, new Set());
    this.#byName.get(name).add(callback);
  }

  /** Remove a callback, or all callbacks of that name without `callback`. */
  remove(name, callback) {
    if (callback) this.#byName.get(name)?.delete(callback);
    else this.#byName.delete(name);
  }

  /** Return whether `name` or `*` has a listener. */
  has(name) {
    return [name, '*'].some((key) => this.#byName.get(key)?.size);
  }

  clear() {
    this.#byName.clear();
  }

  emit(name, ...values) {
    for (const callback of [...(this.#byName.get(name) ?? [])]) {
      // An earlier listener may have removed this one.
      if (!this.#byName.get(name)?.has(callback)) continue;
      try {
        callback(...values);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

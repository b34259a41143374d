/** Callbacks by event name. One that throws is reported as an uncaught error and stops nothing else. */
export class Listeners {
  #byName = new Map();

  add(name, callback) {
    if (!this.#byName.has(name)) this.#byName.set(name, new Set());
    this.#byName.get(name).add(callback);
  }

  /** Without `callback`, every listener of that name goes. */
  remove(name, callback) {
    if (callback) this.#byName.get(name)?.delete(callback);
    else this.#byName.delete(name);
  }

  /** Whether somebody listens to `name`, or to everything. */
  has(name) {
    return [name, '*'].some((heard) => this.#byName.get(heard)?.size);
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

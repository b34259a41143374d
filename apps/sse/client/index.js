import { DjustSSE } from './connection.js';
import { start } from './declarative.js';

// A page that loads the script twice keeps its first streams.
if (!globalThis.DjustSSE) {
  globalThis.DjustSSE = DjustSSE;
  start();
}

/** Types of djust-sse.js, a classic script that defines `DjustSSE` for the whole page. */

interface DjustSSEOptions {
  /** Reconnect when the connection is lost. Default: true. */
  autoReconnect?: boolean;
  /** Failed attempts in a row before giving up. Default: 5. */
  maxRetries?: number;
  /** Milliseconds before the first attempt, doubled after each failure; the server may override it. Default: 3000. */
  retryDelay?: number;
  /** Also send cookies to other origins. Default: false. */
  withCredentials?: boolean;
  /** The position after which the stream starts, sent as the first `Last-Event-ID`. */
  lastEventId?: string;
  /**
   * Use one connection for all tabs of this session. It needs a joinable stream, `dj-sse-share-key` on the
   * page and a secure context. Default: false; true for elements with `dj-sse`.
   */
  share?: boolean;
}

type DjustSSEState = 'connecting' | 'connected' | 'reconnecting' | 'disconnected';

/** Why there is no connection. */
type DjustSSEReason =
  | 'closed'
  | 'destroyed'
  | 'removed'
  | 'changed'
  | 'ended'
  | 'finished'
  | 'network'
  | 'silent'
  | 'unanswered'
  | 'suspended'
  | 'unavailable'
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'other-user'
  | 'refused'
  | 'redirected'
  | 'not-a-stream';

interface DjustSSEStateDetail {
  state: DjustSSEState;
  reason?: DjustSSEReason;
  /** The HTTP status of a response that was not a stream. */
  status?: number;
  /** The target of a redirect. */
  url?: string;
  attempt?: number;
  delay?: number;
  reconnections?: number;
}

/** The client's own events, by their names for `on()`. */
interface DjustSSEEvents {
  connected: Record<string, never>;
  disconnected: { reason: DjustSSEReason; status?: number; url?: string; final: boolean };
  /** `delay` is in milliseconds. */
  reconnecting: { attempt: number; delay: number };
  reconnected: { reconnections: number };
  /** An `ErrorEvent` of the client, or the `MessageEvent` of the server's `sse:error`. */
  error: { event: ErrorEvent | MessageEvent<string> };
  'sse:state': DjustSSEStateDetail;
}

interface DjustSSEStats {
  state: DjustSSEState;
  connected: boolean;
  /** When the current connection was opened. */
  since: Date | null;
  messages: number;
  /** Bytes that this tab read from the network; 0 while another tab holds the connection. */
  bytes: number;
  errors: number;
  reconnections: number;
  /** Attempts since the last successful connection. */
  retries: number;
  lastEventId: string;
}

interface DjustSSE {
  readonly url: string;
  readonly state: DjustSSEState;

  /** Connect, or try again immediately instead of waiting for the next attempt. */
  connect(): this;
  disconnect(): this;
  /** Disconnect permanently and remove all listeners. */
  destroy(): this;

  on<Name extends keyof DjustSSEEvents>(event: Name, callback: (detail: DjustSSEEvents[Name]) => void): this;
  /** With `'*'`: every event of the server except `sse:open`, which only carries an id. */
  on(event: '*', callback: (eventType: string, data: any, originalEvent: MessageEvent<string>) => void): this;
  on(event: string, callback: (data: any, originalEvent: MessageEvent<string>) => void): this;
  /** Remove a listener, or all listeners of that name without `callback`. */
  off(event: string, callback?: (...values: any[]) => void): this;

  getStats(): DjustSSEStats;
}

declare var DjustSSE: {
  new (url: string | URL, options?: DjustSSEOptions): DjustSSE;
  readonly prototype: DjustSSE;
  /** Log all events and changes of state to the console. */
  debug: boolean;
  /** Other origins whose streams may change this page by `html`, `text`, `patch`, `redirect` and `reload`. */
  changeOrigins: string[];
  /** Other origins to which the server may redirect this page. */
  redirectOrigins: string[];
};

interface Element {
  /** The connection of an element with the attribute `dj-sse`. */
  _djustSSE?: DjustSSE;
}

interface DocumentEventMap {
  /** The connection of the element `event.target` changed its state. */
  'sse:state': CustomEvent<DjustSSEStateDetail>;
  /**
   * An event is about to change `event.target`, or the page by a helper (then without `originalEvent`).
   * `preventDefault()` prevents the change.
   */
  'sse:before': CustomEvent<{ event: string; data: any; originalEvent?: MessageEvent<string> }>;
  /** An event arrived and was applied to the page. */
  'sse:data': CustomEvent<{ event: string; data: any; originalEvent: MessageEvent<string> }>;
  /** The stream cannot continue from the page's position: load the data again. */
  'sse:reset': CustomEvent<{ data: any }>;
}

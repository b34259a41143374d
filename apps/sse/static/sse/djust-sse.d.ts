/** Types of djust-sse.js, a classic script that defines `DjustSSE` for the whole page. */

interface DjustSSEOptions {
  /** Come back when the connection is lost. Default: true. */
  autoReconnect?: boolean;
  /** Attempts in a row before giving up. Default: 5. */
  maxRetries?: number;
  /** Milliseconds before the first attempt, unless the server says otherwise; doubled each time. Default: 3000. */
  retryDelay?: number;
  /** Send cookies to other origins. Default: false. */
  withCredentials?: boolean;
  /** The place from which the stream goes on, sent as the first `Last-Event-ID`. */
  lastEventId?: string;
  /**
   * One stream for all tabs of this session, where the server says that tabs can join it, on pages that
   * have `dj-sse-share-key` in secure contexts. Default: false; true for elements with `dj-sse`.
   */
  share?: boolean;
}

type DjustSSEState = 'connecting' | 'connected' | 'reconnecting' | 'disconnected';

/** Why a connection is not there; servers of other make give no other ones. */
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
  /** The HTTP status of an answer that was no stream. */
  status?: number;
  /** Where a redirect led to. */
  url?: string;
  attempt?: number;
  delay?: number;
  reconnections?: number;
}

/** What the client tells about itself, by the names for `on()`. */
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
  /** When the present connection was opened. */
  since: Date | null;
  messages: number;
  /** Bytes that this tab has read from the network; none while another tab has the connection. */
  bytes: number;
  errors: number;
  reconnections: number;
  /** Attempts since the connection was last well. */
  retries: number;
  lastEventId: string;
}

declare class DjustSSE {
  /** Print what arrives, and each change of state. */
  static debug: boolean;
  /** Other origins whose streams may change this page by `html`, `text`, `patch`, `redirect` and `reload`. */
  static changeOrigins: string[];
  /** Other origins to which the server may send this page. */
  static redirectOrigins: string[];

  constructor(url: string | URL, options?: DjustSSEOptions);

  readonly url: string;
  readonly state: DjustSSEState;

  /** Start, or try again at once if an attempt is being waited for. */
  connect(): this;
  disconnect(): this;
  /** Disconnect, forget every listener, and refuse to connect again. */
  destroy(): this;

  on<Name extends keyof DjustSSEEvents>(event: Name, callback: (detail: DjustSSEEvents[Name]) => void): this;
  /** With `'*'`: every event of the server except `sse:open`, which only carries an id. */
  on(event: '*', callback: (eventType: string, data: any, originalEvent: MessageEvent<string>) => void): this;
  on(event: string, callback: (data: any, originalEvent: MessageEvent<string>) => void): this;
  /** Without `callback`, every listener of that name goes. */
  off(event: string, callback?: (...values: any[]) => void): this;

  getStats(): DjustSSEStats;
}

interface Element {
  /** The connection of an element with the attribute `dj-sse`. */
  _djustSSE?: DjustSSE;
}

interface DocumentEventMap {
  /** The connection of the element `event.target` has changed. */
  'sse:state': CustomEvent<DjustSSEStateDetail>;
  /**
   * An event is about to change `event.target`, or the page by a helper (then `originalEvent` is missing);
   * `preventDefault()` leaves the page as it is.
   */
  'sse:before': CustomEvent<{ event: string; data: any; originalEvent?: MessageEvent<string> }>;
  /** An event has arrived, and the page shows it. */
  'sse:data': CustomEvent<{ event: string; data: any; originalEvent: MessageEvent<string> }>;
  /** The stream cannot go on where the page is. */
  'sse:reset': CustomEvent<{ data: any }>;
}

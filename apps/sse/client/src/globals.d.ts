/** What the build defines, and what browsers have that TypeScript does not know. */

/** The first digits of the sources' hash. */
declare const VERSION: string;

/** Options of a connection, with those that only elements use. */
interface ConnectionOptions extends DjustSSEOptions {
  /** Use the connection of another element with the same URL. */
  multiplex?: boolean;
  onState?(detail: DjustSSEStateDetail): void;
  /** Returns a promise if later events must wait. */
  onReset?(data: unknown): Promise<void> | undefined;
  /** Returns a promise if the page changes later. */
  onData?(detail: EventDetail, hasBacklog: boolean, hasListener: boolean): Promise<void> | undefined;
}

type EventDetail = DocumentEventMap['sse:data']['detail'];

interface Document {
  readonly prerendering?: boolean;
}

interface PerformanceEntry {
  readonly nextHopProtocol?: string;
}

declare var htmx: { process(element: Element | null): void } | undefined;
declare var trustedTypes: any;
declare var TrustedHTML: any;

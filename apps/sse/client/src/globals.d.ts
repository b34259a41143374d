/** What the build defines, and what browsers have that TypeScript does not know. */

/** The first digits of the sources' hash. */
declare const VERSION: string;

interface Document {
  readonly prerendering?: boolean;
}

interface PerformanceEntry {
  readonly nextHopProtocol?: string;
}

declare var htmx: { process(element: Element | null): void } | undefined;
declare var trustedTypes: any;
declare var TrustedHTML: any;

import { secureHeaders } from 'hono/secure-headers';

/** What every answer carries: nothing from elsewhere runs, and nobody else may frame or read it. */
export const securityHeaders = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'self'"],
    scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", 'data:', 'blob:'],
    workerSrc: ["'self'", 'blob:'],
    objectSrc: ["'none'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
    formAction: ["'none'"],
  },
  // The server speaks plain HTTP, to this machine.
  strictTransportSecurity: false,
});

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** Whether a server at this address can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Names that a Host header may give; null: any. A page elsewhere whose name is made to lead to this machine (DNS
 * rebinding) sends its own name, so a server on the loopback address refuses names that are not its own.
 */
export function allowedHosts(host: string): ReadonlySet<string> | null {
  if (!isLoopback(host)) return null;
  return new Set([...LOOPBACK, host.includes(':') && !host.startsWith('[') ? `[${host}]` : host]);
}

/** The name in a Host header, without its port. */
export function hostName(header: string): string {
  return header.replace(/:\d*$/, '').toLowerCase();
}

/** Whether a request comes from a page of this server, or from no page: a browser says which page sends it. */
export function isOwnOrigin({ headers, url }: Request): boolean {
  const origin = headers.get('origin');
  if (origin === null) return headers.get('sec-fetch-site') !== 'cross-site';
  const host = headers.get('host') ?? new URL(url).host;
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}

/** Whether an Accept-Encoding header takes gzip. */
export function acceptsGzip(header: string | null | undefined): boolean {
  const match = /(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=([\d.]+))?\s*(?:,|$)/i.exec(header ?? '');
  return match !== null && Number(match[1] ?? 1) > 0;
}

import type { ServerResponse } from 'node:http'
import type { Refusal } from './refusal.ts'

/** On every answer. Scripts and styles come from files beside the page, and from nowhere else. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

export function sendHead(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>): void {
  response.writeHead(status, { ...HEADERS, ...headers })
}

export function send(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  sendHead(response, status, { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) })
  response.end(body)
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, 'application/json; charset=utf-8', JSON.stringify(body))
}

export function sendRefusal(response: ServerResponse, { status, error, text }: Refusal): void {
  sendJson(response, status, { error, text })
}

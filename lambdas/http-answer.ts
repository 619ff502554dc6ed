import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { Problem } from '../core/problem.ts';

// Answers hold grants and errors: neither is worth keeping anywhere on the way.
const noStore = { 'cache-control': 'no-store' } as const;

export function jsonAnswer(statusCode: number, content: object): APIGatewayProxyStructuredResultV2 {
  return {
    statusCode,
    headers: { 'content-type': 'application/json', ...noStore },
    body: JSON.stringify(content),
  };
}

/** An error by RFC 9457. */
export function problemAnswer(problem: Problem): APIGatewayProxyStructuredResultV2 {
  return {
    statusCode: problem.status,
    headers: { 'content-type': 'application/problem+json', ...noStore },
    body: JSON.stringify(problemDocument(problem)),
  };
}

export function problemDocument({ more, ...problem }: Problem): object {
  return { type: 'about:blank', ...problem, ...more };
}

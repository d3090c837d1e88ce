import Type from 'typebox'
import { Readiness } from '../lead.ts'
import { Health } from '../session.ts'
import type { Operation } from './operation.ts'

/** For who operates the hub, and for signing in. */
export const operatingOperations = {
  getHealth: {
    tag: 'operation',
    summary: 'Alive',
    answer: {
      status: 200,
      description: 'Whatever else works',
      schema: Health,
      example: {
        status: 'ok',
        service: 'central-hub',
        timestamp: '2026-11-25T10:00:00.000Z',
        version: '0.1.0',
        pid: 4711,
        uptime_s: 3600
      }
    },
    open: true
  },
  getReadiness: {
    tag: 'operation',
    summary: 'What works, and how to mend what does not',
    answer: {
      status: 200,
      description: 'All checks are well',
      also: { 503: 'One is not: its `detail` says how to mend it' },
      schema: Readiness,
      example: {
        ready: true,
        checks: [{ name: 'store', ok: true, detail: 'open in /var/lib/leadmaster/central-hub' }]
      }
    }
  },
  getMetrics: {
    tag: 'operation',
    summary: 'Metrics',
    answer: { status: 200, description: 'As Prometheus has it', types: ['text/plain'] }
  },
  getOpenApi: {
    tag: 'operation',
    summary: 'This description of the API',
    answer: {
      status: 200,
      description: 'OpenAPI 3.1',
      schema: Type.Object({ openapi: Type.String() }),
      example: { openapi: '3.1.1' }
    },
    open: true
  },
  signIn: {
    tag: 'operation',
    summary: 'Sign in with the token, for a cookie',
    description: 'For the operator page: the cookie cannot be read by scripts and lasts 30 days.',
    body: {
      schema: Type.Object({ token: Type.String({ maxLength: 1_000 }) }),
      example: { token: '…' }
    },
    answer: { status: 204, description: 'Signed in' },
    open: true
  },
  signOut: {
    tag: 'operation',
    summary: 'Take the cookie back',
    answer: { status: 204, description: 'Signed out' }
  }
} as const satisfies Record<string, Operation>
